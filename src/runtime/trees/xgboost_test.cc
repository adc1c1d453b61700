// What XGBoost's schema may say, version by version, and how each wrong thing is refused.
#include "runtime/trees/xgboost.h"

#include <cmath>
#include <functional>
#include <string>

#include "base/json.h"
#include "gtest/gtest.h"

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

TEST(XgboostTest, WhatIsWrongIsNamed) {
  using Edit = std::function<void(Json&)>;
  const auto tree = [](Json& m) -> Json& { return Trees(m)["trees"][1]; };
  const struct {
    Edit edit;
    absl::StatusCode code;
    const char* said;
  } cases[] = {
      {[](Json& m) { m["learner"]["gradient_booster"]["name"] = "dart"; }, absl::StatusCode::kUnimplemented, "'dart'"},
      {[](Json& m) { m["learner"]["gradient_booster"]["name"] = "gblinear"; }, absl::StatusCode::kUnimplemented, "'gblinear'"},
      {[](Json& m) {
         m["learner"]["feature_types"] = {"c", "float"};
       },
       absl::StatusCode::kUnimplemented, "categorical"},
      {[&](Json& m) { tree(m)["split_type"][0] = 1; }, absl::StatusCode::kUnimplemented, "trees[1], node 0: categorical splits"},
      {[&](Json& m) { tree(m)["tree_param"]["size_leaf_vector"] = "3"; }, absl::StatusCode::kUnimplemented, "vector leaves"},
      {[](Json& m) { m["learner"]["objective"]["name"] = "binary:logistc"; }, absl::StatusCode::kInvalidArgument, "\"binary:logistic\""},
      {[](Json& m) { m["learner"]["learner_model_param"]["num_feature"] = "0"; }, absl::StatusCode::kInvalidArgument, "num_feature"},
      {[](Json& m) { m["learner"]["learner_model_param"]["num_class"] = "many"; }, absl::StatusCode::kInvalidArgument, "num_class"},
      {[](Json& m) { m["learner"]["feature_names"] = {"a"}; }, absl::StatusCode::kInvalidArgument, "1 names for 2 features"},
      {[](Json& m) {
         m["learner"]["feature_names"] = {"a", "a"};
       },
       absl::StatusCode::kInvalidArgument, "'a' twice"},
      {[](Json& m) { m["learner"]["attributes"]["best_iteration"] = "-3"; }, absl::StatusCode::kInvalidArgument, "best_iteration"},
      {[](Json& m) {
         Trees(m)["iteration_indptr"] = {0, 3, 2};
       },
       absl::StatusCode::kInvalidArgument, "iteration_indptr"},
      {[](Json& m) {
         Trees(m)["iteration_indptr"] = {1, 2};
       },
       absl::StatusCode::kInvalidArgument, "iteration_indptr"},
      {[](Json& m) {
         Trees(m)["tree_info"] = {0, 0.5};
       },
       absl::StatusCode::kInvalidArgument, "tree_info[1]"},
      {[&](Json& m) { tree(m).erase("default_left"); }, absl::StatusCode::kInvalidArgument, "trees[1].default_left"},
      {[&](Json& m) { tree(m)["left_children"] = "none"; }, absl::StatusCode::kInvalidArgument, "trees[1].left_children"},
      {[&](Json& m) {
         tree(m)["left_children"] = {1.5, -1, -1};
       },
       absl::StatusCode::kInvalidArgument, "node 0: child 1.5"},
      {[&](Json& m) {
         tree(m)["right_children"] = {1, -1, -1};
       },
       absl::StatusCode::kInvalidArgument, "another parent"},
      {[&](Json& m) {
         tree(m)["right_children"] = {-1, -1, -1};
       },
       absl::StatusCode::kInvalidArgument, "child -1"},
      {[&](Json& m) {
         tree(m)["split_indices"] = {2, 0, 0};
       },
       absl::StatusCode::kInvalidArgument, "a split on feature 2 of a model with 2"},
      {[&](Json& m) {
         tree(m)["split_conditions"] = {0.5, 1e300, 1};
       },
       absl::StatusCode::kInvalidArgument, "a leaf of inf"},
      {[](Json& m) {
         Trees(m)["trees"][0] = 3;
         Trees(m)["trees"][1] = 4;
       },
       absl::StatusCode::kInvalidArgument, "2 and 0 trees follow"},
      {[](Json& m) { m["learner"] = 1; }, absl::StatusCode::kInvalidArgument, "gradient_booster"},
  };
  for (const auto& c : cases) {
    Json model = Model();
    c.edit(model);
    const auto read = Read(model);
    ASSERT_FALSE(read.ok()) << c.said;
    EXPECT_EQ(read.status().code(), c.code) << read.status();
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
  EXPECT_FALSE(BaseMargin(Link::kLogit, 1).ok());
  EXPECT_FALSE(BaseMargin(Link::kLogit, 0).ok());
  EXPECT_FALSE(BaseMargin(Link::kLog, 0).ok());
  EXPECT_FALSE(BaseMargin(Link::kLog, -1).ok());
  EXPECT_EQ(*BaseMargin(Link::kIdentity, -1), -1);
}

}  // namespace
}  // namespace vigil::trees
