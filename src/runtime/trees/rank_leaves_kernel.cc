// One row against trees of any shape, after QuickScorer's idea that a leaf is known by its path: all splits of a block are decided at once
// into a word of bits, and the word is compared with every exit's path side by side. Exactly one fits. What the shape of the tree is, how
// deep or ragged, costs nothing.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/trees/rank_leaves_kernel.cc"  // NOLINT
#include "hwy/foreach_target.h"
// Must come after foreach_target.h.
#include "hwy/highway.h"
#include "runtime/trees/rank_decide.inc"
#include "runtime/trees/rank_kernels.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace vigil::trees::HWY_NAMESPACE {

namespace {

// Bit i: lane i of the mask.
template <typename D>
HWY_INLINE uint64_t MaskBits(D d, hn::Mask<D> mask) {
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  (void)d;
  return static_cast<uint64_t>(mask.raw);
#elif HWY_TARGET == HWY_AVX2
  (void)d;
  return static_cast<uint64_t>(_mm256_movemask_ps(_mm256_castsi256_ps(mask.raw)));
#else
  uint8_t bits[8] = {0};
  hn::StoreMaskBits(d, mask, bits);
  uint64_t word;
  std::memcpy(&word, bits, sizeof(word));
  return word;
#endif
}

// The exit that the decisions lead to.
HWY_INLINE size_t FindExit(const uint32_t* HWY_RESTRICT path, const uint32_t* HWY_RESTRICT turn, uint32_t decisions) {
  const hn::CappedTag<uint32_t, 16> d;
  const auto word = hn::Set(d, decisions);
  uint64_t found = 0;
  for (size_t i = 0; i < kLeafLanes; i += hn::Lanes(d)) {
    const auto wrong = hn::And(hn::Xor(word, hn::Load(d, turn + i)), hn::Load(d, path + i));
    found |= MaskBits(d, hn::Eq(wrong, hn::Zero(d))) << i;
  }
  return hwy::Num0BitsBelowLS1Bit_Nonzero64(found);
}

template <typename Sum>
HWY_INLINE Sum AddTrees(const LeafBlocks& blocks, const RowCodes& row, size_t bytes, size_t begin, size_t end, Sum sum) {
  alignas(64) uint8_t bits[kTreesTogether * sizeof(uint32_t) + 128];
  const size_t trees = end - begin;
  Decide(blocks.tests, row, bytes, begin * kLeafLanes, trees * kLeafLanes, bits);
  const uint32_t* path = blocks.path + begin * kLeafLanes;
  const uint32_t* turn = blocks.turn + begin * kLeafLanes;
  const Sum* exit = static_cast<const Sum*>(blocks.exit) + begin * kLeafLanes;
  const uint32_t* decisions = reinterpret_cast<const uint32_t*>(bits);
  for (size_t t = 0; t < trees; ++t, path += kLeafLanes, turn += kLeafLanes, exit += kLeafLanes)
    sum += exit[FindExit(path, turn, decisions[t])];
  return sum;
}

template <typename Sum>
HWY_INLINE Sum AddLinkedTrees(const LeafBlocks& blocks, const RowCodes& row, size_t bytes, size_t begin, size_t end, Sum sum) {
  using Exit = std::conditional_t<sizeof(Sum) == 8, uint64_t, uint32_t>;
  alignas(64) uint8_t bits[kTreesTogether * sizeof(uint32_t) + 128];
  uint32_t block[kTreesTogether];
  Exit exits[kTreesTogether];
  uint8_t slot[kTreesTogether];
  size_t open = end - begin;
  for (size_t i = 0; i < open; ++i) {
    block[i] = static_cast<uint32_t>(begin + i);
    slot[i] = static_cast<uint8_t>(i);
  }
  bool first = true;
  while (open > 0) {
    if (first) {
      Decide(blocks.tests, row, bytes, begin * kLeafLanes, open * kLeafLanes, bits);  // the first blocks lie beside each other
    } else {
      for (size_t i = 0; i < open; ++i) Decide(blocks.tests, row, bytes, block[i] * kLeafLanes, kLeafLanes, bits + i * sizeof(uint32_t));
    }
    first = false;
    size_t going_on = 0;
    for (size_t i = 0; i < open; ++i) {
      const size_t at = block[i] * kLeafLanes;
      uint32_t decisions;
      std::memcpy(&decisions, bits + i * sizeof(uint32_t), sizeof(uint32_t));
      const size_t e = FindExit(blocks.path + at, blocks.turn + at, decisions);
      const Exit exit = static_cast<const Exit*>(blocks.exit)[at + e];
      exits[slot[i]] = exit;  // a link is overwritten by what it leads to
      const auto linked = static_cast<size_t>(blocks.links[block[i]] >> e & 1);
      slot[going_on] = slot[i];
      block[going_on] = static_cast<uint32_t>(exit);
      going_on += linked;
    }
    open = going_on;
  }
  for (size_t i = 0; i < end - begin; ++i) {
    Sum value;
    std::memcpy(&value, &exits[i], sizeof(value));
    sum += value;
  }
  return sum;
}

template <typename Sum>
void Score(const LeafBlocks& blocks, const void* rows, size_t n, size_t features, const int32_t* tree_ends, Sum* sums) {
  RowCodes prepared[kRowsTogether];
  const int32_t outputs = blocks.sums.outputs;
  ForRows(blocks.tests, rows, n, features, prepared, [&](size_t done, size_t together, size_t bytes) {
    for (int32_t o = 0; o < outputs; ++o) {
      Sum* out = sums + done * outputs + o;
      for (size_t r = 0; r < together; ++r) out[r * outputs] = static_cast<Sum>(blocks.sums.base[o]);
      const auto end = static_cast<size_t>(tree_ends[o]);
      for (size_t begin = blocks.sums.output_begin[o]; begin < end; begin += kTreesTogether) {
        const size_t stop = std::min(end, begin + kTreesTogether);
        for (size_t r = 0; r < together; ++r) {
          Sum& sum = out[r * outputs];
          sum = blocks.linked ? AddLinkedTrees(blocks, prepared[r], bytes, begin, stop, sum)
                              : AddTrees(blocks, prepared[r], bytes, begin, stop, sum);
        }
      }
    }
  });
}

}  // namespace

void ScoreLeafBlocks(const LeafBlocks& blocks, const void* rows, size_t n, size_t features, const int32_t* tree_ends, void* sums) {
  blocks.sums.doubles ? Score(blocks, rows, n, features, tree_ends, static_cast<double*>(sums))
                      : Score(blocks, rows, n, features, tree_ends, static_cast<float*>(sums));
}

}  // namespace vigil::trees::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigil::trees {

HWY_EXPORT(ScoreLeafBlocks);

void ScoreLeafBlocks(const LeafBlocks& blocks, const void* rows, size_t n, size_t features, const int32_t* tree_ends, void* sums) {
  HWY_DYNAMIC_DISPATCH(ScoreLeafBlocks)(blocks, rows, n, features, tree_ends, sums);
}

}  // namespace vigil::trees
#endif  // HWY_ONCE
