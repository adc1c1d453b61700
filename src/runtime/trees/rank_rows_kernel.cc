// A register of rows against every node of a tree. The lanes are rows: each node compares its column of codes with its threshold, the
// rows that reach a node are a mask, and a row's leaf is found from the masks of its path. The leaf's float is then fetched as four bytes
// by byte shuffles, and added to the rows' sums.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/trees/rank_rows_kernel.cc"  // NOLINT
#include "hwy/foreach_target.h"
// Must come after foreach_target.h.
#include "hwy/highway.h"
#include "runtime/trees/rank_kernels.h"
#include "runtime/trees/rank_quantise-inl.h"

#include <algorithm>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace vigil::trees::HWY_NAMESPACE {

namespace {

using ByteTag = hn::CappedTag<int8_t, kRowLanesMax>;
using ByteVector = hn::Vec<ByteTag>;
using ByteMask = hn::Mask<ByteTag>;
using FloatTag = hn::Repartition<float, ByteTag>;
using FloatVector = hn::Vec<FloatTag>;

// One tree's nodes over one register of rows.
struct TreeRows {
  const int8_t* HWY_RESTRICT codes;  // [columns][lanes]
  const uint32_t* HWY_RESTRICT column;
  const int8_t* HWY_RESTRICT threshold;
};

// Visits the nodes below `kNode`, depth first; `reach` are the rows that come here, and `right[l]` gathers those that go right at level l.
// Unrolled wholly at compile time.
template <int kDepth, int kLevel, size_t kNode>
HWY_INLINE void Visit(const TreeRows& tree, ByteMask reach, ByteMask* HWY_RESTRICT right) {
  const ByteTag d;
  const auto codes = hn::Load(d, tree.codes + tree.column[kNode] * hn::Lanes(d));
  const ByteMask above = hn::Gt(codes, hn::Set(d, tree.threshold[kNode]));
  const ByteMask goes_right = kLevel == 0 ? above : hn::And(reach, above);
  // The first node of a level is the first to say anything about it.
  right[kLevel] = kNode == (size_t{1} << kLevel) ? goes_right : hn::Or(right[kLevel], goes_right);
  if constexpr (kLevel + 1 < kDepth) {
    const ByteMask goes_left = kLevel == 0 ? hn::Not(above) : hn::AndNot(above, reach);
    Visit<kDepth, kLevel + 1, 2 * kNode>(tree, goes_left, right);
    Visit<kDepth, kLevel + 1, 2 * kNode + 1>(tree, goes_right, right);
  }
}

// The number of each row's leaf, 0 to 2^depth - 1.
template <int kDepth>
HWY_INLINE ByteVector Leaves(const TreeRows& tree) {
  const ByteTag d;
  ByteMask right[kDepth];
  Visit<kDepth, 0, 1>(tree, hn::FirstN(d, hn::Lanes(d)), right);
  auto leaf = hn::Zero(d);
  for (int level = 0; level < kDepth; ++level) leaf = hn::Add(hn::Add(leaf, leaf), hn::IfThenElseZero(right[level], hn::Set(d, 1)));
  return leaf;
}

// plane[leaf] for 2^depth leaves.
template <int kDepth>
HWY_INLINE ByteVector LookupPlane(const uint8_t* HWY_RESTRICT plane, ByteVector leaf) {
  const ByteTag d;
#if HWY_TARGET == HWY_AVX3_DL
  return ByteVector{_mm512_permutexvar_epi8(leaf.raw, _mm512_load_si512(plane))};
#else
  const hn::Repartition<uint16_t, ByteTag> d16;
  const int8_t* bytes = reinterpret_cast<const int8_t*>(plane);
  const auto within = kDepth > 4 ? hn::And(leaf, hn::Set(d, 15)) : leaf;
  auto found = hn::TableLookupBytes(hn::LoadDup128(d, bytes), within);
  if constexpr (kDepth > 4) {
    const auto bit4 = hn::BitCast(d, hn::ShiftLeft<3>(hn::BitCast(d16, leaf)));
    found = hn::IfNegativeThenElse(bit4, hn::TableLookupBytes(hn::LoadDup128(d, bytes + 16), within), found);
    if constexpr (kDepth > 5) {
      const auto bit5 = hn::BitCast(d, hn::ShiftLeft<2>(hn::BitCast(d16, leaf)));
      const auto low = hn::TableLookupBytes(hn::LoadDup128(d, bytes + 32), within);
      const auto high = hn::TableLookupBytes(hn::LoadDup128(d, bytes + 48), within);
      found = hn::IfNegativeThenElse(bit5, hn::IfNegativeThenElse(bit4, high, low), found);
    }
  }
  return found;
#endif
}

// Adds each row's leaf to its sum. Interleaving works within 16 bytes, so vector j holds, of each 16 rows, rows 4j to 4j + 3.
template <int kDepth>
HWY_INLINE void AddLeaves(const uint8_t* HWY_RESTRICT planes, ByteVector leaf, FloatVector* HWY_RESTRICT sums) {
  const ByteTag d;
  const hn::Repartition<int16_t, ByteTag> d16;
  const FloatTag df;
  const auto p0 = LookupPlane<kDepth>(planes, leaf), p1 = LookupPlane<kDepth>(planes + 64, leaf);
  const auto p2 = LookupPlane<kDepth>(planes + 128, leaf), p3 = LookupPlane<kDepth>(planes + 192, leaf);
  const auto low01 = hn::BitCast(d16, hn::InterleaveLower(d, p0, p1)), low23 = hn::BitCast(d16, hn::InterleaveLower(d, p2, p3));
  const auto high01 = hn::BitCast(d16, hn::InterleaveUpper(d, p0, p1)), high23 = hn::BitCast(d16, hn::InterleaveUpper(d, p2, p3));
  sums[0] = hn::Add(sums[0], hn::BitCast(df, hn::InterleaveLower(d16, low01, low23)));
  sums[1] = hn::Add(sums[1], hn::BitCast(df, hn::InterleaveUpper(d16, low01, low23)));
  sums[2] = hn::Add(sums[2], hn::BitCast(df, hn::InterleaveLower(d16, high01, high23)));
  sums[3] = hn::Add(sums[3], hn::BitCast(df, hn::InterleaveUpper(d16, high01, high23)));
}

template <int kDepth>
void ScoreBlock(const RowTrees& trees, const int8_t* codes, size_t rows, const int32_t* tree_ends, float* margins) {
  constexpr size_t kLanes = size_t{1} << kDepth;
  const FloatTag df;
  for (int32_t o = 0; o < trees.outputs; ++o) {
    FloatVector sums[4];
    for (auto& sum : sums) sum = hn::Set(df, trees.base[o]);
    for (int32_t t = trees.output_begin[o]; t < tree_ends[o]; ++t) {
      const TreeRows tree{codes, trees.column + t * kLanes, trees.threshold + t * kLanes};
      AddLeaves<kDepth>(trees.leaf + t * size_t{256}, Leaves<kDepth>(tree), sums);
    }
    alignas(64) float sum[kRowLanesMax];
    for (size_t j = 0; j < 4; ++j) hn::Store(sums[j], df, sum + j * hn::Lanes(df));
    for (size_t r = 0; r < rows; ++r) margins[r * trees.outputs + o] = sum[(r % 16) / 4 * hn::Lanes(df) + r / 16 * 4 + r % 4];
  }
}

// Up to a register of rows into [column][lane] codes: missing goes right, then missing goes left. Lanes without a row keep what they had.
HWY_INLINE void QuantiseBlock(const RankTableView& ranks, const float* rows, size_t n, size_t features, int8_t* codes, int8_t* row_codes) {
  const size_t lanes = hn::Lanes(ByteTag()), columns = ranks.columns;
  bool missing = false;
  for (size_t r = 0; r < n; ++r, rows += features) {
    int8_t* left = row_codes + columns;
    const bool row_missing = Quantise(ranks, rows, row_codes, left);
    for (size_t c = 0; c < columns; ++c) codes[c * lanes + r] = row_codes[c];
    if (row_missing && !missing) {
      // The first row with a missing value: until now both halves were the same.
      std::memcpy(codes + columns * lanes, codes, columns * lanes);
      missing = true;
    }
    if (missing) {
      for (size_t c = 0; c < columns; ++c) codes[(columns + c) * lanes + r] = left[c];
    }
  }
  if (!missing) std::memcpy(codes + columns * lanes, codes, columns * lanes);
}

}  // namespace

