// What XGBoost's schema may say, version by version, and how each wrong thing is refused.
#include "runtime/trees/xgboost/xgboost.h"

#include <cmath>
#include <functional>
#include <string>

#include "base/json.h"
#include "gtest/gtest.h"
#include "runtime/trees/engine.h"
#include "runtime/trees/tree_shap.h"

namespace vigil::trees {
namespace {

Json Stump(double left_leaf, double right_leaf) {
  return {{"left_children", {1, -1, -1}},
          {"right_children", {2, -1, -1}},
          {"split_indices", {1, 0, 0}},
          {"split_conditions", {0.5, left_leaf, right_leaf}},
          {"default_left", {1, 0, 0}},
          {"split_type", {0, 0, 0}},
          {"tree_param", {{"num_nodes", "3"}, {"num_feature", "2"}, {"size_leaf_vector", "1"}}}};
}

// Two trees over two features, as XGBoost 3.2 writes them.
Json Model() {
  Json model;
  model["learner"] = {{"attributes", Json::object()},
                      {"feature_names", {"a", "b"}},
                      {"feature_types", Json::array()},
                      {"gradient_booster",
                       {{"name", "gbtree"},
                        {"model",
                         {{"gbtree_model_param", {{"num_trees", "2"}, {"num_parallel_tree", "1"}}},
                          {"iteration_indptr", {0, 1, 2}},
                          {"tree_info", {0, 0}},
                          {"trees", Json::array({Stump(-1, 1), Stump(-2, 2)})}}}}},
                      {"learner_model_param", {{"base_score", "[5E-1]"}, {"num_class", "0"}, {"num_feature", "2"}, {"num_target", "1"}}},
                      {"objective", {{"name", "binary:logistic"}}}};
  model["version"] = {3, 2, 0};
  return model;
}

StatusOr<XgboostModel> Read(const Json& model) {
  const auto document = ReadJsonDocument(DumpJson(model));
  if (!document.ok()) return document.status();
  return ReadXgboost(*document);
}

Json& Trees(Json& model) { return model["learner"]["gradient_booster"]["model"]; }

TEST(XgboostTest, ReadsWhatIsThere) {
  const auto model = Read(Model());
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->library, "xgboost 3.2.0");
  EXPECT_EQ(model->objective.name, "binary:logistic");
  EXPECT_EQ(model->feature_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(model->best_rounds, 0);
  const Forest& forest = model->forest;
  EXPECT_EQ(forest.features, 2);
  EXPECT_EQ(forest.outputs, 1);
  EXPECT_EQ(forest.rounds, 2);
  EXPECT_EQ(forest.depth, 1);
  EXPECT_EQ(forest.trees(), 2);
  EXPECT_EQ(forest.base, std::vector<double>{0});
  EXPECT_EQ(forest.left, (std::vector<int32_t>{1, -1, -1, 1, -1, -1}));
  EXPECT_EQ(forest.feature[0], 1);
  EXPECT_EQ(forest.default_left[0], 1);
}

TEST(XgboostTest, OldFilesLackKeysAndSpellValuesOtherwise) {
  Json model = Model();  // as XGBoost 1.0 wrote it
  model["version"] = {1, 0, 0};
  model["learner"].erase("feature_names");
  model["learner"].erase("feature_types");
  model["learner"]["learner_model_param"] = {{"base_score", "0.5"}, {"num_class", "0"}, {"num_feature", "2"}};
  Trees(model).erase("iteration_indptr");
  Trees(model)["gbtree_model_param"] = {{"num_trees", "2"}, {"size_leaf_vector", "0"}};
  for (Json& tree : Trees(model)["trees"]) {
    tree.erase("split_type");
    tree["default_left"] = {true, false, false};
    tree["tree_param"]["size_leaf_vector"] = "0";
  }
  const auto read = Read(model);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->forest.rounds, 2);
  EXPECT_EQ(read->forest.default_left[0], 1);
  EXPECT_TRUE(read->feature_names.empty());
}

TEST(XgboostTest, BaseScoresInEveryForm) {
  const struct {
    const char* text;
    float margin;
  } cases[] = {{"5E-1", 0.0f}, {"0.25", std::log(1.0f / 3)}, {"[2.5E-1]", std::log(1.0f / 3)}};
  for (const auto& c : cases) {
    Json model = Model();
    model["learner"]["learner_model_param"]["base_score"] = c.text;
    const auto read = Read(model);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_FLOAT_EQ(read->forest.base[0], c.margin) << c.text;
  }
  Json model = Model();
  model["learner"]["objective"]["name"] = "multi:softprob";
  model["learner"]["learner_model_param"]["num_class"] = "2";
  Trees(model)["tree_info"] = {1, 0};
  for (const auto& [text, base] : {std::pair<const char*, std::vector<double>>{"5E-1", {0.5f, 0.5f}}, {"[1E0,-2E0]", {1, -2}}}) {
    model["learner"]["learner_model_param"]["base_score"] = text;
    const auto read = Read(model);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->forest.base, base);
    EXPECT_EQ(read->forest.tree_source, (std::vector<int32_t>{1, 0})) << "trees are grouped by output";
  }
}

