#include "stats/metrics.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "stats/ranking.h"

namespace vigil::stats {
namespace {

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

}  // namespace
}  // namespace vigil::stats
