#include "rollout/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/random.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;

constexpr TimeUs kStart = 1'530'000'000'000'000;

Rollout NewRollout() {
  Rollout rollout;
  rollout.id = "r1";
  rollout.model = "fraud";
  rollout.candidate = "4";
  rollout.champion = "3";
  rollout.champion_epoch = 7;
  rollout.options.steps = {{0, kHourUs, 200}, {0.1, kDayUs, 200}, {0.5, kDayUs, 500}};
  return rollout;
}

// An arm of n entities with this mean loss and standard deviation.
ArmEvidence Arm(int64_t n, double mean, double deviation) {
  ArmEvidence arm;
  arm.entities = n;
  arm.sum = static_cast<double>(n) * mean;
  arm.sum_squares = static_cast<double>(n - 1) * deviation * deviation + static_cast<double>(n) * mean * mean;
  arm.predictions = n * 3;
  arm.latency_p99_us = 500;
  return arm;
}

RolloutEvidence Paired(int64_t n, double mean, double deviation) {
  RolloutEvidence evidence;
  const ArmEvidence sums = Arm(n, mean, deviation);
  evidence.paired_n = n;
  evidence.paired_sum = sums.sum;
  evidence.paired_sum_squares = sums.sum_squares;
  return evidence;
}

RolloutEvidence Arms(int64_t n_control, int64_t n_treatment, double difference) {
  RolloutEvidence evidence;
  evidence.control = Arm(n_control, 0.2, 0.1);
  evidence.treatment = Arm(n_treatment, 0.2 + difference, 0.1);
  return evidence;
}

// A rollout that stands at `step` since kStart.
Rollout At(int step) {
  Rollout rollout = Advance(NewRollout(), {}, kStart);
  rollout.step = step;
  rollout.state = step == 0 ? RolloutState::kShadowing : RolloutState::kRamping;
  return rollout;
}

struct Case {
  const char* name;
  int step;
  TimeUs after;
  RolloutEvidence evidence;
  RolloutState state;
  int step_after;
  const char* reason;
};

