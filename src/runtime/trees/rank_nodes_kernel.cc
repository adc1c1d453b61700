// One row against blocks of nodes. The lanes of a register are the nodes of a tree: one byte shuffle fetches the row's code for every
// node, one comparison decides them all, and the path is read from the decisions' bits. Everything up to the leaves is done for 64 trees
// at a time, so that the leaves' ordered sum, a chain of additions, overlaps with the next trees' comparisons.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/trees/rank_nodes_kernel.cc"  // NOLINT
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

// A word of decisions a tree, in the narrowest register lanes that hold them.
template <int kDepth>
using Word = std::conditional_t<(kDepth > 5), uint64_t, uint32_t>;

template <int kDepth, typename D>
HWY_INLINE hn::Vec<D> LoadDecisions(D d, const uint8_t* bits, size_t tree) {
  if constexpr (kDepth == 3) return hn::PromoteTo(d, hn::LoadU(hn::Rebind<uint8_t, D>(), bits + tree));
  if constexpr (kDepth == 4) return hn::PromoteTo(d, hn::LoadU(hn::Rebind<uint16_t, D>(), reinterpret_cast<const uint16_t*>(bits) + tree));
  return hn::LoadU(d, reinterpret_cast<const hn::TFromD<D>*>(bits) + tree);
}

// Heap positions below the last level, 2^depth to 2^(depth+1) - 1, of each tree's path.
template <int kDepth, typename T>
HWY_INLINE void Walk(const uint8_t* HWY_RESTRICT bits, size_t trees, T* HWY_RESTRICT position) {
  const hn::ScalableTag<T> d;
  const auto one = hn::Set(d, T{1});
  for (size_t t = 0; t < trees; t += hn::Lanes(d)) {
    const auto decisions = LoadDecisions < sizeof(T) == 8 ? 6 : kDepth > (d, bits, t);
    auto at = one;
    for (int level = 0; level < kDepth; ++level) at = hn::Add(hn::Add(at, at), hn::And(hn::Shr(decisions, at), one));
    hn::StoreU(at, d, position + t);
  }
}

// Adds trees [begin, end), at most kTreesTogether, whose exits are all leaves.
template <int kDepth, typename Sum>
HWY_INLINE Sum AddTrees(const NodeBlocks& blocks, const RowCodes& row, size_t bytes, size_t begin, size_t end, Sum sum) {
  constexpr size_t kLanes = size_t{1} << kDepth;
  alignas(64) uint8_t bits[kTreesTogether * 8 + 128];
  alignas(64) Word<kDepth> position[kTreesTogether + 16];
  const size_t trees = end - begin;
  Decide(blocks.tests, row, bytes, begin * kLanes, trees * kLanes, bits);
  Walk<kDepth>(bits, trees, position);
  const Sum* exit = static_cast<const Sum*>(blocks.exit) + begin * kLanes;
  for (size_t t = 0; t < trees; ++t, exit += kLanes) sum += exit[position[t] - kLanes];
  return sum;
}

// The same where exits may lead to further blocks: all trees take their first block, those that go on their second, and so on.
template <int kDepth, typename Sum>
HWY_INLINE Sum AddLinkedTrees(const NodeBlocks& blocks, const RowCodes& row, size_t bytes, size_t begin, size_t end, Sum sum) {
  constexpr size_t kLanes = size_t{1} << kDepth;
  using Exit = std::conditional_t<sizeof(Sum) == 8, uint64_t, uint32_t>;
  alignas(64) uint8_t bits[kTreesTogether * 8 + 128];
  alignas(64) uint64_t position[kTreesTogether + 16];
  uint32_t block[kTreesTogether];
  Exit exits[kTreesTogether];
  uint8_t slot[kTreesTogether];
  size_t open = end - begin;
  for (size_t i = 0; i < open; ++i) {
    block[i] = static_cast<uint32_t>(begin + i);
    slot[i] = static_cast<uint8_t>(i);
  }
  while (open > 0) {
    for (size_t i = 0; i < open; ++i) Decide(blocks.tests, row, bytes, block[i] * kLanes, kLanes, bits + i * 8);
    Walk<kDepth>(bits, open, position);
    size_t going_on = 0;
    for (size_t i = 0; i < open; ++i) {
      const size_t e = position[i] - kLanes;
      const Exit exit = static_cast<const Exit*>(blocks.exit)[block[i] * kLanes + e];
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

template <int kDepth, typename Sum>
void ScoreRows(const NodeBlocks& blocks, const RowCodes* prepared, size_t bytes, size_t rows, const int32_t* tree_ends, Sum* sums) {
  const int32_t outputs = blocks.sums.outputs;
  for (int32_t o = 0; o < outputs; ++o) {
    for (size_t r = 0; r < rows; ++r) sums[r * outputs + o] = static_cast<Sum>(blocks.sums.base[o]);
    const auto end = static_cast<size_t>(tree_ends[o]);
    for (size_t begin = blocks.sums.output_begin[o]; begin < end; begin += kTreesTogether) {
      const size_t stop = std::min(end, begin + kTreesTogether);
      for (size_t r = 0; r < rows; ++r) {
        Sum& sum = sums[r * outputs + o];
        sum = blocks.linked ? AddLinkedTrees<kDepth>(blocks, prepared[r], bytes, begin, stop, sum)
                            : AddTrees<kDepth>(blocks, prepared[r], bytes, begin, stop, sum);
      }
    }
  }
}

template <typename Sum>
void Score(const NodeBlocks& blocks, const void* rows, size_t n, size_t features, const int32_t* tree_ends, Sum* sums) {
  RowCodes prepared[kRowsTogether];
  ForRows(blocks.tests, rows, n, features, prepared, [&](size_t done, size_t together, size_t bytes) {
    Sum* out = sums + done * blocks.sums.outputs;
    switch (blocks.depth) {
      case 3: ScoreRows<3>(blocks, prepared, bytes, together, tree_ends, out); break;
      case 4: ScoreRows<4>(blocks, prepared, bytes, together, tree_ends, out); break;
      case 5: ScoreRows<5>(blocks, prepared, bytes, together, tree_ends, out); break;
      default: ScoreRows<6>(blocks, prepared, bytes, together, tree_ends, out); break;
    }
  });
}

}  // namespace

void ScoreNodeBlocks(const NodeBlocks& blocks, const void* rows, size_t n, size_t features, const int32_t* tree_ends, void* sums) {
  blocks.sums.doubles ? Score(blocks, rows, n, features, tree_ends, static_cast<double*>(sums))
                      : Score(blocks, rows, n, features, tree_ends, static_cast<float*>(sums));
}

}  // namespace vigil::trees::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigil::trees {

HWY_EXPORT(ScoreNodeBlocks);

void ScoreNodeBlocks(const NodeBlocks& blocks, const void* rows, size_t n, size_t features, const int32_t* tree_ends, void* sums) {
  HWY_DYNAMIC_DISPATCH(ScoreNodeBlocks)(blocks, rows, n, features, tree_ends, sums);
}

}  // namespace vigil::trees
#endif  // HWY_ONCE
