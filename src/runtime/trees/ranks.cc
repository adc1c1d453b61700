#include "runtime/trees/ranks.h"

#include <algorithm>
#include <limits>

namespace vigil::trees {

RankTable::RankTable(const Forest& forest, const std::vector<uint8_t>& skipped)
    : doubles_(forest.inputs == Precision::kFloat64), first_column_(forest.features), thresholds_(forest.features) {
  for (size_t n = 0; n < forest.left.size(); ++n) {
    if (forest.left[n] < 0 || (!skipped.empty() && skipped[forest.feature[n]] != 0)) continue;
    thresholds_[forest.feature[n]].push_back(forest.value[n]);
  }
  bool other_missing = false;
  for (int32_t f = 0; f < forest.features; ++f) {
    std::vector<double>& thresholds = thresholds_[f];
    std::sort(thresholds.begin(), thresholds.end());
    thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
    thresholds.shrink_to_fit();
    first_column_[f] = static_cast<uint32_t>(feature_.size());
    const size_t columns = (thresholds.size() + kRankThresholdsMax - 1) / kRankThresholdsMax;
    feature_.insert(feature_.end(), columns, f);
    missing_.insert(missing_.end(), columns, forest.missing[f]);
    other_missing |= columns > 0 && forest.missing[f] != Missing::kNan;
  }
  if (feature_.empty()) feature_.push_back(0);  // a forest of bare leaves still has a column to look at
  if (!other_missing) missing_ = {};
  doubles_ ? Fill<double>() : Fill<float>();
}

template <typename T>
void RankTable::Fill() {
  fine_ = AlignedBytes(feature_.size() * 256 * sizeof(T));
  coarse_ = AlignedBytes(feature_.size() * 16 * sizeof(T));
  T* fine = reinterpret_cast<T*>(fine_.data());
  T* coarse = reinterpret_cast<T*>(coarse_.data());
  std::fill_n(fine, feature_.size() * 256, std::numeric_limits<T>::quiet_NaN());
  for (size_t f = 0; f < thresholds_.size(); ++f) {
    for (size_t i = 0; i < thresholds_[f].size(); ++i) {
      fine[(first_column_[f] + i / kRankThresholdsMax) * 256 + i % kRankThresholdsMax] = static_cast<T>(thresholds_[f][i]);
    }
  }
  for (size_t i = 0; i < feature_.size() * 16; ++i) coarse[i] = fine[16 * i + 15];
}

RankTable::Place RankTable::Find(int32_t feature, double threshold) const {
  const std::vector<double>& thresholds = thresholds_[feature];
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
  for (const auto& thresholds : thresholds_) bytes += static_cast<int64_t>(thresholds.capacity() * sizeof(double) + sizeof(thresholds));
  return bytes;
}

}  // namespace vigil::trees
