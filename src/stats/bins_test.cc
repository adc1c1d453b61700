// What is read from bins against the values themselves.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "stats/latency_bins.h"
#include "stats/metrics.h"
#include "stats/score_bins.h"

namespace vigil::stats {
namespace {

TEST(ScoreBins, RankingMetricsAreThoseOfTheScores) {
  struct Case {
    size_t n;
    double centre, spread;
  };
  for (const Case& c : {Case{50'000, -4.5, 1.8}, Case{20'000, -1.0, 1.2}, Case{3000, -6.0, 3.0}}) {
    Random random(c.n);
    std::vector<double> labels, scores;
    std::vector<int64_t> negatives(kScoreBins), positives(kScoreBins);
    for (size_t i = 0; i < c.n; ++i) {  // calibrated around a low rate, as a fraud model gives them
      const double p = 1 / (1 + std::exp(-(c.centre + c.spread * random.Normal())));
      scores.push_back(static_cast<float>(p));
      labels.push_back(random.Uniform() < p ? 1 : 0);
      ++(labels.back() > 0 ? positives : negatives)[ScoreBin(scores.back())];
    }
    const auto exact = ComputeBinaryMetrics(labels, scores, 0.5);
    ASSERT_TRUE(exact.ok()) << exact.status();
    EXPECT_NEAR(RocAucOfBins(negatives, positives), exact->roc_auc, 5e-4) << c.n;
    EXPECT_NEAR(AveragePrecisionOfBins(negatives, positives), exact->average_precision, c.n >= 10'000 ? 2e-3 : 1e-2) << c.n;
  }
}

TEST(ScoreBins, EveryScoreHasABinAndBinsRise) {
  EXPECT_EQ(ScoreBin(0), 0u);
  EXPECT_EQ(ScoreBin(1), kScoreBins - 1);
  EXPECT_EQ(ScoreBin(-1e30), 0u);
  EXPECT_EQ(ScoreBin(1e30), kScoreBins - 1);
  EXPECT_EQ(ScoreBin(0.5), kScoreBins / 2);
  size_t last = 0;
  for (double p = 1e-9; p < 1; p *= 1.01) {
    EXPECT_GE(ScoreBin(p), last);
    last = ScoreBin(p);
  }
}

TEST(ScoreBins, UndefinedWithoutTheClasses) {
  std::vector<int64_t> none(kScoreBins), some(kScoreBins);
  some[7] = 3;
  EXPECT_TRUE(std::isnan(RocAucOfBins(none, some)));
  EXPECT_TRUE(std::isnan(RocAucOfBins(some, none)));
  EXPECT_TRUE(std::isnan(AveragePrecisionOfBins(some, none)));
  EXPECT_EQ(RocAucOfBins(some, some), 0.5) << "scores of one bin are ties";
  EXPECT_EQ(AveragePrecisionOfBins(some, some), 0.5);
}

TEST(LatencyBins, QuantilesWithinASixteenth) {
  Random random(7);
  std::vector<double> values;
  std::vector<int64_t> counts(kLatencyBins);
  for (int i = 0; i < 20'000; ++i) {
    const auto us = static_cast<uint32_t>(std::exp(random.Uniform(0, 16)));
    values.push_back(us);
    ++counts[LatencyBin(us)];
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.01, 0.5, 0.95, 0.99, 1.0}) {
    const double exact = values[static_cast<size_t>(std::ceil(q * 20'000)) - 1];
    EXPECT_NEAR(LatencyQuantile(counts, q), exact, exact / 8 + 1) << q;
  }
  EXPECT_TRUE(std::isnan(LatencyQuantile(std::vector<int64_t>(kLatencyBins), 0.5)));
}

TEST(LatencyBins, EveryLatencyLiesInItsBin) {
  for (size_t bin = 0; bin < kLatencyBins; ++bin) {
    const auto start = static_cast<uint32_t>(LatencyBinStart(bin));
    EXPECT_EQ(LatencyBin(start), bin);
    if (bin > 0) {
      EXPECT_EQ(LatencyBin(start - 1), bin - 1);
    }
  }
  EXPECT_EQ(LatencyBin(UINT32_MAX), kLatencyBins - 1);
  EXPECT_EQ(LatencyBinStart(kLatencyBins), 4294967296.0);
}

}  // namespace
}  // namespace vigil::stats