TEST(XgboostTest, RoundsOfParallelTrees) {
  Json model = Model();
  Json& trees = Trees(model);
  trees["trees"] = Json::array({Stump(1, 1), Stump(2, 2), Stump(4, 4), Stump(8, 8)});
  trees["tree_info"] = {0, 0, 0, 0};
  trees["gbtree_model_param"] = {{"num_trees", "4"}, {"num_parallel_tree", "2"}};
  trees["iteration_indptr"] = {0, 2, 4};
  for (const bool written : {true, false}) {
    if (!written) trees.erase("iteration_indptr");
    const auto read = Read(model);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->forest.rounds, 2);
    int32_t end = 0;
    read->forest.TreeEnds(1, absl::MakeSpan(&end, 1));
    EXPECT_EQ(end, 2);
    read->forest.TreeEnds(0, absl::MakeSpan(&end, 1));
    EXPECT_EQ(end, 4);
  }
}

TEST(XgboostTest, PrunedNodesThatNoPathReachesAreNotJudged) {
  Json model = Model();
  Json& tree = Trees(model)["trees"][0];
  for (const char* key : {"left_children", "right_children"}) tree[key].push_back(-1);
  tree["split_indices"].push_back(4294967295u);  // XGBoost's mark of a deleted node
  tree["split_conditions"].push_back(0);
  tree["default_left"].push_back(0);
  tree["split_type"].push_back(0);
  tree["tree_param"]["num_nodes"] = "4";
  tree["tree_param"]["num_deleted"] = "1";
  EXPECT_TRUE(Read(model).ok()) << Read(model).status();
}

// The margins of one row of two features.
std::vector<float> Margins(const XgboostModel& model, float a, float b) {
  const float row[] = {a, b};
  std::vector<int32_t> ends(static_cast<size_t>(model.forest.outputs));
  model.forest.TreeEnds(0, absl::MakeSpan(ends));
  std::vector<float> margins(ends.size());
  MakeReferenceEngine(model.forest)->Score(row, 1, ends, nullptr, margins.data());
  return margins;
}

// What the broken models below are made from.
Json& Dart(Json& model, const std::vector<double>& weights) {
  const Json inner = {{"name", "gbtree"}, {"model", Trees(model)}};
  return model["learner"]["gradient_booster"] = {{"name", "dart"}, {"gbtree", inner}, {"weight_drop", weights}};
}

Json& Linear(Json& model, const std::vector<double>& weights) {
  return model["learner"]["gradient_booster"] = {{"name", "gblinear"}, {"model", {{"weights", weights}, {"boosted_rounds", 7}}}};
}

// Leaves of two values: those of XGBoost 3.2 on, or those before.
Json& Vectors(Json& tree, bool numbered) {
  tree["tree_param"]["size_leaf_vector"] = "2";
  if (numbered) {
    tree["leaf_weights"] = {1, 2, 3, 4};
    tree["right_children"] = {2, 0, 1};
  } else {
    tree["base_weights"] = {9, 9, 1, 2, 3, 4};
    tree["right_children"] = {2, -1, -1};
  }
  return tree;
}

