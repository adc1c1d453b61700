#include "stats/score_histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "base/random.h"
#include "stats/quantile.h"
#include "stats/ranking.h"
#include "stats/robust.h"

namespace vigil::stats {
namespace {

struct Rows {
  std::vector<double> labels, scores;
};
// Calibrated scores around a low rate, as a fraud model gives them.
Rows FraudLike(size_t n, double centre, double spread, uint64_t seed) {
  Random random(seed);
  Rows rows;
  for (size_t i = 0; i < n; ++i) {
    const double p = 1 / (1 + std::exp(-(centre + spread * random.Normal())));
    rows.scores.push_back(static_cast<float>(p));
    rows.labels.push_back(random.Uniform() < p ? 1 : 0);
  }
  return rows;
}

ScoreHistogram Fill(const Rows& rows, double threshold) {
  ScoreHistogram h(threshold);
  for (size_t i = 0; i < rows.scores.size(); ++i) h.Add(rows.scores[i], rows.labels[i] > 0.5);
  return h;
}

void ExpectBetween(const Estimate& estimate, double exact, const char* what) {
  EXPECT_LE(estimate.low, exact + 1e-12) << what;
  EXPECT_GE(estimate.high, exact - 1e-12) << what;
}

TEST(ScoreHistogram, AgreesWithTheExactMetrics) {
  for (const auto& [n, centre, spread] : {std::tuple{50'000ul, -4.5, 1.8}, {20'000ul, -1.0, 1.2}, {3000ul, -6.0, 3.0}, {400ul, 0.0, 2.0}}) {
    const Rows rows = FraudLike(n, centre, spread, n);
    const auto exact = ComputeBinaryMetrics(rows.labels, rows.scores, 0.3);
    const ScoreHistogram h = Fill(rows, 0.3);
    const BinaryMetrics m = h.Metrics();
    EXPECT_NEAR(m.roc_auc, exact->roc_auc, 1e-3) << n;
    EXPECT_NEAR(m.average_precision, exact->average_precision, n >= 10'000 ? 1e-3 : 1e-2) << n;
    ExpectBetween(h.RocAuc(), exact->roc_auc, "auc");
    ExpectBetween(h.AveragePrecision(), exact->average_precision, "ap");
    // What does not depend on bins is exact.
    EXPECT_EQ(m.confusion.true_positives, exact->confusion.true_positives);
    EXPECT_EQ(m.confusion.false_positives, exact->confusion.false_positives);
    EXPECT_NEAR(m.log_loss, exact->log_loss, 1e-12);
    EXPECT_NEAR(m.brier, exact->brier, 1e-12);
    EXPECT_NEAR(m.ece, exact->ece, 1e-12);
    EXPECT_NEAR(m.max_calibration_error, exact->max_calibration_error, 1e-12);
    EXPECT_EQ(m.mcc, exact->mcc);
    EXPECT_EQ(m.f1, exact->f1);
  }
}

TEST(ScoreHistogram, TheThresholdIsExactWithinABin) {
  ScoreHistogram h(0.5);
  h.Add(0.5, true);                       // at the threshold: predicted positive
  h.Add(std::nextafter(0.5, 0.0), true);  // just below, in a neighbouring bin or not
  h.Add(0.5000001, false);
  h.Add(0.4999999, false);
  EXPECT_EQ(h.confusion().true_positives, 1);
  EXPECT_EQ(h.confusion().false_negatives, 1);
  EXPECT_EQ(h.confusion().false_positives, 1);
  EXPECT_EQ(h.confusion().true_negatives, 1);
}

TEST(ScoreHistogram, MergesInAnyOrderToTheSameBits) {
  const Rows rows = FraudLike(6000, -3, 2, 8);
  const ScoreHistogram whole = Fill(rows, 0.5);
  Random random(2);
  std::vector<ScoreHistogram> parts(7);
  for (size_t i = 0; i < rows.scores.size(); ++i) parts[random.Below(7)].Add(rows.scores[i], rows.labels[i] > 0.5);
  for (const auto& order : {std::vector<size_t>{0, 1, 2, 3, 4, 5, 6}, {6, 2, 0, 5, 1, 4, 3}}) {
    ScoreHistogram merged;
    for (const size_t i : order) ASSERT_TRUE(merged.Merge(parts[i]).ok());
    EXPECT_EQ(merged, whole);
    EXPECT_EQ(merged.Metrics().log_loss, whole.Metrics().log_loss);
    EXPECT_EQ(merged.Serialize(), whole.Serialize());
  }
  EXPECT_FALSE(ScoreHistogram(0.4).Merge(whole).ok());
}

TEST(ScoreHistogram, ATakenBackRowLeavesNoTrace) {
  ScoreHistogram h;
  h.Add(0.2, false);
  const ScoreHistogram before = h;
  h.Add(0.7, false);
  h.Add(1.5, true);
  h.Remove(0.7, false);
  EXPECT_EQ(h.refused(), 1);
  h.Remove(1.5, true);
  EXPECT_EQ(h, before);
}

TEST(ScoreHistogram, SavesAndRefuses) {
  const ScoreHistogram h = Fill(FraudLike(500, -2, 2, 3), 0.25);
  const std::string text = h.Serialize();
  const auto back = ScoreHistogram::Parse(text);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, h);
  for (const std::string& bad :
       {std::string(), std::string("0.5"), text.substr(0, text.size() / 3), text + " 1", text + " 9999 1 1", "x" + text}) {
    EXPECT_FALSE(ScoreHistogram::Parse(bad).ok()) << bad.substr(0, 60);
  }
}

TEST(ScoreHistogram, UndefinedWithoutBothClasses) {
  ScoreHistogram h;
  EXPECT_TRUE(std::isnan(h.Metrics().accuracy));
  h.Add(0.9, false);
  EXPECT_TRUE(std::isnan(h.Metrics().roc_auc));
  EXPECT_TRUE(std::isnan(h.Metrics().average_precision));
  EXPECT_EQ(h.Metrics().accuracy, 0);
}

TEST(ExactSum, IsExact) {
  ExactSum sum;
  for (const double v : {1e16, 1.0, -1e16, 0x1p-200, 3e-5}) sum.Add(v);
  sum.Subtract(3e-5);
  sum.Subtract(0x1p-200);
  EXPECT_EQ(sum.Value(), 1.0);
  sum.Subtract(2.5);
  EXPECT_EQ(sum.Value(), -1.5);
  sum.Add(INFINITY);
  EXPECT_TRUE(std::isnan(sum.Value()));
  sum.Subtract(INFINITY);
  EXPECT_EQ(sum.Value(), -1.5);
}

TEST(ExactSum, OrderDoesNotMatterAndTheNearestDoubleComesOut) {
  Random random(4);
  std::vector<double> values(2000);
  for (double& v : values) v = std::ldexp(random.Uniform(-1, 1), static_cast<int>(random.Below(120)) - 60);
  ExactSum forward, backward;
  long double reference = 0;
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  for (const double v : sorted) reference += v;
  for (const double v : values) forward.Add(v);
  for (size_t i = values.size(); i-- > 0;) backward.Add(values[i]);
  EXPECT_EQ(forward, backward);
  EXPECT_NEAR(forward.Value(), static_cast<double>(reference), std::abs(static_cast<double>(reference)) * 1e-15);
  const auto parsed = ExactSum::Parse(forward.Serialize());
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, forward);
  EXPECT_FALSE(ExactSum::Parse("0,1,2").ok());
  EXPECT_FALSE(ExactSum::Parse(forward.Serialize() + ",0").ok());
}

TEST(RegressionSums, AgreeWithTheExactMetrics) {
  Random random(5);
  for (const double scale : {1e-6, 1.0, 1e5}) {
    for (const double offset : {0.0, 1e7}) {
      std::vector<double> targets, predictions;
      RegressionSums sums, other;
      for (int i = 0; i < 500; ++i) {
        targets.push_back((offset + random.Normal()) * scale);
        predictions.push_back(targets.back() + 0.3 * scale * random.Normal());
        (i % 3 == 0 ? other : sums).Add(targets.back(), predictions.back());
      }
      sums.Merge(other);
      sums.Add(5, 6);
      sums.Remove(5, 6);
      const auto exact = ComputeRegressionMetrics(targets, predictions);
      const RegressionMetrics m = sums.Metrics();
      EXPECT_EQ(m.n, exact->n);
      EXPECT_NEAR(m.mae, exact->mae, 1e-12 * exact->mae);
      EXPECT_NEAR(m.rmse, exact->rmse, 1e-12 * exact->rmse);
      EXPECT_NEAR(m.r2, exact->r2, 1e-9);
      EXPECT_NEAR(m.explained_variance, exact->explained_variance, 1e-9);
      EXPECT_NEAR(m.mape, exact->mape, 1e-12 * exact->mape);
      const auto back = RegressionSums::Parse(sums.Serialize());
      ASSERT_TRUE(back.ok());
      EXPECT_EQ(*back, sums);
    }
  }
  RegressionSums constant;
  for (int i = 0; i < 3; ++i) constant.Add(0.1, 0.1);
  EXPECT_EQ(constant.Metrics().r2, 1);
  constant.Add(0.1, 0.2);
  EXPECT_EQ(constant.Metrics().r2, 0);
  constant.Add(NAN, 1);
  EXPECT_EQ(constant.refused(), 1);
}

TEST(RankedScores, GroupWeightsEqualRepeatedRows) {
  Random random(6);
  for (int t = 0; t < 40; ++t) {
    std::vector<double> labels, scores, repeated_labels, repeated_scores;
    std::vector<uint32_t> groups;
    std::vector<uint16_t> weights(5);
    for (uint16_t& w : weights) w = static_cast<uint16_t>(random.Below(4));
    for (int i = 0; i < 60; ++i) {
      labels.push_back(random.Below(3) == 0 ? 1 : 0);
      scores.push_back(static_cast<double>(random.Below(12)) / 12);  // ties
      groups.push_back(static_cast<uint32_t>(random.Below(5)));
      for (int k = 0; k < weights[groups.back()]; ++k) {
        repeated_labels.push_back(labels.back());
        repeated_scores.push_back(scores.back());
      }
    }
    const RankedScores ranked(labels, scores), repeated(repeated_labels, repeated_scores);
    const auto by_rank = ranked.GroupsByRank(groups);
    const double ap = ranked.AveragePrecision(by_rank, weights), auc = ranked.RocAuc(by_rank, weights);
    if (std::isnan(auc)) {
      EXPECT_TRUE(std::isnan(repeated.RocAuc()));
      continue;
    }
    EXPECT_NEAR(ap, repeated.AveragePrecision(), 1e-12);
    EXPECT_NEAR(auc, repeated.RocAuc(), 1e-12);
  }
}

TEST(Metrics, RefuseBadArguments) {
  EXPECT_FALSE(ComputeBinaryMetrics({1, 0}, {0.5}, 0.5).ok());
  EXPECT_FALSE(ComputeBinaryMetrics({1, 0}, {0.5, NAN}, 0.5).ok());
  EXPECT_FALSE(ComputeBinaryMetrics({1, 0}, {0.5, 0.1}, 0.5, {1, -1}).ok());
  EXPECT_FALSE(ComputeRegressionMetrics({1, NAN}, {0.5, 0.1}).ok());
  EXPECT_FALSE(ComputeMulticlassMetrics({0, 2}, {0.5, 0.5, 0.5, 0.5}, 2).ok());
  EXPECT_FALSE(CalibrationError({1}, {1.5}, 10).ok());
}

TEST(LogHistogram, QuantilesWithinOnePercent) {
  Random random(7);
  LogHistogram one, two;
  std::vector<double> values;
  for (int i = 0; i < 20'000; ++i) {
    const auto v = static_cast<int64_t>(std::exp(random.Uniform(0, 16)));
    values.push_back(static_cast<double>(v));
    (i % 2 ? one : two).Add(v);
  }
  std::sort(values.begin(), values.end());
  one.Merge(two);
  EXPECT_EQ(one.count(), 20'000);
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double exact = values[static_cast<size_t>(std::ceil(q * 20'000)) - 1];
    EXPECT_NEAR(one.Quantile(q), exact, 0.01 * exact) << q;
  }
  EXPECT_NEAR(one.Mean(), std::accumulate(values.begin(), values.end(), 0.0) / 20'000, 0.01 * one.Mean());
  const auto back = LogHistogram::Parse(one.Serialize());
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->Quantile(0.9), one.Quantile(0.9));
  EXPECT_FALSE(LogHistogram::Parse("1:2 3").ok());
  EXPECT_FALSE(LogHistogram::Parse("99999999:1").ok());
}

TEST(LogHistogram, EveryBucketHoldsItsMiddle) {
  for (size_t b = 0; b < LogHistogram::kBuckets; ++b) EXPECT_EQ(LogHistogram::Bucket(static_cast<int64_t>(LogHistogram::Middle(b))), b);
  EXPECT_EQ(LogHistogram::Bucket(-5), 0u);
  EXPECT_EQ(LogHistogram::Bucket(INT64_MAX), LogHistogram::kBuckets - 1);
  EXPECT_TRUE(std::isnan(LogHistogram().Quantile(0.5)));
}

TEST(RobustSeasonalZ, ComparesTheSamePhaseOnly) {
  // Two weeks of hours with a strong day: 3 in the morning is quiet every day.
  std::vector<double> history;
  Random random(8);
  for (int day = 0; day < 14; ++day) {
    for (int hour = 0; hour < 24; ++hour) history.push_back((hour == 3 ? 10 : 100) + random.Normal());
  }
  SeasonalOptions options{.period = 24, .past_min = 5};
  // The next window is hour 0 of day 14.
  EXPECT_LT(std::abs(RobustSeasonalZ(history, 100, options).z), 4);
  EXPECT_LT(RobustSeasonalZ(history, 10, options).z, -20);
  history.insert(history.end(), 3, 100.0);  // now hour 3 comes
  EXPECT_LT(std::abs(RobustSeasonalZ(history, 10, options).z), 4);
  EXPECT_GT(RobustSeasonalZ(history, 100, options).z, 20);
}

TEST(RobustSeasonalZ, SurvivesOutliersGapsAndConstants) {
  SeasonalOptions options{.period = 1, .past_min = 5};
  std::vector<double> history = {5, 5.1, 4.9, 1000, 5, NAN, 5.05, 4.95};
  EXPECT_LT(std::abs(RobustSeasonalZ(history, 5, options).z), 1);
  EXPECT_GT(RobustSeasonalZ(history, 8, options).z, 10);
  EXPECT_TRUE(std::isnan(RobustSeasonalZ({1, 2, 3}, 5, options).z));
  EXPECT_TRUE(std::isnan(RobustSeasonalZ(history, NAN, options).z));
  const std::vector<double> constant(10, 0.0);
  EXPECT_EQ(RobustSeasonalZ(constant, 0, options).z, 0);
  EXPECT_TRUE(std::isinf(RobustSeasonalZ(constant, 1, options).z));
  options.deviation_floor = 0.5;
  EXPECT_EQ(RobustSeasonalZ(constant, 1, options).z, 2);
}

}  // namespace
}  // namespace vigil::stats
