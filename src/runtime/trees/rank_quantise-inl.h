// Per-target: included once for every instruction set by the kernels' sources (hence the toggled guard).
#if defined(VIGIL_RUNTIME_TREES_RANK_QUANTISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VIGIL_RUNTIME_TREES_RANK_QUANTISE_INL_H_
#undef VIGIL_RUNTIME_TREES_RANK_QUANTISE_INL_H_
#else
#define VIGIL_RUNTIME_TREES_RANK_QUANTISE_INL_H_
#endif

#include <cmath>
#include <cstdint>

#include "hwy/highway.h"
#include "runtime/trees/ranks.h"

HWY_BEFORE_NAMESPACE();
namespace vigil::trees::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// How many of 16 rising thresholds are <= x.
HWY_INLINE size_t CountNotAbove(const float* HWY_RESTRICT thresholds, float x) {
  const hn::CappedTag<float, 16> d;
  const auto value = hn::Set(d, x);
  size_t count = 0;
  for (size_t i = 0; i < 16; i += hn::Lanes(d)) count += hn::CountTrue(d, hn::Le(hn::Load(d, thresholds + i), value));
  return count;
}

// The codes of one row, a byte a column: `right` for nodes where a missing value goes right, `left` where it goes left. True if any value
// is missing; if none is, both are the same.
HWY_INLINE bool Quantise(const RankTableView& ranks, const float* HWY_RESTRICT row, int8_t* HWY_RESTRICT right, int8_t* HWY_RESTRICT left) {
  bool missing = false;
  for (size_t c = 0; c < ranks.columns; ++c) {
    const float x = row[ranks.feature[c]];
    // The coarse level says which sixteen hold the answer; all before them are <= x, all after them are not.
    const size_t sixteen = CountNotAbove(ranks.coarse + c * 16, x);
    const size_t rank = sixteen * 16 + CountNotAbove(ranks.fine + c * 256 + sixteen * 16, x);
    const auto code = static_cast<int8_t>(static_cast<int>(rank) - 128);
    const bool absent = std::isnan(x);
    left[c] = code;
    right[c] = absent ? kCodeMissingRight : code;
    missing |= absent;
  }
  return missing;
}

}  // namespace vigil::trees::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // VIGIL_RUNTIME_TREES_RANK_QUANTISE_INL_H_
