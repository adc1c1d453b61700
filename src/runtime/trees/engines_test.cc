// Every engine on every kind of forest and instruction set, bit for bit against the plain walk.
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/testing/random_forest.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/engine.h"
#include "runtime/trees/engine_choice.h"
#include "runtime/trees/rank_kernels.h"
#include "runtime/trees/ranks.h"

namespace vigil::trees {
namespace {

using testing::MakeRandomForest;
using testing::RandomForestShape;

constexpr size_t kRows = 100;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Restores the best instruction set whatever happens.
struct TargetGuard {
  explicit TargetGuard(const std::string& name) { UseRankKernelTarget(name); }
  ~TargetGuard() { UseRankKernelTarget(""); }
};

template <typename Input, typename Sum>
std::vector<Sum> SumsOf(const Forest& forest, const Engine& engine, const std::vector<Input>& rows, size_t block, int64_t rounds) {
  const size_t n = rows.size() / forest.features;
  std::vector<int32_t> ends(forest.outputs);
  forest.TreeEnds(rounds, absl::MakeSpan(ends));
  AlignedBytes scratch(engine.scratch_bytes());
  std::vector<Sum> sums(n * forest.outputs, Sum{-12345});
  for (size_t at = 0; at < n; at += block) {
    engine.Score(rows.data() + at * forest.features, std::min(block, n - at), ends, scratch.data(), sums.data() + at * forest.outputs);
  }
  return sums;
}

std::vector<float> Margins(const Forest& forest, const Engine& engine, const std::vector<float>& rows, size_t block, int64_t rounds) {
  return SumsOf<float, float>(forest, engine, rows, block, rounds);
}

template <typename Input, typename Sum>
std::set<std::string> CompareAllOf(const Forest& forest, uint64_t seed, size_t rows_count) {
  Random random(seed);
  const std::vector<Input> rows = ProbeRowsOf<Input>(forest, rows_count, &random);
  std::set<std::string> held;
  for (const std::string& target : RankKernelTargets()) {
    const TargetGuard guard(target);
    EXPECT_EQ(RankKernelTarget(), target);
    for (const std::string& name : EngineNames()) {
      const auto engine = MakeEngine(forest, name);
      if (!engine.ok()) {
        EXPECT_EQ(engine.status().code(), absl::StatusCode::kFailedPrecondition) << engine.status();
        continue;
      }
      held.insert(name);
      for (const int64_t rounds : {int64_t{0}, int64_t{forest.rounds / 2}}) {
        const auto want = SumsOf<Input, Sum>(forest, *MakeReferenceEngine(forest), rows, rows_count, rounds);
        for (const size_t block : {size_t{1}, size_t{3}, size_t{40}, rows_count}) {
          const auto got = SumsOf<Input, Sum>(forest, **engine, rows, block, rounds);
          EXPECT_EQ(std::memcmp(want.data(), got.data(), want.size() * sizeof(Sum)), 0)
              << name << " on " << target << ", batches of " << block << ", " << rounds << " rounds";
        }
      }
    }
  }
  return held;
}

// The engines that can hold the forest, each compared in several batch sizes on every instruction set. Returns their names.
std::set<std::string> CompareAll(const Forest& forest, uint64_t seed, size_t rows = kRows) {
  const bool doubles = forest.inputs == Precision::kFloat64, wide = forest.sums == Precision::kFloat64;
  if (doubles && wide) return CompareAllOf<double, double>(forest, seed, rows);
  if (doubles) return CompareAllOf<double, float>(forest, seed, rows);
  return wide ? CompareAllOf<float, double>(forest, seed, rows) : CompareAllOf<float, float>(forest, seed, rows);
}

const std::set<std::string> kAll = {"byte-rank", "rank-leaves", "rank-rows", "rank-nodes", "float-interleaved", "reference"};
const std::set<std::string> kRowAtATime = {"rank-leaves", "rank-nodes", "float-interleaved", "reference"};

TEST(EnginesTest, EveryDepthOfFullTrees) {
  for (int32_t depth = 0; depth <= 9; ++depth) {
    SCOPED_TRACE(absl::StrCat("depth ", depth));
    RandomForestShape shape;
    shape.depth = depth;
    shape.trees = 70;
    const std::set<std::string> held = CompareAll(MakeRandomForest(shape, 100 + depth), depth);
    EXPECT_EQ(held.count("rank-rows"), depth <= 6 ? 1u : 0u);
    EXPECT_EQ(held.count("rank-nodes"), 1u);
  }
}

TEST(EnginesTest, RaggedAndLeafWiseTrees) {
  RandomForestShape ragged;
  ragged.split_chance = 0.7;
  EXPECT_EQ(CompareAll(MakeRandomForest(ragged, 1), 1), kAll);
  RandomForestShape leaf_wise;
  leaf_wise.depth = 25;
  leaf_wise.leaves_max = 31;
  leaf_wise.trees = 100;
  const Forest forest = MakeRandomForest(leaf_wise, 2);
  EXPECT_GT(forest.depth, 8);
  EXPECT_EQ(CompareAll(forest, 2).count("rank-nodes"), 1u);
}

TEST(EnginesTest, ManyFeatures) {
  for (const int32_t features : {1, 32, 33, 64, 65, 128, 300}) {
    SCOPED_TRACE(absl::StrCat(features, " features"));
    RandomForestShape shape;
    shape.features = features;
    shape.trees = 90;
    shape.depth = 5;
    const std::set<std::string> held = CompareAll(MakeRandomForest(shape, 7), 3);
    EXPECT_EQ(held.count("rank-nodes"), features <= 128 ? 1u : 0u);
    EXPECT_EQ(held.count("rank-leaves"), features <= 128 ? 1u : 0u);
    EXPECT_EQ(held.count("byte-rank"), 1u) << "rows in lanes take any number of columns";
  }
}

TEST(EnginesTest, MoreThresholdsThanAByteHolds) {
  for (const int32_t thresholds : {255, 256, 1500}) {
    SCOPED_TRACE(absl::StrCat(thresholds, " thresholds"));
    RandomForestShape shape;
    shape.features = 4;
    shape.thresholds = thresholds;
    shape.trees = 300;
    const Forest forest = MakeRandomForest(shape, 11);
    const RankTable ranks(forest);
    EXPECT_GE(ranks.columns(), thresholds > 300 ? 8u : 4u);
    EXPECT_EQ(CompareAll(forest, 4), kAll);
  }
}

TEST(EnginesTest, ManyOutputs) {
  for (const int32_t outputs : {2, 7, 100}) {
    SCOPED_TRACE(absl::StrCat(outputs, " outputs"));
    RandomForestShape shape;
    shape.outputs = outputs;
    shape.trees = outputs * 9 + 3;
    shape.trees_per_round = outputs;
    shape.depth = 4;
    EXPECT_EQ(CompareAll(MakeRandomForest(shape, 5), 5), kAll);
  }
}

TEST(EnginesTest, NoTreesAndBareLeaves) {
  std::set<std::string> all = kAll;
  all.insert("rank-oblivious");  // there is nothing that differs within a level
  RandomForestShape none;
  none.trees = 0;
  EXPECT_EQ(CompareAll(MakeRandomForest(none, 1), 1), all);
  RandomForestShape leaves;
  leaves.depth = 0;
  EXPECT_EQ(CompareAll(MakeRandomForest(leaves, 1), 1), all);
}

TEST(EnginesTest, EveryTypeOfRowsAndSums) {
  for (const Precision inputs : {Precision::kFloat32, Precision::kFloat64}) {
    for (const Precision sums : {Precision::kFloat32, Precision::kFloat64}) {
      RandomForestShape shape;
      shape.inputs = inputs;
      shape.sums = sums;
      const bool plain = inputs == Precision::kFloat32 && sums == Precision::kFloat32;
      EXPECT_EQ(CompareAll(MakeRandomForest(shape, 21), 1), plain ? kAll : kRowAtATime);
      shape.depth = 15;
      shape.leaves_max = 31;
      shape.trees = 130;
      EXPECT_EQ(CompareAll(MakeRandomForest(shape, 22), 2), kRowAtATime);
      shape.leaves_max = 500;
      shape.trees = 20;
      EXPECT_EQ(CompareAll(MakeRandomForest(shape, 23), 3), kRowAtATime);
    }
  }
}

TEST(EnginesTest, ObliviousTreesAreTables) {
  for (const int32_t depth : {1, 6, 8, 9, 12}) {
    SCOPED_TRACE(absl::StrCat("depth ", depth));
    RandomForestShape shape;
    shape.oblivious = true;
    shape.depth = depth;
    shape.sums = Precision::kFloat64;
    shape.trees = depth > 8 ? 9 : 130;
    EXPECT_EQ(CompareAll(MakeRandomForest(shape, 31), depth).count("rank-oblivious"), 1u);
    shape.set_chance = 0.6;
    shape.sums = Precision::kFloat32;
    shape.inputs = Precision::kFloat64;
    shape.missing_kinds = true;
    EXPECT_EQ(CompareAll(MakeRandomForest(shape, 32), depth).count("rank-oblivious"), 1u);
  }
}

TEST(EnginesTest, SetsMissingKindsAndLinearLeaves) {
  for (const Precision precision : {Precision::kFloat32, Precision::kFloat64}) {
    RandomForestShape shape;
    shape.inputs = shape.sums = precision;
    shape.missing_kinds = true;
    EXPECT_EQ(CompareAll(MakeRandomForest(shape, 41), 1), kRowAtATime);
    for (const int32_t leaves : {20, 60, 300}) {
      shape.set_chance = 0.7;
      shape.leaves_max = leaves;
      shape.depth = 12;
      EXPECT_EQ(CompareAll(MakeRandomForest(shape, 42), 2), kRowAtATime);
    }
    shape.linear = true;
    EXPECT_EQ(CompareAll(MakeRandomForest(shape, 43), 3), (std::set<std::string>{"float-interleaved", "reference"}));
  }
}

TEST(EnginesTest, BatchesToAThousandRows) {
  RandomForestShape shape;
  shape.trees = 30;
  CompareAll(MakeRandomForest(shape, 51), 1, 1000);
  shape.inputs = shape.sums = Precision::kFloat64;
  shape.set_chance = 0.3;
  shape.outputs = 3;
  CompareAll(MakeRandomForest(shape, 52), 2, 1000);
}

TEST(EnginesTest, ManySeeds) {
  Random random(99);
  for (int i = 0; i < 16; ++i) {
    SCOPED_TRACE(absl::StrCat("case ", i));
    RandomForestShape shape;
    shape.features = 1 + static_cast<int32_t>(random.Below(70));
    shape.outputs = 1 + static_cast<int32_t>(random.Below(4));
    shape.trees = static_cast<int32_t>(random.Below(150));
    shape.depth = static_cast<int32_t>(random.Below(12));
    shape.leaves_max = 1 + static_cast<int32_t>(random.Below(100));
    shape.split_chance = random.Uniform(0.5, 1);
    shape.thresholds = 1 + static_cast<int32_t>(random.Below(700));
    shape.trees_per_round = shape.outputs;
    shape.inputs = random.Below(2) == 0 ? Precision::kFloat32 : Precision::kFloat64;
    shape.sums = random.Below(2) == 0 ? Precision::kFloat32 : Precision::kFloat64;
    shape.set_chance = random.Below(2) == 0 ? 0 : random.Uniform();
    shape.missing_kinds = random.Below(2) == 0;
    shape.oblivious = random.Below(4) == 0;
    if (shape.oblivious) shape.depth %= 8;
    CompareAll(MakeRandomForest(shape, random()), random());
  }
}

// A stump at each threshold shows each comparison by itself: leaf bits say which side a value took.
TEST(EnginesTest, AValueAtAThresholdGoesRightAsFloatsDo) {
  const float thresholds[] = {-kInfinity, -3.5f,      -1e-40f, 0.0f,     std::numeric_limits<float>::denorm_min(),
                              1.0f,       1.0000001f, 3e38f,   kInfinity};
  std::vector<float> values = {-0.0f, 0.0f, kNan, kInfinity, -kInfinity};
  for (const float t : thresholds) {
    for (const float v : {t, std::nextafter(t, -kInfinity), std::nextafter(t, kInfinity)}) values.push_back(v);
  }
  for (const bool default_left : {false, true}) {
    for (const float threshold : thresholds) {
      ForestBuilder builder(1, {0.0f});
      for (const float other : thresholds) {  // the others make the ranks
        const double weight = other == threshold ? 1 : 0;
        const double left[] = {1, -1, -1}, right[] = {2, -1, -1}, feature[] = {0, 0, 0}, value[] = {other, -weight, weight};
        const double direction[] = {default_left ? 1.0 : 0.0, 0, 0};
        ASSERT_TRUE(builder.AddTree({left, right, feature, value, direction}, 0, 0).ok());
      }
      const Forest forest = builder.Finish(1);
      for (const std::string& target : RankKernelTargets()) {
        const TargetGuard guard(target);
        for (const std::string& name : EngineNames()) {
          if (name == "linear-terms") continue;  // has no thresholds
          const auto engine = MakeEngine(forest, name);
          ASSERT_TRUE(engine.ok()) << engine.status();
          const std::vector<float> got = Margins(forest, **engine, values, values.size(), 0);
          for (size_t i = 0; i < values.size(); ++i) {
            const bool left = std::isnan(values[i]) ? default_left : values[i] < threshold;
            EXPECT_EQ(got[i], left ? -1.0f : 1.0f) << name << " on " << target << ": " << values[i] << " at " << threshold;
          }
        }
      }
    }
  }
}

TEST(EngineChoiceTest, TakesTheFastestMeasuredAndSaysWhyNotAnother) {
  RandomForestShape shape;
  const auto flat = ChooseEngine(MakeRandomForest(shape, 1), "", true, 1);
  ASSERT_TRUE(flat.ok());
  EXPECT_NE(flat->engine->name(), "reference");
  EXPECT_NE(flat->reason.find("us a row alone"), std::string::npos) << flat->reason;
  shape.depth = 9;
  const Forest deep = MakeRandomForest(shape, 1);
  const auto chained = ChooseEngine(deep, "", true, 1);
  ASSERT_TRUE(chained.ok());
  EXPECT_NE(chained->engine->name(), "byte-rank");
  EXPECT_NE(chained->reason.find("9 deep"), std::string::npos) << chained->reason;
  shape.features = 200;
  shape.trees = 300;
  const Forest wide = MakeRandomForest(shape, 1);
  const auto floats = ChooseEngine(wide, "", true, 1);
  ASSERT_TRUE(floats.ok());
  EXPECT_EQ(floats->engine->name(), "float-interleaved");
  EXPECT_NE(floats->reason.find("200 byte-rank columns"), std::string::npos) << floats->reason;

  EXPECT_EQ(ChooseEngine(wide, "rank-nodes", true, 1).status().code(), absl::StatusCode::kFailedPrecondition);
  const Status unknown = ChooseEngine(wide, "rank-node", true, 1).status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(unknown.message()).find("rank-nodes"), std::string::npos) << unknown;
}

TEST(EngineChoiceTest, ALinearModelIsServedByItsTermsBitForBit) {
  Random random(3);
  for (const Precision precision : {Precision::kFloat32, Precision::kFloat64}) {
    constexpr int32_t kFeatures = 37;
    ForestBuilder builder(kFeatures, {0.25, -3});
    builder.SetPrecision(precision, precision);
    const double leaf[] = {-1}, zero[] = {0};
    for (int32_t f = 0; f < kFeatures; ++f) {
      for (int32_t o = 0; o < 2; ++o) {
        const double coefficient[] = {double{static_cast<float>(random.Normal())}};
        const int32_t feature[] = {f};
        const TreeArrays::Linear linear[] = {{0, feature, coefficient}};
        TreeArrays tree;
        tree.left = tree.right = leaf;
        tree.feature = tree.value = tree.default_left = zero;
        tree.linear = linear;
        ASSERT_TRUE(builder.AddTree(tree, o, 0).ok());
      }
    }
    const Forest forest = builder.Finish(1);
    const auto choice = ChooseEngine(forest, "", true, 1);
    ASSERT_TRUE(choice.ok());
    EXPECT_EQ(choice->engine->name(), "linear-terms") << choice->reason;
    EXPECT_TRUE(SelfCheck(forest, *choice->engine, Random(17)).ok());
  }
}

TEST(EngineChoiceTest, WhatOnlyTheReferenceHoldsIsServedByIt) {
  ForestBuilder builder(1, {0});
  const double left[] = {1, -1, -1}, right[] = {2, -1, -1}, feature[] = {0, 0, 0}, value[] = {1, 2, 3}, direction[] = {0, 0, 0};
  for (const Missing kind : {Missing::kNan, Missing::kNanIsZero}) {
    TreeArrays arrays{left, right, feature, value, direction};
    arrays.every_missing = kind;
    ASSERT_TRUE(builder.AddTree(arrays, 0, 0).ok());
  }
  const auto mixed = ChooseEngine(builder.Finish(1), "", true, 1);
  ASSERT_TRUE(mixed.ok());
  EXPECT_EQ(mixed->engine->name(), "reference");
  EXPECT_NE(mixed->reason.find("differ in what is missing"), std::string::npos) << mixed->reason;
}

// An engine that is wrong in one leaf of one output, as a defect would be.
class WrongEngine final : public Engine {
 public:
  explicit WrongEngine(const Forest& forest) : right_(MakeReferenceEngine(forest)), outputs_(forest.outputs) {}
  std::string_view name() const override { return "wrong"; }
  int64_t memory_bytes() const override { return 0; }
  size_t scratch_bytes() const override { return 0; }
  void Score(const void* rows, size_t n, absl::Span<const int32_t> ends, std::byte* scratch, void* sums) const override {
    right_->Score(rows, n, ends, scratch, sums);
    float* margins = static_cast<float*>(sums);
    if (n > 1) margins[outputs_ * n - 1] = std::nextafter(margins[outputs_ * n - 1], kInfinity);
  }

 private:
  const std::unique_ptr<Engine> right_;
  const size_t outputs_;
};

TEST(EngineChoiceTest, SelfCheckFindsOneWrongBit) {
  const Forest forest = MakeRandomForest({}, 1);
  const Status status = SelfCheck(forest, WrongEngine(forest), Random(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_NE(std::string(status.message()).find("engine 'wrong'"), std::string::npos) << status;
}

}  // namespace
}  // namespace vigil::trees
