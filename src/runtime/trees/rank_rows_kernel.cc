// A register of rows against every node of a tree. The lanes are rows: each node compares its column of codes with its threshold, and a
// row's own decision at each level is chosen by its decisions above. The leaf's float is then fetched as four bytes by byte shuffles, and
// added to the rows' sums.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/trees/rank_rows_kernel.cc"  // NOLINT
#include "hwy/foreach_target.h"
// Must come after foreach_target.h.
#include "hwy/highway.h"
#include "runtime/trees/rank_kernels.h"
#include "runtime/trees/rank_quantise.inc"

#include <algorithm>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace vigil::trees::HWY_NAMESPACE {

namespace {

using ByteTag = hn::CappedTag<int8_t, kRowLanesMax>;
using ByteVector = hn::Vec<ByteTag>;
using FloatTag = hn::Repartition<float, ByteTag>;
using FloatVector = hn::Vec<FloatTag>;

// One tree's nodes over one register of rows.
struct TreeRows {
  const int8_t* HWY_RESTRICT codes;  // [columns][kRowLanesMax]
  const uint32_t* HWY_RESTRICT column;
  const int8_t* HWY_RESTRICT threshold;
};

// `yes` where the top bit of `sign` is set; only the top bit of the result means anything. A bitwise choice where that is one instruction.
HWY_INLINE ByteVector Choose(ByteVector sign, ByteVector yes, ByteVector no) {
#if HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_AVX2
  return hn::IfNegativeThenElse(sign, yes, no);
#else
  return hn::IfVecThenElse(sign, yes, no);
#endif
}

// The decision (top bit set: right) of each row's own node at `kLevel`, looked for below kNode at level kFrom, when path[l] holds its
// decisions above. Every node of the level is compared; the path chooses. Unrolled wholly at compile time.
template <int kLevel, int kFrom, size_t kNode>
HWY_INLINE ByteVector Decision(const TreeRows& tree, const ByteVector* HWY_RESTRICT path) {
  if constexpr (kFrom == kLevel) {
    const ByteTag d;
    // Saturated, so that the sign is that of the true difference: negative where code > threshold.
    return hn::SaturatedSub(hn::Set(d, tree.threshold[kNode]), hn::Load(d, tree.codes + tree.column[kNode]));
  } else {
    return Choose(path[kFrom], Decision<kLevel, kFrom + 1, 2 * kNode + 1>(tree, path), Decision<kLevel, kFrom + 1, 2 * kNode>(tree, path));
  }
}

// Follows the path level by level; returns the number of each row's leaf, 0 to 2^depth - 1.
template <int kDepth, int kLevel>
HWY_INLINE ByteVector Leaves(const TreeRows& tree, ByteVector* HWY_RESTRICT path, ByteVector leaf) {
  if constexpr (kLevel == kDepth) {
    return leaf;
  } else {
    const ByteTag d;
    path[kLevel] = Decision<kLevel, 0, 1>(tree, path);
    const auto right = hn::IfThenElseZero(hn::Lt(path[kLevel], hn::Zero(d)), hn::Set(d, 1));
    return Leaves<kDepth, kLevel + 1>(tree, path, hn::Add(hn::Add(leaf, leaf), right));
  }
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
    found = SelectByTopBit(bit4, hn::TableLookupBytes(hn::LoadDup128(d, bytes + 16), within), found);
    if constexpr (kDepth > 5) {
      const auto bit5 = hn::BitCast(d, hn::ShiftLeft<2>(hn::BitCast(d16, leaf)));
      const auto low = hn::TableLookupBytes(hn::LoadDup128(d, bytes + 32), within);
      const auto high = hn::TableLookupBytes(hn::LoadDup128(d, bytes + 48), within);
      found = SelectByTopBit(bit5, SelectByTopBit(bit4, high, low), found);
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
      ByteVector path[kDepth];
      AddLeaves<kDepth>(trees.leaf + t * size_t{256}, Leaves<kDepth, 0>(tree, path, hn::Zero(ByteTag())), sums);
    }
    alignas(64) float sum[kRowLanesMax];
    for (size_t j = 0; j < 4; ++j) hn::Store(sums[j], df, sum + j * hn::Lanes(df));
    for (size_t r = 0; r < rows; ++r) margins[r * trees.outputs + o] = sum[(r % 16) / 4 * hn::Lanes(df) + r / 16 * 4 + r % 4];
  }
}

// Up to a register of rows into [column][kRowLanesMax] codes: missing goes right, then missing goes left. Lanes without a row keep what
// they had.
HWY_INLINE void QuantiseBlock(const RankTableView& ranks, const float* rows, size_t n, size_t features, int8_t* codes, int8_t* row_codes) {
  const size_t columns = ranks.columns;
  int8_t* left_codes = codes + columns * kRowLanesMax;
  bool missing = false;
  for (size_t r = 0; r < n; ++r, rows += features) {
    const int8_t* left = row_codes + columns;
    const bool row_missing = Quantise(ranks, rows, row_codes, row_codes + columns);
    if (row_missing && !missing) {
      // The first row with a missing value: until now both halves were the same.
      std::memcpy(left_codes, codes, columns * kRowLanesMax);
      missing = true;
    }
    for (size_t c = 0; c < columns; ++c) codes[c * kRowLanesMax + r] = row_codes[c];
    if (missing) {
      for (size_t c = 0; c < columns; ++c) left_codes[c * kRowLanesMax + r] = left[c];
    }
  }
  if (!missing) std::memcpy(left_codes, codes, columns * kRowLanesMax);
}

}  // namespace

size_t RowLanesOfTarget() { return hn::Lanes(ByteTag()); }

void ScoreRowTreesOfTarget(const RowTrees& trees, const float* rows, size_t n, size_t features, const int32_t* tree_ends, int8_t* scratch,
                           float* margins) {
  const size_t lanes = hn::Lanes(ByteTag());
  int8_t* codes = scratch;
  int8_t* row_codes = scratch + 2 * trees.ranks.columns * kRowLanesMax;
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

namespace {

// Bits of HWY_TARGETS, of which a lower one is the better.
std::vector<int64_t> UsableTargets() {
  std::vector<int64_t> usable;
  for (int64_t rest = hwy::SupportedTargets() & HWY_TARGETS; rest != 0; rest &= rest - 1) usable.push_back(rest & -rest);
  return usable;
}

std::string NameOf(int64_t target) { return hwy::TargetName(target); }

}  // namespace

std::string RankKernelTarget() { return NameOf(UsableTargets().front()); }

std::vector<std::string> RankKernelTargets() {
  std::vector<std::string> names;
  for (const int64_t target : UsableTargets()) names.push_back(NameOf(target));
  return names;
}

void UseRankKernelTarget(std::string_view name) {
  hwy::SetSupportedTargetsForTest(0);
  for (const int64_t target : UsableTargets()) {
    if (NameOf(target) == name) hwy::SetSupportedTargetsForTest(target);
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace vigil::trees
#endif  // HWY_ONCE
