// One row against blocks of nodes. The lanes of a register are the nodes of a tree: one byte shuffle fetches the row's code for every
// node, one comparison decides them all, and the path is read from the decisions' bits. Everything up to the leaves is done for 64 trees
// at a time, so that the leaves' ordered sum, a chain of additions, overlaps with the next trees' comparisons.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/trees/rank_nodes_kernel.cc"  // NOLINT
#include "hwy/foreach_target.h"
// Must come after foreach_target.h.
#include "hwy/highway.h"
#include "runtime/trees/rank_kernels.h"
#include "runtime/trees/rank_quantise.inc"

#include <algorithm>
#include <cstring>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace vigil::trees::HWY_NAMESPACE {

namespace {

constexpr size_t kRowsTogether = 8;  // rows that share a pass over the trees
constexpr size_t kTreesTogether = 64;

using ByteTag = hn::CappedTag<int8_t, 64>;
using ByteVector = hn::Vec<ByteTag>;

// A row's codes as look-up tables. kBytes: 32, 64 or 128 codes.
template <size_t kBytes>
class CodeTable {
 public:
#if HWY_TARGET == HWY_AVX3_DL
  // VBMI permutes bytes across a whole register, which Highway 1.0 does not offer: one instruction for 64 codes, one for 128.
  explicit HWY_INLINE CodeTable(const int8_t* codes) {
    low_ = _mm512_load_si512(codes);
    high_ = kBytes > 64 ? _mm512_load_si512(codes + 64) : low_;
  }
  HWY_INLINE ByteVector Lookup(ByteVector column) const {
    if constexpr (kBytes > 64) return ByteVector{_mm512_permutex2var_epi8(low_, column.raw, high_)};
    return ByteVector{_mm512_permutexvar_epi8(column.raw, low_)};
  }

 private:
  __m512i low_, high_;
#else
  explicit HWY_INLINE CodeTable(const int8_t* codes) {
    for (size_t i = 0; i < kTables; ++i) tables_[i] = hn::LoadDup128(ByteTag(), codes + 16 * i);
  }
  HWY_INLINE ByteVector Lookup(ByteVector column) const {
    const ByteTag d;
    const hn::Repartition<uint16_t, ByteTag> d16;
    const auto within = hn::And(column, hn::Set(d, 15));
    ByteVector found[kTables];
    for (size_t i = 0; i < kTables; ++i) found[i] = hn::TableLookupBytes(tables_[i], within);
    // Bit 4 of the column chooses within pairs of tables, bit 5 within pairs of pairs, bit 6 the half.
    const auto bit4 = hn::BitCast(d, hn::ShiftLeft<3>(hn::BitCast(d16, column)));
    for (size_t i = 0; i < kTables / 2; ++i) found[i] = SelectByTopBit(bit4, found[2 * i + 1], found[2 * i]);
    if constexpr (kTables > 2) {
      const auto bit5 = hn::BitCast(d, hn::ShiftLeft<2>(hn::BitCast(d16, column)));
      for (size_t i = 0; i < kTables / 4; ++i) found[i] = SelectByTopBit(bit5, found[2 * i + 1], found[2 * i]);
    }
    if constexpr (kTables > 4) {
      const auto bit6 = hn::BitCast(d, hn::ShiftLeft<1>(hn::BitCast(d16, column)));
      found[0] = SelectByTopBit(bit6, found[1], found[0]);
    }
    return found[0];
  }

