// LightGBM's model text: what it may say, how each wrong thing is refused, and the forest against a walk of its own over the text.
#include "runtime/trees/lightgbm/lightgbm.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/random.h"
#include "base/testing/paths.h"
#include "gtest/gtest.h"
#include "runtime/trees/engine.h"
#include "runtime/trees/engine_choice.h"
#include "runtime/trees/lightgbm/lightgbm_objective.h"
#include "runtime/trees/lightgbm/lightgbm_text.h"

namespace vigil::trees {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Two trees over three features, as LightGBM 4.7 writes them: numeric splits, one on a set, and linear leaves.
std::string Model() {
  return "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=2\nobjective=binary sigmoid:2.5\n"
         "feature_names=a b c\nfeature_infos=[-1:1] [0:9] -1:0:1:5\ntree_sizes=100 100\n\n"
         "Tree=0\nnum_leaves=4\nnum_cat=1\nsplit_feature=0 2 1\nsplit_gain=3 2 1\nthreshold=0.5 0 2\ndecision_type=8 1 6\n"
         "left_child=1 -1 -2\nright_child=2 -3 -4\nleaf_value=-1 1 0.25 0.125\nleaf_count=4 3 2 1\ninternal_count=10 6 4\ncat_boundaries=0 "
         "2\ncat_threshold=5 1\nis_linear=0\n\n\n"
         "Tree=1\nnum_leaves=2\nnum_cat=0\nsplit_feature=1\nthreshold=1\ndecision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=7 "
         "8\nleaf_count=9 1\ninternal_count=10\n"
         "is_linear=1\nleaf_const=0.5 -0.5\nnum_features=2 0\nleaf_features=0 1  \nleaf_coeff=2 3  \nshrinkage=0.1\n\n\n"
         "end of trees\n\nfeature_importances:\na=1\n\nparameters:\n[boosting: gbdt]\n[categorical_feature: 2]\nend of parameters\n\n"
         "pandas_categorical:null\n";
}

// What the text says of a row, computed without a forest.
class OwnWalk {
 public:
  explicit OwnWalk(const LightgbmText& text) : text_(text) {}

  std::vector<double> Margins(const double* row) const {
    std::vector<double> sums(static_cast<size_t>(text_.outputs), 0);
    for (size_t t = 0; t < text_.trees.size(); ++t) sums[t % sums.size()] += Tree(text_.trees[t], row);
    return sums;
  }

 private:
  static double Tree(const LightgbmTree& tree, const double* row) {
    int32_t node = tree.leaves == 1 ? -1 : 0;
    while (node >= 0) node = GoesLeft(tree, static_cast<size_t>(node), row) ? tree.left_child[node] : tree.right_child[node];
    const auto leaf = static_cast<size_t>(~node);
    if (!tree.linear) return tree.leaf_value[leaf];
    double sum = tree.leaf_const[leaf];
    for (int64_t i = tree.leaf_begin[leaf]; i < tree.leaf_begin[leaf + 1]; ++i) {
      if (std::isnan(row[tree.leaf_features[i]])) return tree.leaf_value[leaf];
      sum += tree.leaf_coeff[i] * row[tree.leaf_features[i]];
    }
    return sum;
  }

  static bool GoesLeft(const LightgbmTree& tree, size_t node, const double* row) {
    double x = row[tree.split_feature[node]];
    if (std::abs(x) <= static_cast<double>(1e-35f)) x = 0;  // rows are read as their values that are not zero
    const uint8_t type = tree.decision_type[node];
    if ((type & kLightgbmCategorical) != 0) {
      if (std::isnan(x) || x >= 2147483648.0 || x <= -1.0) return false;
      const auto code = static_cast<uint32_t>(x), set = static_cast<uint32_t>(tree.threshold[node]);
      const uint32_t words = tree.cat_boundaries[set + 1] - tree.cat_boundaries[set];
      return code / 32 < words && (tree.cat_threshold[tree.cat_boundaries[set] + code / 32] >> code % 32 & 1) != 0;
    }
    const LightgbmMissing missing = tree.missing(node);
    if (std::isnan(x) && missing != LightgbmMissing::kNan) x = 0;
    const bool is_missing = missing == LightgbmMissing::kZero ? std::abs(x) <= static_cast<double>(1e-35f) : std::isnan(x);
    return is_missing ? (type & kLightgbmDefaultLeft) != 0 : x <= tree.threshold[node];
  }

