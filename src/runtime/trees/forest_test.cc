// What a reader says of its trees, against what each format's library would decide.
#include "runtime/trees/forest.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/trees/engine.h"
#include "runtime/trees/forest_builder.h"

namespace vigil::trees {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// One split at the root: leaf 10 left, leaf 20 right.
struct Stump {
  std::vector<double> left = {1, -1, -1}, right = {2, -1, -1}, feature = {0, 0, 0}, value = {0, 10, 20}, default_left = {0, 0, 0};
  std::vector<int32_t> set;
  TreeArrays arrays() const {
    TreeArrays arrays{left, right, feature, value, default_left};
    arrays.set = set;
    return arrays;
  }
};

// Sums of one row by the reference.
template <typename Input, typename Sum>
std::vector<Sum> Sums(const Forest& forest, const std::vector<Input>& row) {
  std::vector<int32_t> ends(forest.outputs);
  forest.TreeEnds(0, absl::MakeSpan(ends));
  std::vector<Sum> sums(forest.outputs);
  MakeReferenceEngine(forest)->Score(row.data(), 1, ends, nullptr, sums.data());
  return sums;
}

TEST(ForestTest, EveryComparisonDecidesAsSaidAtAndBesideItsThreshold) {
  for (const Precision inputs : {Precision::kFloat32, Precision::kFloat64}) {
    for (const double t : {0.1, -3.0, 0.0, 1e30, kInfinity, -kInfinity}) {
      for (const bool default_left : {false, true}) {
        for (const Comparison comparison : {Comparison::kLess, Comparison::kLessEqual, Comparison::kGreater, Comparison::kGreaterEqual}) {
          ForestBuilder builder(1, {0});
          builder.SetPrecision(inputs, Precision::kFloat64);
          Stump stump;
          stump.value[0] = t;
          stump.default_left[0] = default_left;
          TreeArrays arrays = stump.arrays();
          arrays.every_comparison = comparison;
          ASSERT_TRUE(builder.AddTree(arrays, 0, 0).ok());
          const Forest forest = builder.Finish(1);
          const double at = inputs == Precision::kFloat64 ? t : double{static_cast<float>(t)};
          const auto beside = [&](double to) {
            return inputs == Precision::kFloat64 ? std::nextafter(at, to)
                                                 : double{std::nextafter(static_cast<float>(at), static_cast<float>(to))};
          };
          for (const double x : {at, beside(-kInfinity), beside(kInfinity), -kInfinity, kInfinity, kNan, 0.0}) {
            bool left = comparison == Comparison::kLess        ? x < at
                        : comparison == Comparison::kLessEqual ? x <= at
                        : comparison == Comparison::kGreater   ? x > at
                                                               : x >= at;
            if (std::isnan(x)) left = default_left;
            const double got = inputs == Precision::kFloat64 ? Sums<double, double>(forest, {x})[0]
                                                             : Sums<float, double>(forest, {static_cast<float>(x)})[0];
            EXPECT_EQ(got, left ? 10 : 20) << x << " at " << at << ", comparison " << static_cast<int>(comparison);
          }
        }
      }
    }
  }
}

TEST(ForestTest, SetsReadCodesAsTheirFormatsDo) {
  const double lone_code[] = {0, 3, 4, 70};
  const double values[] = {2.5, -7, 1e300};
  struct Case {
    SetReading reading;
    absl::Span<const double> members;
    std::vector<double> in, out;
  };
  const Case cases[] = {
      {SetReading::kTruncated, lone_code, {0, -0.0, -0.5, 0.99, 3, 4.5, 70.9}, {-1, 1, 2.99, 5, 69.5, 71, 1e30, kInfinity, -kInfinity}},
      {SetReading::kTruncatedFromZeroOn, lone_code, {0, -0.0, 0.99, 3, 70.9}, {-0.5, -1e-40, 1, 5, -kInfinity, kInfinity}},
      {SetReading::kExact, values, {2.5, -7, 1e300}, {2.4999, 0, -6.9, std::nextafter(2.5, 3), kInfinity}},
  };
  for (const Case& c : cases) {
    for (const bool holds_left : {false, true}) {
      for (const bool default_left : {false, true}) {
        ForestBuilder builder(1, {0});
        builder.SetPrecision(Precision::kFloat64, Precision::kFloat64);
        const auto set = builder.AddSet(c.members, c.reading, holds_left);
        ASSERT_TRUE(set.ok()) << set.status();
        EXPECT_EQ(*builder.AddSet(c.members, c.reading, holds_left), *set) << "equal sets are one";
        Stump stump;
        stump.set = {*set, -1, -1};
        stump.default_left[0] = default_left;
        ASSERT_TRUE(builder.AddTree(stump.arrays(), 0, 0).ok());
        const Forest forest = builder.Finish(1);
        for (const double x : c.in) EXPECT_EQ((Sums<double, double>(forest, {x})[0]), holds_left ? 10 : 20) << x;
        for (const double x : c.out) EXPECT_EQ((Sums<double, double>(forest, {x})[0]), holds_left ? 20 : 10) << x;
        EXPECT_EQ((Sums<double, double>(forest, {kNan})[0]), default_left ? 10 : 20);
      }
    }
  }
  ForestBuilder builder(1, {0});
  const double negative[] = {-1}, half[] = {0.5}, nan[] = {kNan};
  EXPECT_FALSE(builder.AddSet(negative, SetReading::kTruncated, true).ok());
  EXPECT_FALSE(builder.AddSet(half, SetReading::kTruncatedFromZeroOn, true).ok());
  EXPECT_FALSE(builder.AddSet(nan, SetReading::kExact, true).ok());
  Stump stump;
  stump.set = {7, -1, -1};
  EXPECT_FALSE(builder.AddTree(stump.arrays(), 0, 0).ok());
}

TEST(ForestTest, WhatIsMissingIsAFeaturesOrANodesOwn) {
  const auto make = [](std::vector<Missing> kinds) {
    ForestBuilder builder(1, {0});
    builder.SetPrecision(Precision::kFloat64, Precision::kFloat64);
    for (const Missing kind : kinds) {
      Stump stump;
      stump.value[0] = -1;  // 0 is to its right
      stump.default_left[0] = 1;
      TreeArrays arrays = stump.arrays();
      arrays.every_missing = kind;
      EXPECT_TRUE(builder.AddTree(arrays, 0, 0).ok());
    }
    return builder.Finish(1);
  };
  const auto at = [](const Forest& forest, double x) { return Sums<double, double>(forest, {x})[0]; };
  const Forest nan = make({Missing::kNan}), none = make({Missing::kNanIsZero}), zero = make({Missing::kZeroOrNan});
  EXPECT_EQ(nan.missing[0], Missing::kNan);
  EXPECT_TRUE(zero.node_missing.empty());
  EXPECT_EQ(at(nan, kNan), 10);
  EXPECT_EQ(at(nan, 0), 20);
  EXPECT_EQ(at(none, kNan), 20);
  EXPECT_EQ(at(none, -2), 10);
  EXPECT_EQ(at(zero, kNan), 10);
  for (const double x : {0.0, -0.0, kZeroMagnitude, -kZeroMagnitude}) EXPECT_EQ(at(zero, x), 10) << x;
  EXPECT_EQ(at(zero, std::nextafter(kZeroMagnitude, 1)), 20);
  const Forest mixed = make({Missing::kNan, Missing::kNanIsZero, Missing::kZeroOrNan});
  EXPECT_EQ(mixed.node_missing.size(), mixed.left.size());
  EXPECT_EQ(at(mixed, kNan), 10 + 20 + 10);
  EXPECT_EQ(at(mixed, 0), 20 + 20 + 10);
}

TEST(ForestTest, VectorLeavesAreATreeAnOutput) {
  ForestBuilder builder(1, {0.5, 0, 0});
  Stump stump;
  stump.value = {1, 1, 0};  // the left leaf is vector 1, the right one vector 0
  const std::vector<double> vectors = {1, 2, 3, 10, 20, 30};
  TreeArrays arrays = stump.arrays();
  arrays.leaf_vectors = vectors;
  ASSERT_TRUE(builder.AddTree(arrays, kEveryOutput, 0).ok());
  ASSERT_TRUE(builder.AddTree(Stump().arrays(), 1, 1).ok());
  EXPECT_FALSE(builder.AddTree(arrays, 3, 0).ok());
  const Forest forest = builder.Finish(2);
  EXPECT_EQ(forest.tree_source, (std::vector<int32_t>{0, 0, 1, 0}));
  EXPECT_EQ((Sums<float, float>(forest, {0})), (std::vector<float>{10.5, 40, 30}));
  EXPECT_EQ((Sums<float, float>(forest, {1})), (std::vector<float>{1.5, 22, 3}));

  ForestBuilder bad(1, {0, 0, 0});
  stump.value = {1, 2, 0};
  TreeArrays beyond = stump.arrays();
  beyond.leaf_vectors = vectors;
  const Status status = bad.AddTree(beyond, kEveryOutput, 0);
  EXPECT_NE(std::string(status.message()).find("leaf vector 2 of 2"), std::string::npos) << status;
}

TEST(ForestTest, LinearLeavesFallBackWhereAValueIsMissing) {
  ForestBuilder builder(2, {0});
  builder.SetPrecision(Precision::kFloat64, Precision::kFloat64);
  const std::vector<int32_t> features = {1, 0};
  const std::vector<double> coefficients = {0.1, -2};
  const std::vector<TreeArrays::Linear> linear = {{}, {7, features, coefficients}, {3, {}, {}}};
  Stump stump;
  stump.default_left[0] = 1;
  TreeArrays arrays = stump.arrays();
  arrays.linear = linear;
  ASSERT_TRUE(builder.AddTree(arrays, 0, 0).ok());
  const Forest forest = builder.Finish(1);
  EXPECT_EQ((Sums<double, double>(forest, {-1, 5})[0]), 7 + 0.1 * 5 + -2.0 * -1);
  EXPECT_EQ((Sums<double, double>(forest, {-1, kNan})[0]), 10);
  EXPECT_EQ((Sums<double, double>(forest, {kNan, 5})[0]), 10);
  EXPECT_EQ((Sums<double, double>(forest, {1, kNan})[0]), 3);
  const std::vector<int32_t> beyond = {2, 0};
  const std::vector<TreeArrays::Linear> wrong = {{}, {7, beyond, coefficients}, {3, {}, {}}};
  arrays.linear = wrong;
  EXPECT_FALSE(builder.AddTree(arrays, 0, 0).ok());
}

TEST(ForestTest, MarginsAreMeansScaledAndShifted) {
  ForestBuilder builder(1, {0, 0});
  for (int32_t t = 0; t < 6; ++t) ASSERT_TRUE(builder.AddTree(Stump().arrays(), t % 2, t / 2).ok());
  Forest forest = builder.Finish(3);
  std::vector<float> margins = {6, 12};
  EXPECT_TRUE(forest.plain_margins());
  forest.FinishMargins(0, 1, margins.data());
  EXPECT_EQ(margins, (std::vector<float>{6, 12}));
  forest.average = true;
  forest.scale = 0.5;
  forest.bias = {1, -1};
  forest.FinishMargins(0, 1, margins.data());
  EXPECT_EQ(margins, (std::vector<float>{2, 1}));
  margins = {6, 12};
  forest.FinishMargins(2, 1, margins.data());
  EXPECT_EQ(margins, (std::vector<float>{2.5, 2}));
}

TEST(ForestTest, NumbersAndWeightsAreKeptWhereTheFileGivesThem) {
  ForestBuilder builder(1, {0});
  ASSERT_TRUE(builder.AddTree(Stump().arrays(), 0, 0).ok());
  const std::vector<int32_t> numbers = {0, 1, 0};
  const std::vector<double> weights = {5, 2, 3};
  const Stump stump;
  TreeArrays arrays = stump.arrays();
  arrays.leaf_number = numbers;
  arrays.cover = weights;
  ASSERT_TRUE(builder.AddTree(arrays, 0, 1).ok());
  const Forest forest = builder.Finish(2);
  EXPECT_EQ(forest.leaf_number, (std::vector<int32_t>{0, 1, 2, 0, 1, 0}));
  EXPECT_TRUE(forest.cover.empty()) << "the first tree has none";
  ForestBuilder known(1, {0});
  ASSERT_TRUE(known.AddTree(arrays, 0, 0).ok());
  EXPECT_EQ(known.Finish(1).cover, weights);
}

}  // namespace
}  // namespace vigil::trees
