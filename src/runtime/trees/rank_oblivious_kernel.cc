// Oblivious trees: a tree's few decisions, made for 64 trees at once, are the number of its leaf. Eight rows add their leaves side by side,
// so that no row waits for its own chain of additions.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/trees/rank_oblivious_kernel.cc"  // NOLINT
#include "hwy/foreach_target.h"
// Must come after foreach_target.h.
#include "hwy/highway.h"
#include "runtime/trees/rank_decide.inc"
#include "runtime/trees/rank_kernels.h"

#include <algorithm>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace vigil::trees::HWY_NAMESPACE {

namespace {

// Adds trees [begin, end) to the sums of kRows rows. Word: uint8_t or uint16_t, a tree's decisions.
template <typename Word, size_t kRows, typename Sum>
HWY_INLINE void AddTrees(const ObliviousTrees& trees, const RowCodes* prepared, size_t bytes, size_t begin, size_t end, Sum* sums) {
  constexpr size_t kLanes = sizeof(Word) * 8;
  alignas(64) uint8_t bits[kRows][kTreesTogether * sizeof(Word) + 64];
  const size_t count = end - begin;
  for (size_t r = 0; r < kRows; ++r) Decide(trees.tests, prepared[r], bytes, begin * kLanes, count * kLanes, bits[r]);
  const Sum* value = static_cast<const Sum*>(trees.value);
  for (size_t t = 0; t < count; ++t) {
    const Sum* leaves = value + trees.leaf[begin + t];
    for (size_t r = 0; r < kRows; ++r) {
      Word leaf;
      std::memcpy(&leaf, bits[r] + t * sizeof(Word), sizeof(leaf));
      sums[r] += leaves[leaf];
    }
  }
}

template <typename Word, typename Sum>
void Score(const ObliviousTrees& trees, const void* rows, size_t n, size_t features, const int32_t* tree_ends, Sum* out) {
  RowCodes prepared[kRowsTogether];
  const int32_t outputs = trees.sums.outputs;
  ForRows(trees.tests, rows, n, features, prepared, [&](size_t done, size_t together, size_t bytes) {
    for (int32_t o = 0; o < outputs; ++o) {
      Sum sums[kRowsTogether];
      std::fill_n(sums, kRowsTogether, static_cast<Sum>(trees.sums.base[o]));
      const auto end = static_cast<size_t>(tree_ends[o]);
      for (size_t begin = trees.sums.output_begin[o]; begin < end; begin += kTreesTogether) {
        const size_t stop = std::min(end, begin + kTreesTogether);
        if (together == kRowsTogether) {
          AddTrees<Word, kRowsTogether>(trees, prepared, bytes, begin, stop, sums);
        } else {
          for (size_t r = 0; r < together; ++r) AddTrees<Word, 1>(trees, prepared + r, bytes, begin, stop, sums + r);
        }
      }
      for (size_t r = 0; r < together; ++r) out[(done + r) * outputs + o] = sums[r];
    }
  });
}

}  // namespace

void ScoreObliviousTrees(const ObliviousTrees& trees, const void* rows, size_t n, size_t features, const int32_t* tree_ends, void* sums) {
  if (trees.sums.doubles) {
    trees.lanes == 8 ? Score<uint8_t>(trees, rows, n, features, tree_ends, static_cast<double*>(sums))
                     : Score<uint16_t>(trees, rows, n, features, tree_ends, static_cast<double*>(sums));
  } else {
    trees.lanes == 8 ? Score<uint8_t>(trees, rows, n, features, tree_ends, static_cast<float*>(sums))
                     : Score<uint16_t>(trees, rows, n, features, tree_ends, static_cast<float*>(sums));
  }
}

}  // namespace vigil::trees::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigil::trees {

HWY_EXPORT(ScoreObliviousTrees);

void ScoreObliviousTrees(const ObliviousTrees& trees, const void* rows, size_t n, size_t features, const int32_t* tree_ends, void* sums) {
  HWY_DYNAMIC_DISPATCH(ScoreObliviousTrees)(trees, rows, n, features, tree_ends, sums);
}

}  // namespace vigil::trees
#endif  // HWY_ONCE