  const LightgbmText& text_;
};

// A value beside or far from what the splits ask for.
double Value(Random& random) {
  switch (random.Below(8)) {
    case 0: return kNan;
    case 1: return random.Below(2) == 0 ? 0.0 : -0.0;
    case 2:
      return random.Below(2) == 0   ? random.Uniform(-2e-35, 2e-35)
             : random.Below(2) == 0 ? static_cast<double>(1e-35f)
                                    : -static_cast<double>(1e-35f);
    case 3: return random.Uniform(-1.5, 0.5);
    case 4: return std::numeric_limits<double>::infinity() * (random.Below(2) == 0 ? 1 : -1);
    case 5: return std::nextafter(static_cast<double>(random.Below(4)) / 2, static_cast<double>(random.Below(3)) * 10 - 10);
    case 6: return random.Uniform(0, 60);
    default: return random.Normal();
  }
}

void ExpectForestWalksAsText(const std::string& content, const std::string& name) {
  const auto text = ReadLightgbmText(content);
  const auto model = ReadLightgbm(content);
  ASSERT_TRUE(text.ok()) << name << text.status();
  ASSERT_TRUE(model.ok()) << name << model.status();
  const OwnWalk walk(*text);
  const Forest& forest = model->forest;
  Random random(3);
  const size_t n = 500, width = static_cast<size_t>(forest.features), outputs = static_cast<size_t>(forest.outputs);
  std::vector<double> rows(n * width), margins(n * outputs);
  for (double& x : rows) x = Value(random);
  std::vector<int32_t> ends(outputs);
  forest.TreeEnds(0, absl::MakeSpan(ends));
  for (const std::string& engine_name : EngineNames()) {
    const auto engine = MakeEngine(forest, engine_name);
    if (!engine.ok()) continue;  // cannot hold it
    std::vector<std::byte> scratch((*engine)->scratch_bytes() + kScratchAlignment);
    std::byte* aligned =
        scratch.data() + (kScratchAlignment - reinterpret_cast<uintptr_t>(scratch.data()) % kScratchAlignment) % kScratchAlignment;
    (*engine)->Score(rows.data(), n, ends, aligned, margins.data());
    for (size_t r = 0; r < n; ++r) {
      const std::vector<double> want = walk.Margins(rows.data() + r * width);
      for (size_t o = 0; o < outputs; ++o) {
        const double got = margins[r * outputs + o];
        ASSERT_TRUE(got == want[o] || (std::isnan(got) && std::isnan(want[o])))
            << name << " " << engine_name << " row " << r << " output " << o << ": " << got << " for " << want[o];
      }
    }
  }
}

TEST(LightgbmTest, ReadsWhatIsThere) {
  const auto model = ReadLightgbm(Model());
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->library, "lightgbm, model text v4");
  EXPECT_EQ(model->objective.name, "binary");
  EXPECT_EQ(model->objective.slope, 2.5);
  EXPECT_EQ(model->feature_names, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(model->categories.empty());
  EXPECT_FALSE(model->average);
  EXPECT_EQ(model->forest.trees(), 2);
  EXPECT_EQ(model->forest.rounds, 2);
  EXPECT_EQ(model->forest.features, 3);
  EXPECT_EQ(model->forest.cover, (std::vector<double>{10, 6, 4, 4, 3, 2, 1, 10, 9, 1}));
  ExpectForestWalksAsText(Model(), "own");
}

// Around the thresholds that LightGBM puts beside its zero bin.
TEST(LightgbmTest, ThresholdsBesideZero) {
  for (const std::string threshold : {"-1.0000000180025095e-35", "1.0000000180025095e-35", "-1e-36", "0", "1e-36"}) {
    ExpectForestWalksAsText(absl::StrReplaceAll(Model(), {{"threshold=0.5 0 2", absl::StrCat("threshold=", threshold, " 0 ", threshold)}}),
                            threshold);
  }
}

TEST(LightgbmTest, LineEndsOfEitherKindAndNoTreeSizes) {
  const std::string windows = absl::StrReplaceAll(Model(), {{"\n", "\r\n"}});
  EXPECT_TRUE(ReadLightgbm(windows).ok()) << ReadLightgbm(windows).status();
  const std::string old = absl::StrReplaceAll(Model(), {{"tree_sizes=100 100\n", ""}, {"version=v4", "version=v2"}, {"is_linear=0\n", ""}});
  EXPECT_TRUE(ReadLightgbm(old).ok()) << ReadLightgbm(old).status();
}

TEST(LightgbmTest, NamesThatLightgbmMadeUpAreNone) {
  const auto model = ReadLightgbm(absl::StrReplaceAll(Model(), {{"feature_names=a b c", "feature_names=Column_0 Column_1 Column_2"}}));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE(model->feature_names.empty());
}

TEST(LightgbmTest, CategoriesOfTheTrainingFrame) {
  const auto model = ReadLightgbm(absl::StrReplaceAll(Model(), {{"categorical:null", "categorical:[[\"x\", \"y\"]]"}}));
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_EQ(model->categories.size(), 3u);
  EXPECT_EQ(model->categories[0], nullptr);
  ASSERT_NE(model->categories[2], nullptr);
  EXPECT_EQ(model->categories[2]->Code("y"), 1);
  EXPECT_TRUE(std::isnan(model->categories[2]->Code("z")));
  const auto numbers = ReadLightgbm(absl::StrReplaceAll(Model(), {{"categorical:null", "categorical:[[10, 20.5]]"}}));
  ASSERT_TRUE(numbers.ok()) << numbers.status();
  EXPECT_EQ(numbers->categories[2]->type(), DType::kFloat64);
  EXPECT_EQ(numbers->categories[2]->Code(20.5), 1);
  // Without the parameter, the features' own description says which.
  const auto described =
      ReadLightgbm(absl::StrReplaceAll(Model(), {{"categorical:null", "categorical:[[\"x\"]]"}, {"[categorical_feature: 2]\n", ""}}));
  ASSERT_TRUE(described.ok()) << described.status();
  EXPECT_NE(described->categories[2], nullptr);
}

TEST(LightgbmTest, EveryTransform) {
  const struct {
    std::string line;
    int32_t outputs;
    double margin, prediction;
  } cases[] = {
      {"regression", 1, -3, -3},
      {"regression sqrt", 1, -3, -9},
      {"quantile sqrt alpha:0.5", 1, 2, 4},
      {"huber", 1, 2, 2},
      {"poisson", 1, 2, std::exp(2.0)},
      {"tweedie", 1, 2, std::exp(2.0)},
      {"binary sigmoid:2.5", 1, 0.5, 1 / (1 + std::exp(-2.5 * 0.5))},
      {"cross_entropy", 1, 0.5, 1 / (1 + std::exp(-0.5))},
      {"cross_entropy_lambda", 1, 0.5, std::log1p(std::exp(0.5))},
      {"multiclassova num_class:1 sigmoid:2", 1, 0.5, 1 / (1 + std::exp(-1.0))},
      {"multiclass num_class:1", 1, 0.5, 1},
      {"lambdarank", 1, 0.5, 0.5},
      {"", 1, 0.5, 0.5},
  };
  for (const auto& c : cases) {
    const auto objective = ReadLightgbmObjective(c.line, c.outputs);
    ASSERT_TRUE(objective.ok()) << c.line << objective.status();
    double got = 0;
    ApplyTransform(*objective, &c.margin, 1, 1, &got);
    EXPECT_EQ(got, c.prediction) << c.line;
  }
}

TEST(LightgbmTest, SaysWhatIsWrongAndWhere) {
  const struct {
    std::string from, to, said;
  } cases[] = {
      {"tree\nversion", "trees\nversion", "the first line is not 'tree'"},
      {"version=v4", "version=v5", "'v5' is not served"},
      {"version=v4\n", "", "header: version: is missing"},
      {"max_feature_idx=2", "max_feature_idx=-1", "header: max_feature_idx: must be an integer from 0"},
      {"max_feature_idx=2", "max_feature_idx=1", "header: feature_names: 3 names for 2 features"},
      {"feature_names=a b c", "feature_names=a b a", "'a' appears twice"},
      {"num_tree_per_iteration=1", "num_tree_per_iteration=3", "'binary' has one output where a round has 3 trees"},
      {"iteration=1\nlabel_index=0\nmax_feature_idx=2\nobjective=binary sigmoid:2.5", "iteration=3\nlabel_index=0\nmax_feature_idx=2",
       "2 trees are no multiple"},
      {"num_class=1\n", "num_class=1\nnum_class=1\n", "header: num_class: appears twice"},
      {"binary sigmoid", "binry sigmoid", "did you mean \"binary\""},
      {"sigmoid:2.5", "sigmoid:much", "sigmoid must be a number, not 'much'"},
      {"sigmoid:2.5", "sigmoid:-1", "sigmoid must be above 0"},
      {"objective=binary sigmoid:2.5", "objective=multiclass num_class:3", "num_class is 3 where a round has 1"},
      {"tree_sizes=100 100", "tree_sizes=100 100 100", "tree_sizes promises 3 trees and 2 follow"},
      {"Tree=1", "Tree=2", "'Tree=2' stands where Tree=1 should"},
      {"num_leaves=4", "num_leaves=2000000000", "Tree=0: num_leaves: must be an integer from 1"},
      {"num_leaves=4", "num_leaves=5", "Tree=0: leaf_value: 4 values where there must be 5"},
      {"num_cat=1\n", "", "before 2.1"},
      {"threshold=0.5 0 2", "threshold=0.5 0", "Tree=0: threshold: 2 values where there must be 3"},
      {"threshold=0.5 0 2", "threshold=0.5 0 x", "Tree=0: threshold: value 2, 'x', is no number"},
      {"threshold=0.5 0 2", "threshold=nan 0 2", "Tree=0: node 0: a split condition that is not a number"},
      {"threshold=0.5 0 2", "threshold=0.5 1 2", "names the category set 1 of 1"},
      {"decision_type=8 1 6", "decision_type=12 1 6", "split 0 has the unknown type 12"},
      {"decision_type=8 1 6", "decision_type=800 1 6", "decision_type: value 0, '800'"},
      {"split_feature=0 2 1", "split_feature=0 2 77", "Tree=0: split_feature: feature 77 of 3"},
      {"left_child=1 -1 -2", "left_child=5000 -1 -2", "Tree=0: left_child: split 0 leads to split 5000 of 3"},
      {"right_child=2 -3 -4", "right_child=2 -3 -4000", "Tree=0: right_child: split 2 leads to leaf 3999 of 4"},
      {"left_child=1 -1 -2", "left_child=0 -1 -2", "Tree=0: node 0: child 0 has another parent or is its own ancestor"},
      {"leaf_value=-1 1", "leaf_value=inf 1", "a leaf of inf"},
      {"internal_count=10 6 4", "internal_count=10 6", "Tree=0: internal_count: 2 values where there must be 3"},
      {"cat_boundaries=0 2", "cat_boundaries=0 3", "ends at 3 where cat_threshold has 2 words"},
      {"cat_boundaries=0 2", "cat_boundaries=1 2", "must rise from 0"},
      {"cat_threshold=5 1", "cat_threshold=5 -1", "cat_threshold: value 1, '-1'"},
      {"num_features=2 0", "num_features=2 9", "a leaf of 9 features of 3"},
      {"leaf_features=0 1", "leaf_features=0 4", "Tree=1: leaf_features: feature 4 of 3"},
      {"leaf_coeff=2 3", "leaf_coeff=2", "Tree=1: leaf_coeff: 1 values where there must be 2"},
      {"pandas_categorical:null", "pandas_categorical:[[\"x\"],[\"y\"]]", "2 lists for 1 categorical features"},
      {"pandas_categorical:null", "pandas_categorical:[[\"x\",\"x\"]]", "'x' appears twice"},
      {"pandas_categorical:null", "pandas_categorical:[[\"x\",1]]", "mixes texts and numbers"},
      {"pandas_categorical:null", "pandas_categorical:[", "pandas_categorical"},
  };
  for (const auto& c : cases) {
    const std::string content = absl::StrReplaceAll(Model(), {{c.from, c.to}});
    ASSERT_NE(content, Model()) << c.from;
    const auto model = ReadLightgbm(content);
    ASSERT_FALSE(model.ok()) << c.from << " -> " << c.to;
    EXPECT_NE(std::string(model.status().message()).find(c.said), std::string::npos) << c.said << "\n" << model.status();
  }
}

TEST(LightgbmTest, EveryPrefixIsReadOrRefused) {
  const std::string whole = Model();
  for (size_t size = 0; size < whole.find("end of trees"); ++size) {
    const auto model = ReadLightgbm(whole.substr(0, size));
    if (model.ok()) {
      EXPECT_EQ(model->forest.trees(), 2) << size;
    }
  }
}

// Models that LightGBM trained, of every kind of split and leaf.
TEST(LightgbmTest, ForestWalksAsTheTextSays) {
  int models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(testing::SourceDir() / "tests/corpus/lightgbm")) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string content(std::istreambuf_iterator<char>(in), {});
    if (!ReadLightgbm(content).ok()) continue;  // found by the fuzzer
    ExpectForestWalksAsText(content, entry.path().filename().string());
    ++models;
  }
  EXPECT_GE(models, 8);
}

}  // namespace
}  // namespace vigil::trees
