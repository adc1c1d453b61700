#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/cat.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/engine.h"
#include "runtime/trees/rank_kernels.h"
#include "runtime/trees/ranks.h"

namespace vigil::trees {
namespace {

constexpr size_t kColumnsMax = size_t{1} << 20;  // twice as many, times the lanes, fit 32 bits
constexpr size_t kLeafBytes = 256;               // four planes of 64

class RankRowsEngine final : public Engine {
 public:
  RankRowsEngine(const Forest& forest, RankTable ranks, int depth)
      : features_(forest.features),
        base_(forest.base.begin(), forest.base.end()),
        output_begin_(forest.output_begin),
        lanes_(size_t{1} << depth),
        ranks_(std::move(ranks)),
        column_(forest.trees() * lanes_),
        threshold_(forest.trees() * lanes_),
        leaf_(forest.trees() * kLeafBytes) {
    std::fill_n(threshold_.data(), threshold_.size(), kCodeAlwaysLeft);
    for (int32_t t = 0; t < forest.trees(); ++t) Fill(forest, t, forest.node_begin[t], 1);
    ranks_.ForgetThresholds();
    trees_ = {ranks_.view(), forest.outputs, base_.data(), output_begin_.data(), depth, column_.data(), threshold_.data(), leaf_.data()};
  }

  std::string_view name() const override { return "rank-rows"; }
  int64_t memory_bytes() const override { return ranks_.memory_bytes() + column_.bytes() + threshold_.bytes() + leaf_.bytes(); }
  size_t scratch_bytes() const override { return RowScratchBytes(ranks_.columns()); }
  void Score(const void* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte* scratch, void* sums) const override {
    ScoreRowTrees(trees_, static_cast<const float*>(rows), n, static_cast<size_t>(features_), tree_ends.data(), scratch,
                  static_cast<float*>(sums));
  }

 private:
  // Recurses at most kBlockDepthMax deep. A leaf above the last level leads left all the way down.
  void Fill(const Forest& forest, int32_t tree, int64_t node, size_t position) {
    const bool leaf = forest.left[node] < 0;
    if (position >= lanes_) {
      uint32_t bits;
      const auto value = static_cast<float>(forest.value[node]);
      std::memcpy(&bits, &value, sizeof(bits));
      uint8_t* planes = leaf_.data() + tree * kLeafBytes + (position - lanes_);
      for (int byte = 0; byte < 4; ++byte) planes[64 * byte] = static_cast<uint8_t>(bits >> (8 * byte));
      return;
    }
    if (leaf) return Fill(forest, tree, node, 2 * position);
    const RankTable::Place place = ranks_.Find(forest.feature[node], forest.value[node]);
    const size_t at = tree * lanes_ + position;
    column_[at] = static_cast<uint32_t>((place.column + (forest.default_left[node] != 0 ? ranks_.columns() : 0)) * kRowLanesMax);
    threshold_[at] = place.code;
    const int64_t root = forest.node_begin[tree];
    Fill(forest, tree, root + forest.left[node], 2 * position);
    Fill(forest, tree, root + forest.right[node], 2 * position + 1);
  }

  const int32_t features_;
  const std::vector<float> base_;
  const std::vector<int32_t> output_begin_;
  const size_t lanes_;
  RankTable ranks_;
  AlignedArray<uint32_t> column_;
  AlignedArray<int8_t> threshold_;
  AlignedArray<uint8_t> leaf_;
  RowTrees trees_;
};

}  // namespace

StatusOr<std::unique_ptr<Engine>> MakeRankRowsEngine(const Forest& forest) {
  VIGIL_RETURN_IF_ERROR(RequirePlain(forest));
  if (forest.depth > kBlockDepthMax) {
    return absl::FailedPreconditionError(Cat("trees are ", forest.depth, " deep; a register of rows takes up to ", kBlockDepthMax));
  }
  RankTable ranks(forest);
  if (ranks.columns() > kColumnsMax) return absl::FailedPreconditionError(Cat("thresholds need ", ranks.columns(), " byte-rank columns"));
  return std::make_unique<RankRowsEngine>(forest, std::move(ranks), std::max(kBlockDepthMin, static_cast<int>(forest.depth)));
}

}  // namespace vigil::trees
