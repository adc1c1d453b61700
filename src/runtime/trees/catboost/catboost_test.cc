// CatBoost's files: both forms say the same, each wrong thing is refused by place, and the forest against a walk of its own.
#include "runtime/trees/catboost/catboost.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/random.h"
#include "base/testing/paths.h"
#include "gtest/gtest.h"
#include "runtime/trees/catboost/catboost_hash.h"
#include "runtime/trees/engine.h"
#include "runtime/trees/engine_choice.h"

namespace vigil::trees {
namespace {

// A file of tests/corpus: models that CatBoost 1.2.10 trained.
std::string Corpus(const std::string& name) {
  std::ifstream in(testing::SourceDir() / "tests/corpus" / name, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

StatusOr<CatboostFile> ReadJson(const std::string& text) {
  const auto document = ReadJsonDocument(text);
  if (!document.ok()) return document.status();
  return ReadCatboostJson(*document);
}

// Float column 0 with two borders, categorical column 1 with two values; one oblivious tree of both.
std::string Model() {
  return R"({"features_info":{"float_features":[{"flat_feature_index":0,"feature_id":"a","borders":[0.5,1.5],"nan_value_treatment":"AsTrue"}],)"
         R"("categorical_features":[{"feature_index":0,"flat_feature_index":1,"feature_id":"s","values":[-1242798403,5]}]},)"
         R"("model_info":{"catboost_version_info":"Git info:\n    Branch: tags/v1.2.10\n","params":{"loss_function":{"type":"Logloss"}}},)"
         R"("oblivious_trees":[{"leaf_values":[1,2,3,4],"leaf_weights":[1,2,4,8],"splits":[{"split_index":1},{"split_index":2}]}],)"
         R"("scale_and_bias":[2,[0.25]]})";
}

// What the file says of a row: its margins, computed without a forest. `codes`: of a categorical column the value's place.
class OwnWalk {
 public:
  explicit OwnWalk(const CatboostFile& file) : file_(file) {}

  std::vector<double> Margins(const float* row) const {
    std::vector<double> sums(static_cast<size_t>(file_.outputs), 0);
    for (const CatboostTree& tree : file_.trees) {
      const size_t leaf = tree.oblivious ? ObliviousLeaf(tree, row) : NodeLeaf(tree, row);
      for (size_t o = 0; o < sums.size(); ++o) sums[o] += tree.values[leaf * sums.size() + o];
    }
    for (size_t o = 0; o < sums.size(); ++o) sums[o] = sums[o] * file_.scale + file_.bias[o];
    return sums;
  }

 private:
  bool Answer(int32_t number, const float* row) const {
    const CatboostSplit& split = file_.splits[number];
    if (split.one_hot) return row[file_.categorical[file_.one_hots[split.feature].categorical].column] == static_cast<float>(split.place);
    const CatboostFloatFeature& feature = file_.floats[split.feature];
    const float x = row[feature.column];
    return std::isnan(x) ? feature.nan == CatboostNan::kAsTrue : x > feature.borders[split.place];
  }
  size_t ObliviousLeaf(const CatboostTree& tree, const float* row) const {
    size_t leaf = 0;
    for (size_t k = 0; k < tree.splits.size(); ++k) leaf |= static_cast<size_t>(Answer(tree.splits[k], row)) << k;
    return leaf;
  }
  size_t NodeLeaf(const CatboostTree& tree, const float* row) const {
    size_t n = 0;
    while (tree.leaf[n] < 0) n = static_cast<size_t>(Answer(tree.splits[n], row) ? tree.right[n] : tree.left[n]);
    return static_cast<size_t>(tree.leaf[n]);
  }

  const CatboostFile& file_;
};

void ExpectForestWalksAsFile(const CatboostFile& file, const std::string& name) {
  const auto model = MakeCatboostModel(file);
  ASSERT_TRUE(model.ok()) << name << model.status();
  const OwnWalk walk(file);
  const Forest& forest = model->forest;
  Random random(5);
  const size_t n = 500, width = static_cast<size_t>(forest.features), outputs = static_cast<size_t>(forest.outputs);
  std::vector<float> rows(n * width);
  for (float& x : rows) {
    const double kinds[] = {random.Normal(), std::numeric_limits<double>::quiet_NaN(), static_cast<double>(random.Below(4)),
                            -std::numeric_limits<double>::infinity()};
    x = static_cast<float>(kinds[random.Below(4)]);
  }
  std::vector<double> margins(n * outputs);
  std::vector<int32_t> ends(outputs);
  forest.TreeEnds(0, absl::MakeSpan(ends));
  for (const std::string& engine_name : EngineNames()) {
    const auto engine = MakeEngine(forest, engine_name);
    if (!engine.ok()) continue;  // cannot hold it
    std::vector<std::byte> scratch((*engine)->scratch_bytes() + kScratchAlignment);
    std::byte* aligned =
        scratch.data() + (kScratchAlignment - reinterpret_cast<uintptr_t>(scratch.data()) % kScratchAlignment) % kScratchAlignment;
    (*engine)->Score(rows.data(), n, ends, aligned, margins.data());
    forest.FinishMargins(0, n, margins.data());
    for (size_t r = 0; r < n; ++r) {
      const std::vector<double> want = walk.Margins(rows.data() + r * width);
      for (size_t o = 0; o < outputs; ++o) ASSERT_EQ(margins[r * outputs + o], want[o]) << name << " " << engine_name << " row " << r;
    }
  }
}

TEST(CatboostTest, ReadsWhatIsThere) {
  const auto file = ReadJson(Model());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->library, "catboost 1.2.10");
  EXPECT_EQ(file->loss, "Logloss");
  EXPECT_EQ(file->columns, 2);
  ASSERT_EQ(file->splits.size(), 4u);
  EXPECT_TRUE(file->splits[2].one_hot);
  const auto model = MakeCatboostModel(*file);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->objective.transform, Transform::kSigmoid);
  EXPECT_EQ(model->feature_names, (std::vector<std::string>{"a", "s"}));
  ASSERT_EQ(model->categories.size(), 2u);
  EXPECT_EQ(model->categories[0], nullptr);
  EXPECT_EQ(model->categories[1]->Code("red"), 0);  // -1242798403
  EXPECT_TRUE(std::isnan(model->categories[1]->Code("green")));
  EXPECT_EQ(model->forest.scale, 2);
  EXPECT_EQ(model->forest.cover, (std::vector<double>{15, 3, 12, 1, 2, 4, 8}));
  ExpectForestWalksAsFile(*file, "own");
}

TEST(CatboostTest, BothFormsSayTheSame) {
  for (const std::string name : {"binary", "onehot", "multiclass"}) {
    const auto cbm = ReadCatboostCbm(Corpus("catboost_cbm/" + name)), json = ReadJson(Corpus("catboost_json/" + name));
    ASSERT_TRUE(cbm.ok()) << cbm.status();
    ASSERT_TRUE(json.ok()) << json.status();
    EXPECT_EQ(cbm->library, json->library);
    EXPECT_EQ(cbm->loss, json->loss);
    EXPECT_EQ(cbm->classes, json->classes);
    EXPECT_EQ(cbm->columns, json->columns);
    EXPECT_EQ(cbm->bias, json->bias);
    EXPECT_EQ(MakeCatboostModel(*cbm)->forest.cover, MakeCatboostModel(*json)->forest.cover);
    EXPECT_FALSE(MakeCatboostModel(*cbm)->forest.cover.empty());
    ASSERT_EQ(cbm->trees.size(), json->trees.size());
    ExpectForestWalksAsFile(*cbm, name + " cbm");
    ExpectForestWalksAsFile(*json, name + " json");
    const OwnWalk a(*cbm), b(*json);
    Random random(1);
    for (int i = 0; i < 200; ++i) {
      std::vector<float> row(static_cast<size_t>(cbm->columns));
      for (float& x : row) x = static_cast<float>(random.Normal());
      EXPECT_EQ(a.Margins(row.data()), b.Margins(row.data())) << name;
    }
  }
}

TEST(CatboostTest, TargetStatisticsAreRefusedByName) {
  for (const Status& status :
       {ReadCatboostCbm(Corpus("catboost_cbm/statistics")).status(), ReadJson(Corpus("catboost_json/statistics")).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
    EXPECT_NE(std::string(status.message()).find("target statistics"), std::string::npos) << status;
  }
}

// Hashes that CatBoost 1.2.10 writes of these texts, of every length that the hash treats apart.
TEST(CatboostTest, HashesTextsAsCatboostDoes) {
  const std::pair<std::string_view, uint32_t> cases[] = {
      {"0", 2856682258u},
      {"-1", 288298918u},
      {"red", 3052168893u},
      {"green", 1390465085u},
      {"", 797982799u},
      {"ab", 4090249022u},
      {"four", 526146423u},
      {"eight..8", 227786110u},
      {"nine chars", 1690960356u},
      {"sixteen letters.", 47923324u},
      {"seventeen letters", 3714021364u},
      {"exactly thirty-two characters ok", 3956559167u},
      {"thirty-three characters are here.", 1038220565u},
      {"sixty-four characters: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 607012480u},
      {"sixty-five characters: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 539257039u},
      {"a hundred and thirty: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
       972464954u}};
  for (const auto& [text, hash] : cases) EXPECT_EQ(CatboostHash(text), hash) << text;
}

TEST(CatboostTest, SaysWhatIsWrongAndWhere) {
  const struct {
    std::string from, to, said;
  } cases[] = {
      {"\"features_info\"", "\"features\"", "'features_info' is missing"},
      {"\"oblivious_trees\"", "\"forest\"", "neither 'oblivious_trees' nor 'trees'"},
      {"\"flat_feature_index\":0", "\"flat_feature_index\":-1", "float_features[0].flat_feature_index: must be an integer from 0"},
      {"\"flat_feature_index\":0", "\"flat_feature_index\":1000000", "a feature of column 1000000 where 2 features are listed"},
      {"\"flat_feature_index\":0", "\"flat_feature_index\":1", "two features of column 1"},
      {"\"feature_id\":\"s\"", "\"feature_id\":\"a\"", "two features named 'a'"},
      {"AsTrue", "AsPerhaps", "unknown treatment 'AsPerhaps'"},
      {"[0.5,1.5]", "[0.5,\"1.5\"]", "borders: must be an array of numbers"},
      {"[-1242798403,5]", "[5,5]", "a one-hot value twice"},
      {"[-1242798403,5]", "[0.5,5]", "0.5 is no hash"},
      {"{\"split_index\":2}", "{\"split_index\":4}", "oblivious_trees[0].splits[1].split_index: 4 of 4"},
      {"{\"split_index\":2}", "{\"split_index\":\"2\"}", "splits[1].split_index: must be an integer"},
      {"{\"split_index\":2}", "{\"border\":2}", "splits[1].split_index: is missing"},
      {"[1,2,3,4]", "[1,2,3]", "oblivious_trees[0].leaf_values: 3 values for 4 leaves"},
      {"[1,2,4,8]", "[1,2,4]", "oblivious_trees[0].leaf_weights: 3 weights for 4 leaves"},
      {"[1,2,3,4]", "[]", "0 values for 4 leaves"},
      {"[2,[0.25]]", "[2,[0.25,1]]", "scale_and_bias: 2 biases for 1 outputs"},
      {"[2,[0.25]]", "\"none\"", "scale_and_bias: must be a number and a list"},
      {"Logloss", "Loglos", "did you mean \"Logloss\""},
      {"\"oblivious_trees\":[", "\"trees\":[", "trees[0]: must have a value, or split, left and right"},
  };
  for (const auto& c : cases) {
    const std::string text = absl::StrReplaceAll(Model(), {{c.from, c.to}});
    ASSERT_NE(text, Model()) << c.from;
    auto file = ReadJson(text);
    const Status status = file.ok() ? MakeCatboostModel(*std::move(file)).status() : file.status();
    ASSERT_FALSE(status.ok()) << c.from << " -> " << c.to;
    EXPECT_NE(std::string(status.message()).find(c.said), std::string::npos) << c.said << "\n" << status;
  }
  const std::string ranking = absl::StrReplaceAll(Model(), {{"\"float_features\"", "\"text_features\":[{}],\"float_features\""}});
  EXPECT_EQ(ReadJson(ranking).status().code(), absl::StatusCode::kUnimplemented);
}

// Whatever one byte or the length becomes, the file is refused or read within its bounds.
TEST(CatboostTest, BrokenBytesAreRefusedOrRead) {
  for (const std::string name : {"binary", "onehot", "multiclass"}) {
    const std::string whole = Corpus("catboost_cbm/" + name);
    for (size_t size = 0; size < whole.size(); size += 7) EXPECT_FALSE(ReadCatboostCbm(whole.substr(0, size)).ok()) << size;
    Random random(1);
    int refused = 0;
    for (int i = 0; i < 3000; ++i) {
      std::string bytes = whole;
      bytes[8 + random.Below(bytes.size() - 8)] = static_cast<char>(random.Below(256));
      auto file = ReadCatboostCbm(bytes);
      refused += !file.ok() || !MakeCatboostModel(*std::move(file)).ok();
    }
    EXPECT_GT(refused, 100) << name;
  }
}

}  // namespace
}  // namespace vigil::trees
