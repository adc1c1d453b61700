#include "runtime/trees/ranks.h"

#include <algorithm>
#include <limits>

namespace vigil::trees {

RankTable::RankTable(const Forest& forest) : first_column_(forest.features), thresholds_(forest.features) {
  for (size_t n = 0; n < forest.left.size(); ++n) {
    if (forest.left[n] >= 0) thresholds_[forest.feature[n]].push_back(static_cast<float>(forest.value[n]));
  }
  for (int32_t f = 0; f < forest.features; ++f) {
    std::vector<float>& thresholds = thresholds_[f];
    std::sort(thresholds.begin(), thresholds.end());
    thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
    thresholds.shrink_to_fit();
    first_column_[f] = static_cast<uint32_t>(feature_.size());
    feature_.insert(feature_.end(), (thresholds.size() + kRankThresholdsMax - 1) / kRankThresholdsMax, f);
  }
  if (feature_.empty()) feature_.push_back(0);  // a forest of bare leaves still has a column to look at

  fine_ = AlignedArray<float>(feature_.size() * 256);
  coarse_ = AlignedArray<float>(feature_.size() * 16);
  std::fill_n(fine_.data(), fine_.size(), std::numeric_limits<float>::quiet_NaN());
  for (int32_t f = 0; f < forest.features; ++f) {
    for (size_t i = 0; i < thresholds_[f].size(); ++i) {
      fine_[(first_column_[f] + i / kRankThresholdsMax) * 256 + i % kRankThresholdsMax] = thresholds_[f][i];
    }
  }
  for (size_t i = 0; i < coarse_.size(); ++i) coarse_[i] = fine_[16 * i + 15];
}

RankTable::Place RankTable::Find(int32_t feature, float threshold) const {
  const std::vector<float>& thresholds = thresholds_[feature];
  const auto i = static_cast<size_t>(std::lower_bound(thresholds.begin(), thresholds.end(), threshold) - thresholds.begin());
  return {first_column_[feature] + static_cast<uint32_t>(i / kRankThresholdsMax),
          static_cast<int8_t>(static_cast<int>(i % kRankThresholdsMax) - 128)};
}

void RankTable::ForgetThresholds() {
  thresholds_ = {};
  first_column_ = {};
}

int64_t RankTable::memory_bytes() const {
  int64_t bytes =
      fine_.bytes() + coarse_.bytes() + static_cast<int64_t>((feature_.capacity() + first_column_.capacity()) * sizeof(int32_t));
  for (const auto& thresholds : thresholds_) bytes += static_cast<int64_t>(thresholds.capacity() * sizeof(float) + sizeof(thresholds));
  return bytes;
}

}  // namespace vigil::trees
