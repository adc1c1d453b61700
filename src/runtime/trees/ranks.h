// Rank quantisation: a value becomes the number of its feature's thresholds that are <= it, in one byte. Comparing ranks decides every
// split exactly as comparing the values does: with thresholds t0 < t1 < ..., x < t[i] if and only if rank(x) <= i.
//
// A byte tells 255 thresholds apart; a feature with more is cut into several *columns* of at most 255 thresholds each, and every split
// looks at the column that holds its own threshold. The rank within a column saturates at its ends, so the comparison stays exact.
//
// Codes are ranks moved to the signed range, which the narrowest instruction sets compare in one instruction: code = rank - 128, and a
// split at threshold i goes right where code > i - 128. A missing value has two codes, one that no split lets right (-128, also the
// code of rank 0) and one that no split keeps left (127), so a node that looks at the fitting one needs no case for missing values.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/forest.h"

namespace vigil::trees {

inline constexpr size_t kRankThresholdsMax = 255;  // of one column
inline constexpr int8_t kCodeAlwaysLeft = 127;     // a threshold code that no value exceeds
inline constexpr int8_t kCodeMissingRight = 127;   // exceeds every real threshold code

// What the kernels read. Each column has 256 thresholds, padded with NaN (never <= anything), and every sixteenth of them again.
struct RankTableView {
  size_t columns = 0;
  const int32_t* feature = nullptr;  // [columns]
  bool doubles = false;              // rows and thresholds are doubles, not floats
  const void* fine = nullptr;        // [columns][256]
  const void* coarse = nullptr;      // [columns][16]: fine[16 * i + 15]
  const Missing* missing = nullptr;  // [columns], or null: NaN is missing in all
};

class RankTable {
 public:
  // Of the numeric splits on features that `skipped` (one a feature; empty: none) does not mark. The forest's missing kinds must not differ
  // within a feature.
  explicit RankTable(const Forest& forest, const std::vector<uint8_t>& skipped = {});

  struct Place {
    uint32_t column = 0;
    int8_t code = 0;  // of the threshold
  };
  // Of a threshold that the forest has.
  Place Find(int32_t feature, double threshold) const;

  // Frees what only Find needs, once an engine is built.
  void ForgetThresholds();

  size_t columns() const { return feature_.size(); }
  RankTableView view() const {
    return {feature_.size(), feature_.data(), doubles_, fine_.data(), coarse_.data(), missing_.empty() ? nullptr : missing_.data()};
  }
  int64_t memory_bytes() const;

 private:
  template <typename T>
  void Fill();

  const bool doubles_;
  std::vector<int32_t> feature_;                 // of each column
  std::vector<Missing> missing_;                 // of each column; empty: all kNan
  std::vector<uint32_t> first_column_;           // of each feature
  std::vector<std::vector<double>> thresholds_;  // of each feature, rising and distinct
  AlignedBytes fine_, coarse_;
};

}  // namespace vigil::trees
