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

constexpr size_t kColumnsMax = 64;                 // two halves of them fill two registers of 64 bytes
constexpr int64_t kBytesMax = int64_t{512} << 20;  // deep and sparse trees waste lanes: beyond this the float engine is better
constexpr size_t kPadding = 64;                    // kernels read whole registers

// Cuts a forest into blocks; see NodeBlocks.
class BlockCutter {
 public:
  BlockCutter(const Forest& forest, const RankTable& ranks, int depth, size_t half)
      : forest_(forest), ranks_(ranks), depth_(depth), lanes_(size_t{1} << depth), half_(half) {}

  // False when the blocks would take more than kBytesMax.
  bool Cut() {
    AddBlocks(forest_.trees());
    for (int32_t t = 0; t < forest_.trees(); ++t) {
      open_.push_back({forest_.node_begin[t], forest_.node_begin[t], t});
      while (!open_.empty()) {
        const Open block = open_.back();
        open_.pop_back();
        Fill(block, block.node, 1, 0);
        if (static_cast<int64_t>(column.size() * 6 + links.size() * 8) > kBytesMax) return false;
      }
    }
    return true;
  }

  std::vector<uint8_t> column;
  std::vector<int8_t> threshold;
  std::vector<uint32_t> exit;
  std::vector<uint64_t> links;
  bool linked = false;

 private:
  struct Open {
    int64_t root;  // of the tree
    int64_t node;  // the block's first
    int32_t block;
  };

  void AddBlocks(int32_t count) {
    column.resize(column.size() + count * lanes_, 0);
    threshold.resize(column.size(), kCodeAlwaysLeft);
    exit.resize(column.size(), 0);
    links.resize(links.size() + count, 0);
  }

  // Recurses at most kBlockDepthMax deep. A leaf above the last level leads left all the way down.
  void Fill(const Open& block, int64_t node, size_t position, int level) {
    const bool leaf = forest_.left[node] < 0;
    if (level == depth_) {
      const size_t e = position - lanes_;
      uint32_t& out = exit[block.block * lanes_ + e];
      if (leaf) {
        const auto value = static_cast<float>(forest_.value[node]);
        std::memcpy(&out, &value, sizeof(out));
        return;
      }
      const auto next = static_cast<int32_t>(links.size());
      out = static_cast<uint32_t>(next);
      links[block.block] |= uint64_t{1} << e;
      linked = true;
      AddBlocks(1);
      open_.push_back({block.root, node, next});
      return;
    }
    if (leaf) return Fill(block, node, 2 * position, level + 1);
    const RankTable::Place place = ranks_.Find(forest_.feature[node], static_cast<float>(forest_.value[node]));
    const size_t at = block.block * lanes_ + position;
    column[at] = static_cast<uint8_t>(place.column + (forest_.default_left[node] != 0 ? half_ : 0));
    threshold[at] = place.code;
    Fill(block, block.root + forest_.left[node], 2 * position, level + 1);
    Fill(block, block.root + forest_.right[node], 2 * position + 1, level + 1);
  }

  const Forest& forest_;
  const RankTable& ranks_;
  const int depth_;
  const size_t lanes_, half_;
  std::vector<Open> open_;
};

template <typename T>
AlignedArray<T> Aligned(const std::vector<T>& from, size_t padding) {
  AlignedArray<T> to(from.size() + padding);
  std::copy(from.begin(), from.end(), to.data());
  return to;
}

class RankNodesEngine final : public Engine {
 public:
  RankNodesEngine(const Forest& forest, RankTable ranks, int depth, size_t half, const BlockCutter& cut)
      : features_(forest.features),
        base_(forest.base.begin(), forest.base.end()),
        output_begin_(forest.output_begin),
        ranks_(std::move(ranks)),
        column_(Aligned(cut.column, kPadding)),
        threshold_(Aligned(cut.threshold, kPadding)),
        exit_(Aligned(cut.exit, 0)),
        links_(cut.links) {
    blocks_ = {ranks_.view(), forest.outputs, base_.data(),      output_begin_.data(), depth,        cut.linked,
               half,          column_.data(), threshold_.data(), exit_.data(),         links_.data()};
  }

  std::string_view name() const override { return "rank-nodes"; }
  int64_t memory_bytes() const override {
    return ranks_.memory_bytes() + column_.bytes() + threshold_.bytes() + exit_.bytes() + static_cast<int64_t>(links_.size() * 8);
  }
  size_t scratch_bytes() const override { return 0; }
  void Score(const void* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte*, void* sums) const override {
    ScoreNodeBlocks(blocks_, static_cast<const float*>(rows), n, static_cast<size_t>(features_), tree_ends.data(),
                    static_cast<float*>(sums));
  }

 private:
  const int32_t features_;
  const std::vector<float> base_;
  const std::vector<int32_t> output_begin_;
  const RankTable ranks_;
  const AlignedArray<uint8_t> column_;
  const AlignedArray<int8_t> threshold_;
  const AlignedArray<uint32_t> exit_;
  const std::vector<uint64_t> links_;
  NodeBlocks blocks_;
};

// Levels of a block: as few blocks on a path as 6 levels allow, then as few levels as those need, because lanes below a leaf are wasted.
int BlockDepth(int32_t depth) {
  const int32_t blocks = std::max(1, (depth + kBlockDepthMax - 1) / kBlockDepthMax);
  return std::max(kBlockDepthMin, (depth + blocks - 1) / blocks);
}

}  // namespace

StatusOr<std::unique_ptr<Engine>> MakeRankNodesEngine(const Forest& forest) {
  VIGIL_RETURN_IF_ERROR(RequirePlain(forest));
  RankTable ranks(forest);
  if (ranks.columns() > kColumnsMax) {
    return absl::FailedPreconditionError(
        Cat("thresholds need ", ranks.columns(), " byte-rank columns; a row's look-up table holds ", kColumnsMax));
  }
  const int depth = BlockDepth(forest.depth);
  const size_t half = ranks.columns() <= 32 ? 32 : 64;
  BlockCutter cut(forest, ranks, depth, half);
  if (!cut.Cut())
    return absl::FailedPreconditionError(Cat("trees this deep and sparse need more than ", kBytesMax >> 20, " MiB of blocks"));
  ranks.ForgetThresholds();
  return std::make_unique<RankNodesEngine>(forest, std::move(ranks), depth, half, cut);
}

}  // namespace vigil::trees