Json& Categorical(Json& tree, const std::vector<double>& categories) {
  tree["split_type"] = {1, 0, 0};
  tree["categories"] = categories;
  tree["categories_nodes"] = {0};
  tree["categories_segments"] = {0};
  tree["categories_sizes"] = {categories.size()};
  return tree;
}

// Feature a: the texts abc and \xc3\xa9; feature b: the integers 5 and 65535.
Json& Cats(Json& model) {
  Json& cats = Trees(model)["cats"];
  model["version"] = {3, 4, 1};
  if (!cats.is_null()) return cats;
  cats["enc"] = Json::array({{{"offsets", {0, 3, 5}}, {"values", {'a', 'b', 'c', -61, -87}}}, {{"type", 12}, {"values", {5, -1}}}});
  cats["feature_segments"] = {0, 2, 4};
  cats["sorted_idx"] = {0, 1, 0, 1};
  return cats;
}

TEST(XgboostTest, DartMultipliesATreesLeaves) {
  Json beside = Model(), within = Model(), short_of = Model();
  Dart(beside, {0.1, 0.5});
  Trees(within)["weight_drop"] = {0.1, 0.5};                       // XGBoost 3.4
  short_of["learner"]["gradient_booster"]["weight_drop"] = {0.1};  // XGBoost 3.3; the second tree came without dropout
  for (const auto& [model, right] : {std::pair<const Json*, float>{&beside, 1}, {&within, 1}, {&short_of, 2}}) {
    const auto read = Read(*model);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(Margins(*read, 0, 1), std::vector<float>{0.1f + right});
    EXPECT_EQ(read->forest.rounds, 2);
  }
}

TEST(XgboostTest, LinearStartsAtTheBiasAndLeavesOutWhatIsMissing) {
  Json model = Model();
  Linear(model, {0.1, -3, 0.25});
  model["learner"]["attributes"]["best_iteration"] = "2";
  const auto read = Read(model);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->booster, "gblinear");
  EXPECT_EQ(read->best_rounds, 0) << "XGBoost uses all rounds of a linear model";
  EXPECT_EQ(read->forest.rounds, 7);
  EXPECT_EQ(Margins(*read, 7, 2), std::vector<float>{0.25f + 7 * 0.1f + -6.0f});
  EXPECT_EQ(Margins(*read, NAN, 2), std::vector<float>{0.25f - 6});
  ASSERT_TRUE(TreeShap::Check(read->forest).ok());
  const float row[] = {NAN, 2};
  const int32_t ends[] = {2};
  double contributions[3];
  TreeShap(read->forest).Explain(row, ends, 0, contributions);
  EXPECT_EQ((std::vector<double>(contributions, contributions + 3)), (std::vector<double>{0, -6, 0.25}));
}

TEST(XgboostTest, VectorLeavesInBothForms) {
  for (const bool numbered : {true, false}) {
    Json model = Model();
    model["learner"]["objective"]["name"] = "reg:squarederror";
    model["learner"]["learner_model_param"]["num_target"] = "2";
    model["learner"]["learner_model_param"]["base_score"] = "[0,10]";
    for (Json& tree : Trees(model)["trees"]) Vectors(tree, numbered);
    const auto read = Read(model);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(Margins(*read, 0, 0), (std::vector<float>{2, 14}));
    EXPECT_EQ(Margins(*read, 0, 1), (std::vector<float>{6, 18}));
    Trees(model)["trees"][1].erase(numbered ? "leaf_weights" : "base_weights");
    EXPECT_FALSE(Read(model).ok());
  }
}