size_t RowLanesOfTarget() { return hn::Lanes(ByteTag()); }

void ScoreRowTreesOfTarget(const RowTrees& trees, const float* rows, size_t n, size_t features, const int32_t* tree_ends, int8_t* scratch,
                           float* margins) {
  const size_t lanes = hn::Lanes(ByteTag());
  int8_t* codes = scratch;
  int8_t* row_codes = scratch + 2 * trees.ranks.columns * lanes;
  while (n > 0) {
    const size_t together = std::min(n, lanes);
    QuantiseBlock(trees.ranks, rows, together, features, codes, row_codes);
    switch (trees.depth) {
      case 3: ScoreBlock<3>(trees, codes, together, tree_ends, margins); break;
      case 4: ScoreBlock<4>(trees, codes, together, tree_ends, margins); break;
      case 5: ScoreBlock<5>(trees, codes, together, tree_ends, margins); break;
      default: ScoreBlock<6>(trees, codes, together, tree_ends, margins); break;
    }
    n -= together;
    rows += together * features;
    margins += together * trees.outputs;
  }
}

}  // namespace vigil::trees::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vigil::trees {

HWY_EXPORT(RowLanesOfTarget);
HWY_EXPORT(ScoreRowTreesOfTarget);

size_t RowLanes() { return HWY_DYNAMIC_DISPATCH(RowLanesOfTarget)(); }

size_t RowScratchBytes(size_t rank_columns) { return 2 * rank_columns * (kRowLanesMax + 1); }

void ScoreRowTrees(const RowTrees& trees, const float* rows, size_t n, size_t features, const int32_t* tree_ends, std::byte* scratch,
                   float* margins) {
  HWY_DYNAMIC_DISPATCH(ScoreRowTreesOfTarget)(trees, rows, n, features, tree_ends, reinterpret_cast<int8_t*>(scratch), margins);
}

std::string RankKernelTarget() {
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return hwy::TargetName(static_cast<uint32_t>(hwy::SupportedTargets() & -hwy::SupportedTargets()));
}

}  // namespace vigil::trees
#endif  // HWY_ONCE
