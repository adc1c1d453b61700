#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/cat.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/engine.h"
#include "runtime/trees/node_tests.h"
#include "runtime/trees/rank_kernels.h"

namespace vigil::trees {
namespace {

constexpr int64_t kBytesMax = int64_t{512} << 20;  // deep and sparse trees waste lanes: beyond this the float engine is better

// Cuts a forest into blocks; see NodeBlocks.
class BlockCutter {
 public:
  BlockCutter(const Forest& forest, NodeTestTable* tests, int depth)
      : forest_(forest), tests_(*tests), depth_(depth), lanes_(size_t{1} << depth) {}

  // False when the blocks would take more than kBytesMax.
  bool Cut() {
    AddBlocks(forest_.trees());
    for (int32_t t = 0; t < forest_.trees(); ++t) {
      open_.push_back({forest_.node_begin[t], forest_.node_begin[t], t});
      while (!open_.empty()) {
        const Open block = open_.back();
        open_.pop_back();
        Fill(block, block.node, 1, 0);
        if (static_cast<int64_t>(exit.size() * 10 + links.size() * 8) > kBytesMax) return false;
      }
    }
    return true;
  }

  std::vector<uint64_t> exit;
  std::vector<uint64_t> links;
  bool linked = false;

 private:
  struct Open {
    int64_t root;  // of the tree
    int64_t node;  // the block's first
    int32_t block;
  };

  void AddBlocks(int32_t count) {
    tests_.AddLanes(count * lanes_);
    exit.resize(tests_.lanes(), 0);
    links.resize(links.size() + count, 0);
  }

  // Recurses at most kBlockDepthMax deep. A leaf above the last level leads left all the way down.
  void Fill(const Open& block, int64_t node, size_t position, int level) {
    const bool leaf = forest_.IsLeaf(node);
    if (level == depth_) {
      const size_t e = position - lanes_, at = block.block * lanes_ + e;
      if (leaf) {
        exit[at] = LeafBits(forest_, node);
        return;
      }
      const auto next = static_cast<int32_t>(links.size());
      exit[at] = static_cast<uint64_t>(next);
      links[block.block] |= uint64_t{1} << e;
      linked = true;
      AddBlocks(1);
      open_.push_back({block.root, node, next});
      return;
    }
    if (leaf) return Fill(block, node, 2 * position, level + 1);
    tests_.Place(forest_, node, block.block * lanes_ + position);
    Fill(block, block.root + forest_.left[node], 2 * position, level + 1);
    Fill(block, block.root + forest_.right[node], 2 * position + 1, level + 1);
  }

  const Forest& forest_;
  NodeTestTable& tests_;
  const int depth_;
  const size_t lanes_;
  std::vector<Open> open_;
};

class RankNodesEngine final : public Engine {
 public:
  RankNodesEngine(const Forest& forest, NodeTestTable tests, int depth, const BlockCutter& cut)
      : features_(forest.features),
        base_(forest.base),
        output_begin_(forest.output_begin),
        tests_(std::move(tests)),
        exit_(PackExits(forest, cut.exit)),
        links_(cut.links) {
    const LeafSums sums{forest.outputs, forest.sums == Precision::kFloat64, base_.data(), output_begin_.data()};
    blocks_ = {tests_.view(), sums, depth, cut.linked, exit_.data(), links_.data()};
  }

  std::string_view name() const override { return "rank-nodes"; }
  int64_t memory_bytes() const override { return tests_.memory_bytes() + exit_.bytes() + static_cast<int64_t>(links_.size() * 8); }
  size_t scratch_bytes() const override { return 0; }
  void Score(const void* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte*, void* sums) const override {
    ScoreNodeBlocks(blocks_, rows, n, static_cast<size_t>(features_), tree_ends.data(), sums);
  }

 private:
  const int32_t features_;
  const std::vector<double> base_;
  const std::vector<int32_t> output_begin_;
  const NodeTestTable tests_;
  const AlignedBytes exit_;
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
  VIGIL_ASSIGN_OR_RETURN(NodeTestTable tests, NodeTestTable::Make(forest));
  const int depth = BlockDepth(forest.depth);
  BlockCutter cut(forest, &tests, depth);
  if (!cut.Cut())
    return absl::FailedPreconditionError(Cat("trees this deep and sparse need more than ", kBytesMax >> 20, " MiB of blocks"));
  VIGIL_RETURN_IF_ERROR(tests.Finish(forest));
  return std::make_unique<RankNodesEngine>(forest, std::move(tests), depth, cut);
}

}  // namespace vigil::trees