TEST(XgboostTest, CategoriesOfASetGoRightAndEverythingElseLeft) {
  Json model = Model();
  Trees(model)["trees"].erase(1);
  Trees(model)["gbtree_model_param"]["num_trees"] = "1";
  Trees(model)["tree_info"] = {0};
  Trees(model)["iteration_indptr"] = {0, 1};
  Categorical(Trees(model)["trees"][0], {0, 3});
  const auto read = Read(model);
  ASSERT_TRUE(read.ok()) << read.status();
  for (const float right : {0.0f, 0.9f, 3.0f, 3.5f}) EXPECT_EQ(Margins(*read, 0, right), std::vector<float>{1}) << right;
  for (const float left : {-0.5f, -1.0f, 1.0f, 2.99f, 4.0f, 1e9f, HUGE_VALF, -HUGE_VALF, NAN}) {
    EXPECT_EQ(Margins(*read, 0, left), std::vector<float>{-1}) << left;
  }
}

TEST(XgboostTest, CategoriesOfADataFrame) {
  Json model = Model();
  Cats(model);
  model["version"] = {3, 3, 0};
  EXPECT_NE(std::string(Read(model).status().message()).find("beyond ASCII"), std::string::npos) << Read(model).status();
  model["version"] = {3, 4, 0};
  const auto read = Read(model);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->categories.size(), 2u);
  EXPECT_EQ(read->categories[0]->type(), DType::kString);
  EXPECT_EQ(read->categories[0]->Code("abc"), 0);
  EXPECT_EQ(read->categories[0]->Code("\xc3\xa9"), 1);
  EXPECT_TRUE(std::isnan(read->categories[0]->Code("ab"))) << "unseen is missing";
  EXPECT_EQ(read->categories[1]->type(), DType::kFloat64);
  EXPECT_EQ(read->categories[1]->Code(65535), 1) << "uint16, written as -1";
  Cats(model)["enc"][0] = {{"offsets", Json::array()}, {"values", Json::array()}};
  Cats(model)["enc"][1]["values"] = {0, 1};
  Cats(model)["feature_segments"] = {0, 0, 2};
  Cats(model)["sorted_idx"] = {0, 1};
  const auto plain = Read(model);
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_TRUE(plain->categories.empty()) << "integers that are their own codes";
}

TEST(XgboostTest, LogitrawsBaseScoreWasAProbabilityUntilOnePointThree) {
  Json model = Model();
  model["learner"]["objective"]["name"] = "binary:logitraw";
  for (const auto& [patch, base] : {std::pair<int, double>{0, 0.0}, {1, 0.5}}) {
    model["version"] = {1, 3, patch};
    EXPECT_EQ(Read(model)->forest.base, std::vector<double>{base});
  }
}

TEST(XgboostTest, QuantilesAreSortedFromThreePointFourOn) {
  Json model = Model();
  model["learner"]["objective"]["name"] = "reg:quantileerror";
  EXPECT_EQ(Read(model)->objective.transform, Transform::kIdentity);
  model["version"] = {3, 4, 1};
  EXPECT_EQ(Read(model)->objective.transform, Transform::kSorted);
}