TEST(Rollout, OneLook) {
  RolloutEvidence failing = Arms(0, 0, 0);
  failing.treatment.predictions = 950;
  failing.treatment.failures = 50;
  RolloutEvidence one_failure = Arms(0, 0, 0);
  one_failure.treatment.failures = 1;
  RolloutEvidence slow = Arms(3000, 400, 0);
  slow.treatment.latency_p99_us = 1600;
  RolloutEvidence quick_but_slower = Arms(3000, 400, 0);
  quick_but_slower.control.latency_p99_us = 10;
  RolloutEvidence skewed = Arms(3000, 3000, -0.05);
  skewed.control.assigned = 5300;
  skewed.treatment.assigned = 4700;
  RolloutEvidence stale = Arms(3000, 3000, -0.05);
  stale.cohort_started = kStart - 1;

  const Case cases[] = {
      {"no data never passes", 0, 10 * kDayUs, {}, RolloutState::kShadowing, 0, "0 of at least 200"},
      {"time alone is not enough", 1, 10 * kDayUs, Arms(9000, 150, -0.1), RolloutState::kRamping, 1, "150 of at least 200"},
      {"entities alone are not enough", 1, kHourUs, Arms(9000, 900, -0.1), RolloutState::kRamping, 1, "1h of at least 1d"},
      {"the smaller arm counts", 1, 10 * kDayUs, Arms(150, 900, -0.1), RolloutState::kRamping, 1, "150 of at least 200"},
      {"shadow passes on paired rows", 0, kHourUs, Paired(2000, -0.05, 0.2), RolloutState::kRamping, 1, "shadow passed"},
      {"shadow harm rolls back", 0, kMinuteUs, Paired(2000, 0.05, 0.2), RolloutState::kRollingBack, 0, "does harm"},
      {"an interval around the margin holds", 1, kDayUs, Arms(9000, 900, -0.001), RolloutState::kHolding, 1, "no verdict yet"},
      {"better passes to the next step", 1, kDayUs, Arms(9000, 900, -0.05), RolloutState::kRamping, 2, "canary at 10 % passed"},
      {"the last step promotes", 2, kDayUs, Arms(3000, 3000, -0.05), RolloutState::kPromoting, 2, "canary at 50 % passed"},
      {"harm rolls back before the minima", 2, kMinuteUs, Arms(3000, 3000, 0.05), RolloutState::kRollingBack, 2, "does harm"},
      {"nothing speaks during the burn-in", 2, kMinuteUs, Arms(90, 90, 0.5), RolloutState::kRamping, 2, "1m of at least 1d"},
      {"failures bypass statistics", 1, kMinuteUs, failing, RolloutState::kRollingBack, 1, "50 of 1000 scorings"},
      {"one failure is no share", 1, kMinuteUs, one_failure, RolloutState::kRamping, 1, ""},
      {"latency bypasses statistics", 1, kMinuteUs, slow, RolloutState::kRollingBack, 1, "latency p99 1600 us"},
      {"microseconds do not matter", 1, kMinuteUs, quick_but_slower, RolloutState::kRamping, 1, ""},
      {"a skewed split holds a winner", 2, kDayUs, skewed, RolloutState::kHolding, 2, "sample ratio mismatch"},
      {"sums of an earlier step are no evidence", 2, kDayUs, stale, RolloutState::kRamping, 2, "earlier step"},
      {"time up keeps the champion", 1, 28 * kDayUs, Arms(9000, 900, 0), RolloutState::kRollingBack, 1, "the champion stays"},
      {"time up without data keeps the champion", 0, 28 * kDayUs, {}, RolloutState::kRollingBack, 0, "the champion stays"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Rollout after = Advance(At(c.step), c.evidence, kStart + c.after);
    EXPECT_EQ(RolloutStateName(after.state), RolloutStateName(c.state)) << after.reason;
    EXPECT_EQ(after.step, c.step_after);
    EXPECT_THAT(after.reason, HasSubstr(c.reason));
    const Rollout again = Advance(after, c.evidence, kStart + c.after);
    EXPECT_EQ(again.ToJson(), after.ToJson()) << "not idempotent";
  }
}

TEST(Rollout, TheMarginAdmitsAnEqualCandidate) {
  Rollout rollout = At(2);
  rollout.options.harm_margin = 0.02;
  EXPECT_EQ(Advance(rollout, Arms(3000, 3000, 0.0), kStart + kDayUs).state, RolloutState::kPromoting);
  EXPECT_EQ(Advance(rollout, Arms(3000, 3000, 0.015), kStart + kDayUs).state, RolloutState::kHolding);
  EXPECT_EQ(Advance(rollout, Arms(3000, 3000, 0.05), kStart + kDayUs).state, RolloutState::kRollingBack);
}

TEST(Rollout, WaitsUntilTheCandidateIsWarm) {
  RolloutEvidence evidence;
  evidence.candidate_ready = false;
  Rollout rollout = Advance(NewRollout(), evidence, kStart);
  EXPECT_EQ(rollout.state, RolloutState::kPending);
  EXPECT_TRUE(PlanFor(rollout).shadows.empty());
  evidence.candidate_ready = true;
  rollout = Advance(rollout, evidence, kStart + kSecondUs);
  EXPECT_EQ(rollout.state, RolloutState::kShadowing);
  EXPECT_EQ(rollout.started, kStart + kSecondUs);
}

TEST(Rollout, TheIntervalOnlyNarrowsWithinAStepAndStartsAnewWithTheNext) {
  Rollout rollout = Advance(At(1), Arms(9000, 300, -0.01), kStart + kHourUs);
  const double low = rollout.low, high = rollout.high;
  rollout = Advance(rollout, Arms(9000, 320, 0.0), kStart + 2 * kHourUs);
  EXPECT_GE(rollout.low, low);
  EXPECT_LE(rollout.high, high);
  rollout = Advance(rollout, Arms(90000, 9000, -0.05), kStart + kDayUs);
  ASSERT_EQ(rollout.step, 2);
  EXPECT_FALSE(rollout.low_high_known);
  EXPECT_EQ(rollout.p_value, 1);
}

TEST(Rollout, AnAbTestDecidesByTheAlwaysValidTest) {
  Rollout rollout = NewRollout();
  rollout.options.steps.clear();
  rollout.options.ab_test = true;
  rollout = Advance(rollout, {}, kStart);
  EXPECT_EQ(rollout.state, RolloutState::kRamping);
  const TrafficPlan plan = PlanFor(rollout);
  ASSERT_EQ(plan.arms.size(), 2u);
  EXPECT_EQ(plan.arms[0].arm, "b");
  EXPECT_EQ(plan.arms[0].end, 0.5);
  EXPECT_EQ(Advance(rollout, Arms(3000, 3000, -0.05), kStart + kDayUs).state, RolloutState::kPromoting);
  EXPECT_EQ(Advance(rollout, Arms(3000, 3000, -0.05), kStart + kHourUs).state, RolloutState::kRamping) << "minimum time";
  EXPECT_EQ(Advance(rollout, Arms(3000, 3000, 0.05), kStart + kHourUs).state, RolloutState::kRollingBack);
  EXPECT_EQ(Advance(rollout, Arms(3000, 3000, 0.0), kStart + kDayUs).state, RolloutState::kHolding);
  EXPECT_EQ(Advance(rollout, Arms(3000, 3000, 0.0), kStart + 28 * kDayUs).state, RolloutState::kRollingBack);
}

TEST(Rollout, PeopleMayPauseResumeAbortAndPromote) {
  Rollout rollout = At(2);
  rollout = *PauseRollout(rollout, "ann", kStart);
  EXPECT_EQ(Advance(rollout, Arms(3000, 3000, -0.05), kStart + kDayUs).state, RolloutState::kHolding);
  EXPECT_EQ(Advance(rollout, Arms(3000, 3000, 0.05), kStart + kDayUs).state, RolloutState::kRollingBack) << "paused, still protected";
  rollout = *ResumeRollout(rollout, "ann", kStart);
  EXPECT_EQ(Advance(rollout, Arms(3000, 3000, -0.05), kStart + kDayUs).state, RolloutState::kPromoting);
  EXPECT_EQ(ResumeRollout(rollout, "ann", kStart).status().code(), absl::StatusCode::kFailedPrecondition);

  Rollout aborted = *AbortRollout(rollout, "bob", kStart + 1);
  EXPECT_EQ(aborted.state, RolloutState::kRollingBack);
  EXPECT_THAT(aborted.reason, HasSubstr("bob"));
  EXPECT_TRUE(PlanFor(aborted).arms.empty()) << "everything is the champion's again at once";
  EXPECT_EQ(PromoteRollout(aborted, "ann", kStart).status().code(), absl::StatusCode::kFailedPrecondition);
  aborted = ConfirmRollout(aborted, absl::OkStatus(), kStart + 2);
  EXPECT_EQ(aborted.state, RolloutState::kRolledBack);
  EXPECT_EQ(aborted.ended, kStart + 2);
  EXPECT_TRUE(RolloutEnded(aborted));
  EXPECT_EQ(Advance(aborted, Arms(3000, 3000, -0.05), kStart + 9 * kDayUs).ToJson(), aborted.ToJson());

  Rollout promoted = *PromoteRollout(rollout, "ann", kStart);
  EXPECT_EQ(PlanFor(promoted).arms.size(), 2u) << "nobody moves before the roles have";
  EXPECT_EQ(ConfirmRollout(promoted, absl::OkStatus(), kStart).state, RolloutState::kPromoted);
  promoted = ConfirmRollout(promoted, absl::AbortedError("epoch is 9, expected 7"), kStart);
  EXPECT_EQ(promoted.state, RolloutState::kFailed);
  EXPECT_THAT(promoted.reason, HasSubstr("epoch is 9"));
}

TEST(Rollout, JsonRoundTrips) {
  Rollout rollout = Advance(At(1), Arms(9000, 900, -0.001), kStart + kDayUs + 1);
  rollout.paused = true;
  const StatusOr<Rollout> back = Rollout::FromJson(*ParseJson(DumpJson(rollout.ToJson()), "rollout"));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->ToJson(), rollout.ToJson());
  EXPECT_EQ(back->low, rollout.low);
  EXPECT_EQ(back->step_started, rollout.step_started);
  EXPECT_EQ(back->options.steps[1].duration_min_us, kDayUs);

  Json broken = rollout.ToJson();
  broken["step"] = 3;
  EXPECT_FALSE(Rollout::FromJson(broken).ok());
  broken["step"] = 0;
  broken["state"] = "rampping";
  EXPECT_THAT(std::string(Rollout::FromJson(broken).status().message()), HasSubstr("\"ramping\""));
}

