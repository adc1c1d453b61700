// What the policy does over many lives: how often chance alone decides, and whether real differences are found.
#include <gtest/gtest.h>

#include "base/random.h"
#include "rollout/rollout.h"

namespace vigil {
namespace {

struct World {
  double champion_error = 0.1;  // chance that a decision is wrong; the loss is 0 or 1
  double candidate_error = 0.1;
  int entities_a_day = 400;
  int days_max = 28;
};

struct Tally {
  int promoted = 0, rolled_back_by_evidence = 0, rolled_back_by_time = 0;
  double days = 0;
};

void AddEntity(ArmEvidence* arm, double loss) {
  ++arm->entities;
  arm->sum += loss;
  arm->sum_squares += loss * loss;
  ++arm->predictions;
  ++arm->assigned;
}

// One life, looked at every six hours.
Rollout Live(const World& world, RolloutOptions options, Random& random, TimeUs* ended) {
  Rollout rollout;
  rollout.id = "sim";
  rollout.options = std::move(options);
  rollout.options.duration_max_us = world.days_max * kDayUs;
  TimeUs now = kDayUs;
  rollout = Advance(rollout, {}, now);
  RolloutEvidence evidence;
  int step = rollout.step;
  while (rollout.state != RolloutState::kPromoting && rollout.state != RolloutState::kRollingBack) {
    now += 6 * kHourUs;
    if (rollout.step != step) {
      step = rollout.step;
      evidence = {};
    }
    const double share = RolloutSteps(rollout.options)[step].share;
    for (int i = 0; i < world.entities_a_day / 4; ++i) {
      const double champion_loss = random.Uniform() < world.champion_error ? 1 : 0;
      const double candidate_loss = random.Uniform() < world.candidate_error ? 1 : 0;
      if (share == 0) {
        const double difference = candidate_loss - champion_loss;
        ++evidence.paired_n;
        evidence.paired_sum += difference;
        evidence.paired_sum_squares += difference * difference;
      } else if (random.Uniform() < share) {
        AddEntity(&evidence.treatment, candidate_loss);
      } else {
        AddEntity(&evidence.control, champion_loss);
      }
    }
    rollout = Advance(rollout, evidence, now);
  }
  *ended = now;
  return rollout;
}

Tally Simulate(const World& world, const RolloutOptions& options, int lives, uint64_t seed) {
  Random random(seed);
  Tally tally;
  for (int i = 0; i < lives; ++i) {
    TimeUs ended = 0;
    const Rollout rollout = Live(world, options, random, &ended);
    if (rollout.state == RolloutState::kPromoting) {
      ++tally.promoted;
    } else if (rollout.reason.starts_with("no verdict")) {
      ++tally.rolled_back_by_time;
    } else {
      ++tally.rolled_back_by_evidence;
    }
    tally.days += static_cast<double>(ended - kDayUs) / kDayUs / lives;
  }
  return tally;
}

void Report(const Tally& tally) {
  ::testing::Test::RecordProperty("promoted", tally.promoted);
  ::testing::Test::RecordProperty("rolled_back_by_evidence", tally.rolled_back_by_evidence);
}

constexpr int kLives = 400;
// 400 lives at a true rate of 5 % stay at or below this count with probability 0.999.
constexpr int kAlphaCountMax = 34;

TEST(RolloutSimulation, AnEqualCandidateIsNeitherPromotedNorBlamed) {
  const Tally tally = Simulate({}, {}, kLives, 1);
  Report(tally);
  EXPECT_LE(tally.promoted, kAlphaCountMax);
  EXPECT_LE(tally.rolled_back_by_evidence, kAlphaCountMax);
  EXPECT_EQ(tally.promoted + tally.rolled_back_by_evidence + tally.rolled_back_by_time, kLives);
}

// Fraud's losses: almost all nothing, one in a hundred large. The variance is hard to know early, which is what the burn-in is for.
TEST(RolloutSimulation, RareLossesDoNotBreakTheLevel) {
  World world;
  world.champion_error = world.candidate_error = 0.01;
  world.entities_a_day = 2000;
  const Tally tally = Simulate(world, {}, kLives, 7);
  Report(tally);
  EXPECT_LE(tally.promoted, kAlphaCountMax);
  EXPECT_LE(tally.rolled_back_by_evidence, kAlphaCountMax);
}

TEST(RolloutSimulation, AnEqualCandidateInAnAbTestIsNotPromoted) {
  RolloutOptions options;
  options.ab_test = true;
  const Tally tally = Simulate({}, options, kLives, 2);
  EXPECT_LE(tally.promoted + tally.rolled_back_by_evidence, kAlphaCountMax);
}

TEST(RolloutSimulation, AWorseCandidateIsRolledBack) {
  World world;
  world.candidate_error = 0.14;
  const Tally tally = Simulate(world, {}, kLives, 3);
  EXPECT_EQ(tally.promoted, 0);
  EXPECT_GE(tally.rolled_back_by_evidence, kLives * 95 / 100);
  EXPECT_LT(tally.days, 15);
}

TEST(RolloutSimulation, ABetterCandidateIsPromoted) {
  World world;
  world.candidate_error = 0.04;
  const Tally tally = Simulate(world, {}, kLives, 4);
  EXPECT_EQ(tally.rolled_back_by_evidence, 0);
  EXPECT_GE(tally.promoted, kLives * 95 / 100);
}

TEST(RolloutSimulation, AnEqualCandidatePassesWithAMargin) {
  World world;
  world.entities_a_day = 2000;
  RolloutOptions options;
  options.harm_margin = 0.03;
  const Tally tally = Simulate(world, options, kLives, 5);
  EXPECT_LE(tally.rolled_back_by_evidence, kAlphaCountMax);
  EXPECT_GE(tally.promoted, kLives * 95 / 100);
}

TEST(RolloutSimulation, AnAbTestFindsTwoPointsWithThePowerOfTheLiterature) {
  World world;
  world.champion_error = 0.12;
  world.candidate_error = 0.10;
  world.entities_a_day = 2000;
  world.days_max = 10;  // 10 000 an arm
  RolloutOptions options;
  options.ab_test = true;
  const Tally tally = Simulate(world, options, 200, 6);
  EXPECT_GE(tally.promoted, 200 * 85 / 100);
  EXPECT_EQ(tally.rolled_back_by_evidence, 0);
}

}  // namespace
}  // namespace vigil