TEST(XgboostTest, WhatIsWrongIsNamed) {
  using Edit = std::function<void(Json&)>;
  const auto tree = [](Json& m) -> Json& { return Trees(m)["trees"][1]; };
  const struct {
    Edit edit;
    const char* said;
  } cases[] = {
      {[](Json& m) { m["learner"]["gradient_booster"]["name"] = "dart"; }, "learner.gradient_booster.gbtree: is missing"},
      {[](Json& m) { Dart(m, {0.5}); }, "weight_drop: 1 weights for 2 trees"},
      {[](Json& m) {
         Dart(m, {0.5, 1e300});
       },
       "a leaf of inf"},
      {[](Json& m) {
         Linear(m, {1, 2});
       },
       "weights: 2 for 2 features, a bias and 1 outputs"},
      {[](Json& m) {
         Linear(m, {1, 1e300, 2});
       },
       "weights[1]: is not finite"},
      {[&](Json& m) { Vectors(tree(m), false); }, "size_leaf_vector: 2 in a model with 1 outputs"},
      {[&](Json& m) { tree(m)["split_type"][0] = 2; }, "trees[1].split_type: a kind of split other than"},
      {[&](Json& m) {
         Categorical(tree(m), {1, 3}).erase("categories");
       },
       "trees[1].categories: is missing"},
      {[&](Json& m) { Categorical(tree(m), {}); }, "categories_sizes[0]: 0 categories"},
      {[&](Json& m) {
         Categorical(tree(m), {1, 0.5});
       },
       "categories[1]: a category of 0.5"},
      {[&](Json& m) { Categorical(tree(m), {-1}); }, "categories[0]: a category of -1"},
      {[&](Json& m) { Categorical(tree(m), {16777216}); }, "categories[0]: a category of 16777216"},
      {[&](Json& m) { Categorical(tree(m), {1})["categories_nodes"] = {1}; }, "categories_nodes[0]: 1 is no categorical split"},
      {[&](Json& m) {
         Categorical(tree(m), {1})["categories_segments"] = {0, 0};
       },
       "categories_segments: 2 entries for 1 categorical"},
      {[&](Json& m) { Categorical(tree(m), {1})["categories_segments"] = {2}; }, "categories_segments[0]: 2 is not from 0 to 1"},
      {[](Json& m) { Cats(m)["enc"].erase(1); }, "cats.enc: 1 entries for 2 features"},
      {[](Json& m) {
         Cats(m)["enc"][0]["offsets"] = {0, 3, 2};
       },
       "enc[0].offsets[2]: 2 is not from 3 to 5"},
      {[](Json& m) {
         Cats(m)["enc"][0]["offsets"] = {0, 3, 6};
       },
       "enc[0].offsets[2]: 6"},
      {[](Json& m) { Cats(m)["enc"][0]["values"][0] = 256; }, "256 is no byte"},
      {[](Json& m) {
         Cats(m)["enc"][0]["values"] = {'a', 'a', 'a', 'a', 'a', 'a'};
         Cats(m)["enc"][0]["offsets"] = {0, 3, 6};
       },
       "twice"},
      {[](Json& m) { Cats(m)["enc"][1]["type"] = 7; }, "enc[1].type: 7 is no type"},
      {[](Json& m) { Cats(m)["enc"][1].erase("type"); }, "enc[1]: neither offsets nor a type"},
      {[](Json& m) {
         Cats(m)["feature_segments"] = {0, 2, 6};
       },
       "feature_segments[2]: 6 is not 4"},
      {[](Json& m) { Cats(m)["sorted_idx"] = {0}; }, "sorted_idx: 1 entries for 4 categories"},
      {[](Json& m) {
         m = {{"Model", m}, {"Config", 1}};
       },
       "a snapshot of a booster in memory"},
      {[](Json& m) { m["learner"]["objective"]["name"] = "binary:logistc"; }, "\"binary:logistic\""},
      {[](Json& m) { m["learner"]["learner_model_param"]["num_feature"] = "0"; }, "num_feature"},
      {[](Json& m) { m["learner"]["learner_model_param"]["num_class"] = "many"; }, "num_class"},
      {[](Json& m) { m["learner"]["feature_names"] = {"a"}; }, "1 names for 2 features"},
      {[](Json& m) {
         m["learner"]["feature_names"] = {"a", "a"};
       },
       "'a' twice"},
      {[](Json& m) { m["learner"]["attributes"]["best_iteration"] = "-3"; }, "best_iteration"},
      {[](Json& m) {
         Trees(m)["iteration_indptr"] = {0, 3, 2};
       },
       "iteration_indptr"},
      {[](Json& m) {
         Trees(m)["iteration_indptr"] = {1, 2};
       },
       "iteration_indptr"},
      {[](Json& m) {
         Trees(m)["tree_info"] = {0, 0.5};
       },
       "tree_info[1]"},
      {[&](Json& m) { tree(m).erase("default_left"); }, "trees[1].default_left"},
      {[&](Json& m) { tree(m)["left_children"] = "none"; }, "trees[1].left_children"},
      {[&](Json& m) {
         tree(m)["left_children"] = {1.5, -1, -1};
       },
       "node 0: child 1.5"},
      {[&](Json& m) {
         tree(m)["right_children"] = {1, -1, -1};
       },
       "another parent"},
      {[&](Json& m) {
         tree(m)["right_children"] = {-1, -1, -1};
       },
       "child -1"},
      {[&](Json& m) {
         tree(m)["split_indices"] = {2, 0, 0};
       },
       "a split on feature 2 of a model with 2"},
      {[&](Json& m) {
         tree(m)["split_conditions"] = {0.5, 1e300, 1};
       },
       "a leaf of inf"},
      {[](Json& m) {
         Trees(m)["trees"][0] = 3;
         Trees(m)["trees"][1] = 4;
       },
       "2 and 0 trees follow"},
      {[](Json& m) { m["learner"] = 1; }, "gradient_booster"},
  };
  for (const auto& c : cases) {
    Json model = Model();
    c.edit(model);
    const auto read = Read(model);
    ASSERT_FALSE(read.ok()) << c.said;
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << read.status();
    EXPECT_NE(std::string(read.status().message()).find(c.said), std::string::npos) << read.status() << " should say " << c.said;
  }
}