TEST(RolloutOptions, ErrorsNameTheKeyAndTheNearest) {
  const struct {
    const char* json;
    const char* message;
  } cases[] = {
      {R"({"harm_margn":0.1})", "rollout.harm_margn: unknown key (did you mean \"harm_margin\"?)"},
      {R"({"alpha":"x"})", "rollout.alpha: expected a number"},
      {R"({"alpha":1})", "alpha: must lie between 0 and 1"},
      {R"({"duration_max":"7 days"})", "rollout.duration_max: expected a span of time"},
      {R"({"steps":[{"share":0.5},{"share":0.1}]})", "steps[1].share: shares must rise"},
      {R"({"steps":[{"share":0.5},{"share":0}]})", "steps[1].share: only the first"},
      {R"({"steps":[{"share":1.5}]})", "steps[0].share"},
      {R"({"steps":[{"shar":0.5}]})", "rollout.steps[0].shar: unknown key (did you mean \"share\"?)"},
      {R"({"ab_test":true,"steps":[{"share":0}]})", "A/B"},
      {R"({"guardrail":"briar"})", "did you mean \"brier\"?"},
      {R"([])", "rollout: expected an object"},
  };
  for (const auto& c : cases) {
    const auto options = RolloutOptionsFromJson(*ParseJson(c.json, "test"), "rollout");
    ASSERT_FALSE(options.ok()) << c.json;
    EXPECT_THAT(std::string(options.status().message()), HasSubstr(c.message));
  }
  EXPECT_TRUE(RolloutOptionsFromJson(*ParseJson(R"({"steps":[{"share":0.05,"duration_min":"90m"}]})", "test"), "rollout").ok());
}