 private:
  static constexpr size_t kTables = kBytes / 16;
  ByteVector tables_[kTables];
#endif
};

// Bit i of `bits`: does node i go right? Whole registers, so up to 63 nodes more than asked for.
template <typename Table>
HWY_INLINE void Decide(const Table& table, const uint8_t* HWY_RESTRICT column, const int8_t* HWY_RESTRICT threshold, size_t nodes,
                       uint8_t* HWY_RESTRICT bits) {
  const ByteTag d;
  for (size_t i = 0; i < nodes; i += hn::Lanes(d)) {
    const auto codes = table.Lookup(hn::LoadU(d, reinterpret_cast<const int8_t*>(column) + i));
    hn::StoreMaskBits(d, hn::Gt(codes, hn::LoadU(d, threshold + i)), bits + i / 8);
  }
}

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

HWY_INLINE float AsFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// Adds trees [begin, end), at most kTreesTogether, whose exits are all leaves.
template <int kDepth, typename Table>
HWY_INLINE float AddTrees(const NodeBlocks& blocks, const Table& table, size_t begin, size_t end, float sum) {
  constexpr size_t kLanes = size_t{1} << kDepth;
  alignas(64) uint8_t bits[kTreesTogether * 8 + 128];
  alignas(64) Word<kDepth> position[kTreesTogether + 16];
  const size_t trees = end - begin;
  Decide(table, blocks.column + begin * kLanes, blocks.threshold + begin * kLanes, trees * kLanes, bits);
  Walk<kDepth>(bits, trees, position);
  const float* exit = reinterpret_cast<const float*>(blocks.exit) + begin * kLanes;
  for (size_t t = 0; t < trees; ++t, exit += kLanes) sum += exit[position[t] - kLanes];
  return sum;
}

// The same where exits may lead to further blocks: all trees take their first block, those that go on their second, and so on.
template <int kDepth, typename Table>
HWY_INLINE float AddLinkedTrees(const NodeBlocks& blocks, const Table& table, size_t begin, size_t end, float sum) {
  constexpr size_t kLanes = size_t{1} << kDepth;
  alignas(64) uint8_t bits[kTreesTogether * 8 + 128];
  alignas(64) uint64_t position[kTreesTogether + 16];
  uint32_t block[kTreesTogether], exits[kTreesTogether];
  uint8_t slot[kTreesTogether];
  size_t open = end - begin;
  for (size_t i = 0; i < open; ++i) {
    block[i] = static_cast<uint32_t>(begin + i);
    slot[i] = static_cast<uint8_t>(i);
  }
  while (open > 0) {
    for (size_t i = 0; i < open; ++i) {
      Decide(table, blocks.column + block[i] * kLanes, blocks.threshold + block[i] * kLanes, kLanes, bits + i * 8);
    }
    Walk<kDepth>(bits, open, position);
    size_t going_on = 0;
    for (size_t i = 0; i < open; ++i) {
      const size_t e = position[i] - kLanes;
      const uint32_t exit = blocks.exit[block[i] * kLanes + e];
      exits[slot[i]] = exit;  // a link is overwritten by what it leads to
      const auto linked = static_cast<size_t>(blocks.links[block[i]] >> e & 1);
      slot[going_on] = slot[i];
      block[going_on] = exit;
      going_on += linked;
    }
    open = going_on;
  }
  for (size_t i = 0; i < end - begin; ++i) sum += AsFloat(exits[i]);
  return sum;
}

template <int kDepth, size_t kBytes>
void ScoreRows(const NodeBlocks& blocks, const int8_t* codes, size_t rows, const int32_t* tree_ends, float* margins) {
  for (int32_t o = 0; o < blocks.outputs; ++o) {
    for (size_t r = 0; r < rows; ++r) margins[r * blocks.outputs + o] = blocks.base[o];
    const auto end = static_cast<size_t>(tree_ends[o]);
    for (size_t begin = blocks.output_begin[o]; begin < end; begin += kTreesTogether) {
      const size_t stop = std::min(end, begin + kTreesTogether);
      for (size_t r = 0; r < rows; ++r) {
        const CodeTable<kBytes> table(codes + r * 128);
        float& margin = margins[r * blocks.outputs + o];
        margin = blocks.linked ? AddLinkedTrees<kDepth>(blocks, table, begin, stop, margin)
                               : AddTrees<kDepth>(blocks, table, begin, stop, margin);
      }
    }
  }
}

template <int kDepth>
HWY_INLINE void ScoreRowsOfWidth(size_t bytes, const NodeBlocks& blocks, const int8_t* codes, size_t rows, const int32_t* tree_ends,
                                 float* margins) {
  if (bytes == 32) return ScoreRows<kDepth, 32>(blocks, codes, rows, tree_ends, margins);
  if (bytes == 64) return ScoreRows<kDepth, 64>(blocks, codes, rows, tree_ends, margins);
  ScoreRows<kDepth, 128>(blocks, codes, rows, tree_ends, margins);
}

}  // namespace

void ScoreNodeBlocks(const NodeBlocks& blocks, const float* rows, size_t n, size_t features, const int32_t* tree_ends, float* margins) {
  alignas(64) int8_t codes[kRowsTogether * 128];
  std::memset(codes, 0, sizeof(codes));
  while (n > 0) {
    const size_t together = std::min(n, kRowsTogether);
    bool missing = false;
    for (size_t r = 0; r < together; ++r, rows += features)
      missing |= Quantise(blocks.ranks, rows, codes + r * 128, codes + r * 128 + blocks.half);
    // Without missing values both halves are the same, and look-ups need only the lower bits of the column.
    const size_t bytes = missing ? 2 * blocks.half : blocks.half;
    switch (blocks.depth) {
      case 3: ScoreRowsOfWidth<3>(bytes, blocks, codes, together, tree_ends, margins); break;
      case 4: ScoreRowsOfWidth<4>(bytes, blocks, codes, together, tree_ends, margins); break;
      case 5: ScoreRowsOfWidth<5>(bytes, blocks, codes, together, tree_ends, margins); break;
      default: ScoreRowsOfWidth<6>(bytes, blocks, codes, together, tree_ends, margins); break;
    }
    n -= together;
    margins += together * blocks.outputs;
  }
}

}  // namespace vigil::trees::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigil::trees {

HWY_EXPORT(ScoreNodeBlocks);

void ScoreNodeBlocks(const NodeBlocks& blocks, const float* rows, size_t n, size_t features, const int32_t* tree_ends, float* margins) {
  HWY_DYNAMIC_DISPATCH(ScoreNodeBlocks)(blocks, rows, n, features, tree_ends, margins);
}

}  // namespace vigil::trees
#endif  // HWY_ONCE
