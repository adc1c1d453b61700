// A column's reference bins, laid out for the serving path: which bin does a float fall into?
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "domain/profile.h"

namespace vigil {

// Immutable. Bin() is exact: the number of edges <= x as real numbers, though edges are doubles and values are floats, because each edge
// is replaced by the smallest float that is not below it. A two-level count of 16 by 16: eight vector compares, no branch on
// the data.
class ColumnBins {
 public:
  explicit ColumnBins(const ColumnProfile& column);

  size_t bins() const { return bins_; }
  // The least float that lies in a bin after edge `e`.
  float edge(size_t e) const { return edges_[e]; }
  // `x` is not NaN.
  size_t Bin(float x) const {
    const size_t below = EdgesNotAbove(x);
    if (!categorical_) return below;
    return below > 0 && exact_[below - 1] == x ? below - 1 : bins_ - 1;
  }
  // NaN has a bin after the others.
  size_t BinOrMissing(float x) const { return std::isnan(x) ? bins_ : Bin(x); }

 private:
  static constexpr size_t kBlock = 16;

  // gcc's and clang's vectors, because neither turns the plain loop into vector compares (a NaN might trap).
  using Floats = float __attribute__((vector_size(16)));
  using Ints = int32_t __attribute__((vector_size(16)));

  static size_t CountNotAbove(const float* edges, float x) {
    Ints found{};
    for (size_t i = 0; i < kBlock; i += 4) {
      Floats four;
      std::memcpy(&four, edges + i, sizeof four);
      found += four <= x;  // -1 where true; padding is NaN, which is never <= x
    }
    return static_cast<size_t>(-(found[0] + found[1] + found[2] + found[3]));
  }
  size_t EdgesNotAbove(float x) const {
    if (single_block_) return CountNotAbove(edges_.data(), x);
    const size_t block = CountNotAbove(block_last_.data(), x);
    return block * kBlock + CountNotAbove(edges_.data() + block * kBlock, x);
  }

  size_t bins_ = 0;
  bool categorical_ = false;
  bool single_block_ = false;
  std::array<float, kBlock> block_last_;  // the last edge of each full block
  std::vector<float> edges_;              // whole blocks
  std::vector<double> exact_;             // categories
};

// The smallest float that is >= `value`, and the greatest that is <= it.
float CeilToFloat(double value);
inline float FloorToFloat(double value) { return -CeilToFloat(-value); }

// The sum of a row's surprises beyond which it is an outlier. A little above the profile's threshold, so that sums rounded otherwise do
// not make outliers of the many rows that lie exactly on it.
inline float OutlierBits(double threshold, size_t columns) {
  return static_cast<float>(threshold * static_cast<double>(columns) * (1 + 1e-5));
}

// -log2 of each bin's share of the reference, missing last; half a row is added to every bin so that none is infinitely surprising.
std::vector<float> Surprise(const ColumnProfile& column);

}  // namespace vigil
