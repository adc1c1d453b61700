// Scores of a binary model by bins of their logit, fine enough that ranking metrics read from them stay close to those of the scores
// themselves: with fraud-like scores ROC AUC within 5e-4, average precision within 2e-3 and rather below. Pure functions.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/types/span.h"

namespace vigil::stats {

// Logits from -16 to 16 in steps of 1/64; beyond that the outer bins.
inline constexpr size_t kScoreBins = 2048;

inline size_t ScoreBin(double score) {
  constexpr double kEnd = 16, kPerUnit = static_cast<double>(kScoreBins) / (2 * kEnd);
  // A raw margin is outside [0, 1] and is its own logit.
  const double logit = score < 0 || score > 1 ? score : std::log(score) - std::log1p(-score);
  const double at = (logit + kEnd) * kPerUnit;
  return at <= 0 ? 0 : at >= static_cast<double>(kScoreBins) ? kScoreBins - 1 : static_cast<size_t>(at);
}

// Scores of one bin are ties. NaN unless both classes occur.
inline double RocAucOfBins(absl::Span<const int64_t> negatives, absl::Span<const int64_t> positives) {
  double below = 0, wins = 0, all_positives = 0;
  for (size_t bin = 0; bin < negatives.size(); ++bin) {
    const auto n = static_cast<double>(negatives[bin]), p = static_cast<double>(positives[bin]);
    wins += p * (below + n / 2);
    below += n;
    all_positives += p;
  }
  return below > 0 && all_positives > 0 ? wins / (below * all_positives) : std::numeric_limits<double>::quiet_NaN();
}

// Sum over bins, highest first, of the gain in recall times the precision down to there. NaN without positives.
inline double AveragePrecisionOfBins(absl::Span<const int64_t> negatives, absl::Span<const int64_t> positives) {
  double true_positives = 0, predicted = 0, sum = 0;
  for (size_t bin = negatives.size(); bin-- > 0;) {
    const auto p = static_cast<double>(positives[bin]);
    predicted += p + static_cast<double>(negatives[bin]);
    true_positives += p;
    if (p > 0) sum += p * true_positives / predicted;
  }
  return true_positives > 0 ? sum / true_positives : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace vigil::stats
