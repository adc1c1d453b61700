#include "stats/ranking.h"

#include <algorithm>
#include <numeric>

namespace vigil::stats {
namespace {

// One pass over falling scores; `weight(i)` is the weight at rank i.
template <typename W>
double RankedAveragePrecision(const std::vector<uint8_t>& positive, const std::vector<uint8_t>& tie_end, W weight) {
  double positives = 0, all = 0, sum = 0, tie_positives = 0;
  for (size_t i = 0; i < positive.size(); ++i) {
    const double w = weight(i);
    all += w;
    if (positive[i]) tie_positives += w;
    if (tie_end[i] && tie_positives > 0) {
      positives += tie_positives;
      sum += tie_positives * (positives / all);
      tie_positives = 0;
    }
  }
  return positives > 0 ? sum / positives : kUndefined;
}

template <typename W>
double RankedRocAuc(const std::vector<uint8_t>& positive, const std::vector<uint8_t>& tie_end, W weight) {
  double positives = 0, negatives = 0, area = 0, tie_positives = 0, tie_negatives = 0;
  for (size_t i = 0; i < positive.size(); ++i) {
    const double w = weight(i);
    (positive[i] ? tie_positives : tie_negatives) += w;
    if (tie_end[i]) {
      area += tie_negatives * (positives + tie_positives / 2);
      positives += tie_positives;
      negatives += tie_negatives;
      tie_positives = tie_negatives = 0;
    }
  }
  return positives > 0 && negatives > 0 ? area / (positives * negatives) : kUndefined;
}

}  // namespace

RankedScores::RankedScores(Values labels, Values scores) : order_(scores.size()) {
  std::iota(order_.begin(), order_.end(), 0u);
  std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  scores_.reserve(order_.size());
  positive_.reserve(order_.size());
  for (const uint32_t row : order_) {
    scores_.push_back(scores[row]);
    positive_.push_back(labels[row] > 0.5 ? 1 : 0);
  }
  tie_end_.resize(order_.size());
  for (size_t i = 0; i < order_.size(); ++i) tie_end_[i] = i + 1 == order_.size() || scores_[i + 1] != scores_[i] ? 1 : 0;
}

double RankedScores::AveragePrecision(Values weights) const {
  return RankedAveragePrecision(positive_, tie_end_, [&](size_t i) { return weights.empty() ? 1.0 : weights[order_[i]]; });
}

double RankedScores::RocAuc(Values weights) const {
  return RankedRocAuc(positive_, tie_end_, [&](size_t i) { return weights.empty() ? 1.0 : weights[order_[i]]; });
}

std::vector<uint32_t> RankedScores::GroupsByRank(absl::Span<const uint32_t> group_of_row) const {
  std::vector<uint32_t> groups;
  groups.reserve(order_.size());
  for (const uint32_t row : order_) groups.push_back(group_of_row[row]);
  return groups;
}

double RankedScores::AveragePrecision(absl::Span<const uint32_t> group_of_rank, absl::Span<const uint16_t> group_weights) const {
  return RankedAveragePrecision(positive_, tie_end_, [&](size_t i) { return static_cast<double>(group_weights[group_of_rank[i]]); });
}

double RankedScores::RocAuc(absl::Span<const uint32_t> group_of_rank, absl::Span<const uint16_t> group_weights) const {
  return RankedRocAuc(positive_, tie_end_, [&](size_t i) { return static_cast<double>(group_weights[group_of_rank[i]]); });
}

}  // namespace vigil::stats