TEST(Plan, CoversTheUnitLine) {
  for (int step = 0; step < 3; ++step) {
    const TrafficPlan plan = PlanFor(At(step));
    EXPECT_EQ(plan.epoch, 7);
    EXPECT_EQ(plan.experiment, "r1");
    if (step == 0) {
      EXPECT_TRUE(plan.arms.empty());
      EXPECT_EQ(plan.shadows, std::vector<std::string>{"4"});
      EXPECT_EQ(RouteEntity(plan, "x"), -1);
      continue;
    }
    ASSERT_EQ(plan.arms.size(), 2u);
    EXPECT_EQ(plan.arms[0].begin, 0);
    EXPECT_EQ(plan.arms[0].end, plan.arms[1].begin);
    EXPECT_EQ(plan.arms[1].end, 1);
    EXPECT_EQ(plan.arms[0].version, "4");
    EXPECT_EQ(plan.arms[1].version, "3");
  }
}

TEST(Plan, SharesAreExactAndARampMovesEntitiesOneWay) {
  constexpr int kEntities = 100'000;
  Rollout rollout = At(1);
  rollout.options.steps = {{0.01, 0, 0}, {0.05, 0, 0}, {0.1, 0, 0}, {0.25, 0, 0}, {0.5, 0, 0}};
  std::vector<bool> treated(kEntities, false);
  for (int step = 0; step < 5; ++step) {
    rollout.step = step;
    const TrafficPlan plan = PlanFor(rollout);
    int in_treatment = 0;
    for (int i = 0; i < kEntities; ++i) {
      const int arm = RouteEntity(plan, absl::StrCat("customer-", i));
      ASSERT_TRUE(arm == 0 || arm == 1);
      ASSERT_FALSE(treated[i] && arm != 0) << "entity " << i << " moved back at step " << step;
      treated[i] = arm == 0;
      in_treatment += arm == 0;
    }
    const double share = rollout.options.steps[step].share;
    const double deviation = std::sqrt(kEntities * share * (1 - share));
    EXPECT_NEAR(in_treatment, kEntities * share, 4 * deviation);
  }
}

TEST(Plan, ExperimentsSplitIndependently) {
  Rollout one = At(2), two = At(2);
  two.id = "r2";
  const TrafficPlan a = PlanFor(one), b = PlanFor(two);
  int both = 0;
  constexpr int kEntities = 20'000;
  for (int i = 0; i < kEntities; ++i) {
    const std::string entity = absl::StrCat("e", i);
    both += RouteEntity(a, entity) == 0 && RouteEntity(b, entity) == 0;
  }
  EXPECT_NEAR(both, kEntities / 4, 4 * std::sqrt(kEntities * 0.25 * 0.75));
}

}  // namespace
}  // namespace vigil
