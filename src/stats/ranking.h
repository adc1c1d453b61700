// Metrics that depend on the order of scores only, for one set of scores and many sets of weights: sort once, then each weighting costs
// one pass. This is what makes a bootstrap of a thousand resamples cheap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "stats/metrics.h"

namespace vigil::stats {

// Immutable once made; any thread. Sizes must agree and scores must not be NaN: the caller has checked.
class RankedScores {
 public:
  // A label above 0.5 is a positive.
  RankedScores(Values labels, Values scores);

  size_t size() const { return order_.size(); }
  // Row at falling rank `i`.
  uint32_t row(size_t i) const { return order_[i]; }
  bool positive(size_t i) const { return positive_[i] != 0; }
  // True where rank i is the last of its tie.
  bool tie_end(size_t i) const { return tie_end_[i] != 0; }
  const std::vector<double>& scores() const { return scores_; }  // falling

  // sum over thresholds of (R_i - R_{i-1}) P_i. `weights` by row, or empty. NaN without positive weight on a positive.
  double AveragePrecision(Values weights = {}) const;
  // Ties count a half. NaN unless both classes have weight.
  double RocAuc(Values weights = {}) const;

  // The same with whole weights given to groups of rows: row r weighs group_weights[group_of_rank[i]] at its rank i. `group_of_rank`
  // comes from GroupsByRank. The bootstrap's inner loop.
  std::vector<uint32_t> GroupsByRank(absl::Span<const uint32_t> group_of_row) const;
  double AveragePrecision(absl::Span<const uint32_t> group_of_rank, absl::Span<const uint16_t> group_weights) const;
  double RocAuc(absl::Span<const uint32_t> group_of_rank, absl::Span<const uint16_t> group_weights) const;

 private:
  std::vector<uint32_t> order_;
  std::vector<double> scores_;
  std::vector<uint8_t> positive_, tie_end_;
};

}  // namespace vigil::stats
