// TreeSHAP against Shapley's own formula over every subset of features, and a scorer's contributions and leaves.
#include "runtime/trees/tree_shap.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/testing/random_forest.h"
#include "runtime/trees/engine_choice.h"
#include "runtime/trees/tree_model.h"

namespace vigil::trees {
namespace {

constexpr int32_t kFeatures = 5;

// A random forest whose nodes have weights: every leaf 1 to 9, every split its children's sum.
Forest MakeWeighted(const testing::RandomForestShape& shape, uint64_t seed) {
  Forest forest = testing::MakeRandomForest(shape, seed);
  forest.cover.assign(forest.left.size(), 0);
  for (int32_t t = 0; t < forest.trees(); ++t) {
    const int64_t root = forest.node_begin[t];
    for (int64_t n = forest.node_begin[t + 1] - 1; n >= root; --n) {  // children come after their parents
      forest.cover[n] =
          forest.IsLeaf(n) ? static_cast<double>(1 + n % 9) : forest.cover[root + forest.left[n]] + forest.cover[root + forest.right[n]];
    }
  }
  return forest;
}

// What a tree gives when only the features in `known` are: the rest averaged by weight.
double Expected(const Forest& forest, int64_t root, int64_t node, const double* row, uint32_t known) {
  if (forest.IsLeaf(node)) return forest.value[node];
  const int64_t left = root + forest.left[node], right = root + forest.right[node];
  if ((known >> forest.feature[node] & 1) != 0) {
    return Expected(forest, root, forest.GoesLeft(node, row[forest.feature[node]]) ? left : right, row, known);
  }
  return (forest.cover[left] * Expected(forest, root, left, row, known) + forest.cover[right] * Expected(forest, root, right, row, known)) /
         forest.cover[node];
}

double Factorial(int n) { return n < 2 ? 1 : n * Factorial(n - 1); }

TEST(TreeShapTest, EqualsShapleysFormula) {
  for (const bool sets : {false, true}) {
    testing::RandomForestShape shape;
    shape.features = kFeatures;
    shape.inputs = shape.sums = Precision::kFloat64;
    shape.outputs = 2;
    shape.trees = 12;
    shape.depth = 7;  // deeper than there are features: they come again on a path
    shape.split_chance = 0.8;
    shape.set_chance = sets ? 0.5 : 0;
    Forest forest = MakeWeighted(shape, 5);
    forest.scale = 0.5;
    forest.bias = {3, -1};
    ASSERT_TRUE(TreeShap::Check(forest).ok());
    TreeShap shap(forest);
    Random random(1);
    const std::vector<double> rows = ProbeRowsOf<double>(forest, 12, &random);
    std::vector<int32_t> ends(2);
    for (const int64_t rounds : {0, 4}) {
      forest.TreeEnds(rounds, absl::MakeSpan(ends));
      for (size_t r = 0; r < 12; ++r) {
        const double* row = rows.data() + r * kFeatures;
        std::vector<double> got(2 * (kFeatures + 1));
        shap.Explain(row, ends, rounds, got.data());
        for (int32_t o = 0; o < 2; ++o) {
          std::vector<double> given(1 << kFeatures, forest.base[o]);  // by subset of features
          for (uint32_t known = 0; known < given.size(); ++known) {
            for (int32_t t = forest.output_begin[o]; t < ends[o]; ++t) {
              given[known] += Expected(forest, forest.node_begin[t], forest.node_begin[t], row, known);
            }
          }
          for (int32_t f = 0; f < kFeatures; ++f) {
            double want = 0;
            for (uint32_t known = 0; known < given.size(); ++known) {
              if ((known >> f & 1) != 0) continue;
              const int size = __builtin_popcount(known);
              want += Factorial(size) * Factorial(kFeatures - size - 1) / Factorial(kFeatures) * (given[known | 1u << f] - given[known]);
            }
            EXPECT_NEAR(got[o * (kFeatures + 1) + f], forest.scale * want, 1e-12) << "row " << r << ", feature " << f;
          }
          EXPECT_NEAR(got[o * (kFeatures + 1) + kFeatures], forest.scale * given[0] + forest.bias[o], 1e-12);
        }
      }
    }
  }
}

TEST(TreeShapTest, SaysWhyAForestHasNone) {
  testing::RandomForestShape shape;
  const Status unknown = TreeShap::Check(testing::MakeRandomForest(shape, 1));
  EXPECT_NE(std::string(unknown.message()).find("training weight"), std::string::npos) << unknown;
  shape.linear = true;
  EXPECT_EQ(TreeShap::Check(MakeWeighted(shape, 1)).code(), absl::StatusCode::kFailedPrecondition);
}

std::unique_ptr<TreeModel> MakeModel(Forest forest) {
  TreeModelParts parts;
  parts.forest = std::move(forest);
  parts.objective = *FindObjective("reg:squarederror");
  parts.info.format = "test";
  auto model = TreeModel::Make(std::move(parts), {});
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

TEST(TreeShapTest, AScorerGivesContributionsAndLeavesOnRequest) {
  testing::RandomForestShape shape;
  shape.features = kFeatures;
  shape.outputs = 3;
  shape.trees = 12;
  shape.trees_per_round = 3;
  const auto model = MakeModel(MakeWeighted(shape, 2));
  const Forest& forest = model->forest();
  Random random(3);
  const std::vector<float> rows = ProbeRows(forest, 6, &random);
  ScoreCall call;
  call.margin = call.contributions = call.leaves = true;
  for (const int64_t limit : {0, 2}) {
    call.tree_limit = limit;
    Outputs outputs;
    ASSERT_TRUE(model->NewScorer()->Score(Batch::FloatMatrix(rows.data(), 6, kFeatures), call, &outputs).ok());
    ASSERT_EQ(outputs.tensors.size(), 4u);
    const OwnedTensor* contributions = outputs.Find("contributions");
    const OwnedTensor* leaves = outputs.Find("leaves");
    ASSERT_TRUE(contributions != nullptr && leaves != nullptr);
    EXPECT_EQ(contributions->shape, (absl::InlinedVector<int64_t, 4>{6, 3, kFeatures + 1}));
    EXPECT_EQ(leaves->shape, (absl::InlinedVector<int64_t, 4>{6, limit == 0 ? 12 : 6}));
    std::vector<double> values(6 * 3 * (kFeatures + 1));
    std::memcpy(values.data(), contributions->bytes.data(), values.size() * sizeof(double));
    for (size_t i = 0; i < 18; ++i) {
      double sum = 0;
      for (size_t f = 0; f <= kFeatures; ++f) sum += values[i * (kFeatures + 1) + f];
      EXPECT_NEAR(sum, outputs.tensors[1].floats[i], 1e-5);
    }
    std::vector<int32_t> numbers(leaves->bytes.size() / sizeof(int32_t));
    std::memcpy(numbers.data(), leaves->bytes.data(), leaves->bytes.size());
    const size_t trees = numbers.size() / 6;
    for (size_t r = 0; r < 6; ++r) {
      for (int32_t t = 0; t < forest.trees(); ++t) {
        const auto source = static_cast<size_t>(forest.tree_source[t]);
        if (source >= trees) continue;
        EXPECT_EQ(numbers[r * trees + source], forest.Walk(rows.data() + r * kFeatures, t) - forest.node_begin[t]);
      }
    }
  }
  const auto without = MakeModel(testing::MakeRandomForest(shape, 2));
  Outputs outputs;
  const auto refused = without->NewScorer()->Score(Batch::FloatMatrix(rows.data(), 6, kFeatures), call, &outputs);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition) << refused.status();
}

}  // namespace
}  // namespace vigil::trees
