#include "stats/sequential.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/random.h"
#include "stats/cusum.h"
#include "stats/special.h"

namespace vigil::stats {
namespace {

ArmSums Bernoulli(Random& random, ArmSums arm, int rows, double rate) {
  for (int i = 0; i < rows; ++i) arm.Add(random.Uniform() < rate ? 1 : 0);
  return arm;
}

// Share of experiments in which the test fires at any of 100 looks up to 10,000 entities an arm.
double AlarmShare(double rate_control, double rate_treatment, int experiments, bool sequential) {
  MixtureOptions options;
  options.rho2 = MixingRatioForSampleSize(5000, 0.05);
  Random random(17);
  int alarms = 0;
  for (int e = 0; e < experiments; ++e) {
    ArmSums control, treatment;
    bool fired = false;
    for (int look = 0; look < 100 && !fired; ++look) {
      control = Bernoulli(random, control, 100, rate_control);
      treatment = Bernoulli(random, treatment, 100, rate_treatment);
      const auto r = CompareMeans(control, treatment, options);
      fired = sequential ? r->p_value <= 0.05 : r->fixed_p <= 0.05;
      if (sequential) {
        EXPECT_EQ(r->p_value <= 0.05, r->low >= 0 || r->high <= 0);
      }
    }
    alarms += fired ? 1 : 0;
  }
  return static_cast<double>(alarms) / experiments;
}

TEST(Sequential, AaStaysBelowAlphaHoweverOftenItIsLookedAt) {
  EXPECT_LE(AlarmShare(0.1, 0.1, 400, true), 0.05);
  EXPECT_GE(AlarmShare(0.1, 0.1, 150, false), 0.2);  // the naive test does not: this is why
  EXPECT_GE(AlarmShare(0.1, 0.12, 150, true), 0.85);
}

TEST(Sequential, NothingKnownYetIsNoVerdict) {
  MixtureOptions options;
  options.rho2 = 1e-3;
  for (const auto& [c, t] :
       {std::pair{ArmSums{}, ArmSums{}}, {ArmSums{1, 1, 1}, ArmSums{5, 5, 10}}, {ArmSums{0, 0, 50}, ArmSums{0, 0, 50}}}) {
    const auto r = CompareMeans(c, t, options);
    ASSERT_TRUE(r.ok());
    EXPECT_EQ(r->p_value, 1);
    EXPECT_TRUE(std::isinf(r->low) && std::isinf(r->high));
  }
  EXPECT_FALSE(CompareMeans({}, {}, MixtureOptions{}).ok());
  options.alpha = 1;
  EXPECT_FALSE(CompareMeans({}, {}, options).ok());
}

TEST(Sequential, RunningIntersectionNarrowsOnly) {
  RunningSequence running;
  SequentialDifference look;
  look.p_value = 0.3;
  look.low = -1;
  look.high = 2;
  running.Look(look);
  look.p_value = 0.6;
  look.low = -2;
  look.high = 1;
  running.Look(look);
  EXPECT_EQ(running.p_value(), 0.3);
  EXPECT_EQ(running.low(), -1);
  EXPECT_EQ(running.high(), 1);
  look.low = 3;  // disjoint: collapses to the bound that was crossed
  look.high = 4;
  running.Look(look);
  EXPECT_EQ(running.low(), 1);
  EXPECT_EQ(running.high(), 1);
}

TEST(SampleRatio, RefusesWhatIsNoSplit) {
  EXPECT_FALSE(TestSampleRatio({1, 2}, {0.5, 0.6}).ok());
  EXPECT_FALSE(TestSampleRatio({1, 2}, {1.0, 0.0}).ok());
  EXPECT_FALSE(TestSampleRatio({1, -2}, {0.5, 0.5}).ok());
  EXPECT_FALSE(TestSampleRatio({1}, {1.0}).ok());
  const auto mismatch = TestSampleRatio({5200, 4800}, {0.5, 0.5});
  EXPECT_NEAR(mismatch->p_value, 0.00365, 5e-6);
}

struct Detection {
  double share = 0, mean_delay = 0, false_alarms_per_10k = 0;
};
Detection Simulate(double before, double after, int trials) {
  constexpr int kClean = 10'000, kLater = 20'000;
  Detection d;
  int detected = 0;
  int64_t false_alarms = 0;
  for (int t = 0; t < trials; ++t) {
    Random random(static_cast<uint64_t>(t) + 1);
    BernoulliCusum cusum = *BernoulliCusum::Create({.rate = before});
    for (int i = 0; i < kClean; ++i) false_alarms += cusum.Add(random.Uniform() < before) ? 1 : 0;
    for (int i = 1; i <= kLater; ++i) {
      if (cusum.Add(random.Uniform() < after)) {
        ++detected;
        d.mean_delay += i;
        break;
      }
    }
  }
  d.share = static_cast<double>(detected) / trials;
  d.mean_delay /= detected;
  d.false_alarms_per_10k = static_cast<double>(false_alarms) / trials;
  return d;
}

// An error rate of 1% that doubles: found always, after about 2,700 rows, with hardly a false alarm.
TEST(Cusum, FindsADoublingAtFraudRates) {
  const Detection d = Simulate(0.01, 0.02, 400);
  EXPECT_GE(d.share, 0.995);
  EXPECT_GT(d.mean_delay, 2000);  // theory: about h / KL(p1 || p0) = 2,940, less a head start
  EXPECT_LT(d.mean_delay, 4100);
  EXPECT_LE(d.false_alarms_per_10k, 0.1);
}

TEST(Cusum, StaysQuietWhenErrorsFall) {
  BernoulliCusum cusum = *BernoulliCusum::Create({.rate = 0.02});
  Random random(9);
  for (int i = 0; i < 200'000; ++i) EXPECT_FALSE(cusum.Add(random.Uniform() < 0.01));
}

TEST(Cusum, EstimatesWhenTheChangeCame) {
  BernoulliCusum cusum = *BernoulliCusum::Create({.rate = 0.02});
  Random random(10);
  for (int i = 0; i < 30'000; ++i) cusum.Add(random.Uniform() < 0.02);
  const int64_t before = cusum.alarms();
  while (cusum.alarms() == before) cusum.Add(random.Uniform() < 0.08);
  EXPECT_NEAR(static_cast<double>(cusum.last_change_row()), 30'000, 600);
  EXPECT_GT(cusum.last_alarm_row(), 30'000);
}

TEST(Cusum, SavedStateContinuesBitForBit) {
  Random random(11);
  BernoulliCusum one = *BernoulliCusum::Create({.rate = 0.013, .ratio = 1.7});
  for (int i = 0; i < 5000; ++i) one.Add(random.Uniform() < 0.02);
  auto two = BernoulliCusum::Parse(one.Serialize());
  ASSERT_TRUE(two.ok()) << two.status();
  for (int i = 0; i < 5000; ++i) {
    const bool error = random.Uniform() < 0.03;
    EXPECT_EQ(one.Add(error), two->Add(error));
    EXPECT_EQ(one.statistic(), two->statistic());
  }
  EXPECT_EQ(one.Serialize(), two->Serialize());
}

TEST(Cusum, RefusesBrokenStateAndOptions) {
  const std::string good = BernoulliCusum::Create({})->Serialize();
  ASSERT_TRUE(BernoulliCusum::Parse(good).ok());
  for (const std::string& bad :
       {std::string(), std::string("x"), good + " 1", good.substr(0, good.size() - 1), std::string("0.01 2 11 50 1 1 0 0 0 0"),
        std::string("0.01 2 11 0 1 2 0 0 0 0"), std::string("2 2 11 0 0 0 0 0 0 0"), std::string("nan 2 11 0 0 0 0 0 0 0")}) {
    EXPECT_EQ(BernoulliCusum::Parse(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_FALSE(BernoulliCusum::Create({.rate = 0}).ok());
  EXPECT_FALSE(BernoulliCusum::Create({.ratio = 1}).ok());
  EXPECT_FALSE(BernoulliCusum::Create({.threshold = -1}).ok());
}

}  // namespace
}  // namespace vigil::stats