TEST(ObjectiveTest, TransformsAndLinks) {
  const float margins[] = {-2, 0, 1};
  float out[3];
  ApplyTransform({.transform = Transform::kSigmoid}, margins, 3, 1, out);
  EXPECT_FLOAT_EQ(out[0], 1 / (1 + std::exp(2.0f)));
  ApplyTransform({.transform = Transform::kExp}, margins, 3, 1, out);
  EXPECT_FLOAT_EQ(out[2], std::exp(1.0f));
  ApplyTransform({.transform = Transform::kHinge}, margins, 3, 1, out);
  EXPECT_EQ((std::vector<float>(out, out + 3)), (std::vector<float>{0, 0, 1}));
  ApplyTransform({.transform = Transform::kSoftmax}, margins, 1, 3, out);
  EXPECT_FLOAT_EQ(out[0] + out[1] + out[2], 1);
  EXPECT_FLOAT_EQ(out[2] / out[1], std::exp(1.0f));
  ApplyTransform({.transform = Transform::kArgmax}, margins, 1, 3, out);
  EXPECT_EQ(out[0], 2);
  const float huge[] = {-1e4f, 1e4f};
  ApplyTransform({.transform = Transform::kSigmoid}, huge, 2, 1, out);
  EXPECT_GE(out[0], 0);
  EXPECT_EQ(out[1], 1);
  const float quantiles[] = {3, 1, 2};
  ApplyTransform(Objective{"", Transform::kSorted}, quantiles, 1, 3, out);
  EXPECT_EQ((std::vector<float>(out, out + 3)), (std::vector<float>{1, 2, 3}));
  ApplyTransform(Objective{"", Transform::kSoftplusSteps}, margins, 1, 3, out);
  EXPECT_FLOAT_EQ(out[1], -2 + 1e-6f + std::log(2.0f));
  EXPECT_NEAR(out[2], out[1] + 1e-6f + std::log1p(std::exp(1.0f)), 1e-6);
  float steps[] = {out[0], out[1], out[2]};
  ASSERT_TRUE(BaseMargins(Link::kSoftplusSteps, absl::MakeSpan(steps)).ok());
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(steps[i], margins[i], 1e-5);
  const auto base = [](Link link, std::vector<float> scores) {
    return BaseMargins(link, absl::MakeSpan(scores)).ok() ? scores : std::vector<float>();
  };
  EXPECT_TRUE(base(Link::kLogit, {1}).empty());
  EXPECT_TRUE(base(Link::kLogit, {0.5f, 0}).empty());
  EXPECT_TRUE(base(Link::kLog, {0}).empty());
  EXPECT_TRUE(base(Link::kLog, {-1}).empty());
  EXPECT_EQ(base(Link::kIdentity, {-1, 2}), (std::vector<float>{-1, 2}));
}

}  // namespace
}  // namespace vigil::trees
