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

constexpr int64_t kBytesMax = int64_t{512} << 20;

// Cuts trees into blocks of up to kLeafLanes - 1 splits; see LeafBlocks.
class LeafCutter {
 public:
  LeafCutter(const Forest& forest, NodeTestTable* tests) : forest_(forest), tests_(*tests) {}

  // False when the blocks would take more than kBytesMax.
  bool Cut() {
    AddBlocks(forest_.trees());
    for (int32_t t = 0; t < forest_.trees(); ++t) {
      ChooseTops(t);
      open_.push_back({forest_.node_begin[t], static_cast<size_t>(t)});
      while (!open_.empty()) {
        const Open block = open_.back();
        open_.pop_back();
        splits_ = exits_ = 0;
        Fill(block, block.node, 0, 0);
        if (static_cast<int64_t>(path.size() * 18) > kBytesMax) return false;
      }
    }
    return true;
  }

  std::vector<uint32_t> path, turn;
  std::vector<uint64_t> exit, links;
  bool linked = false;

 private:
  struct Open {
    int64_t node;  // the block's first
    size_t block;
  };

  void AddBlocks(size_t count) {
    tests_.AddLanes(count * kLeafLanes);
    const uint32_t unused = uint32_t{1} << (kLeafLanes - 1);
    path.resize(tests_.lanes(), unused);
    turn.resize(tests_.lanes(), unused);
    exit.resize(tests_.lanes(), 0);
    links.resize(links.size() + count, 0);
  }

  // Where a tree's blocks begin, from the leaves up: a subtree that would make its parent's block too large becomes a block of its own, the
  // larger of two first. Blocks near the leaves, which are most of them, are thus full.
  void ChooseTops(int32_t tree) {
    root_ = forest_.node_begin[tree];
    const auto nodes = static_cast<size_t>(forest_.node_begin[tree + 1] - root_);
    size_.assign(nodes, 0);
    is_top_.assign(nodes, 0);
    order_.assign(1, 0);
    for (size_t i = 0; i < order_.size(); ++i) {
      const int64_t n = root_ + order_[i];
      if (!forest_.IsLeaf(n)) order_.insert(order_.end(), {forest_.left[n], forest_.right[n]});
    }
    for (size_t i = order_.size(); i-- > 0;) {
      const int32_t n = order_[i];
      if (forest_.IsLeaf(root_ + n)) continue;
      int32_t larger = forest_.left[root_ + n], smaller = forest_.right[root_ + n];
      if (size_[larger] < size_[smaller]) std::swap(larger, smaller);
      for (const int32_t child : {larger, smaller}) {
        if (1 + size_[larger] + size_[smaller] < kLeafLanes) break;
        is_top_[child] = 1;
        size_[child] = 0;
      }
      size_[n] = 1 + size_[larger] + size_[smaller];
    }
  }

  // Takes a block's splits in, in the order it meets them; recurses at most kLeafLanes - 1 deep.
  void Fill(const Open& block, int64_t node, uint32_t node_path, uint32_t node_turn) {
    if (forest_.IsLeaf(node) || (node != block.node && is_top_[node - root_] != 0)) return AddExit(block, node, node_path, node_turn);
    const size_t lane = splits_++;
    tests_.Place(forest_, node, block.block * kLeafLanes + lane);
    const uint32_t bit = uint32_t{1} << lane;
    Fill(block, root_ + forest_.left[node], node_path | bit, node_turn);
    Fill(block, root_ + forest_.right[node], node_path | bit, node_turn | bit);
  }

  void AddExit(const Open& block, int64_t node, uint32_t node_path, uint32_t node_turn) {
    const size_t e = exits_++, at = block.block * kLeafLanes + e;
    path[at] = node_path;
    turn[at] = node_turn;
    if (forest_.IsLeaf(node)) {
      exit[at] = LeafBits(forest_, node);
      return;
    }
    const size_t next = links.size();
    exit[at] = next;
    links[block.block] |= uint64_t{1} << e;
    linked = true;
    AddBlocks(1);
    open_.push_back({node, next});
  }

  const Forest& forest_;
  NodeTestTable& tests_;
  std::vector<Open> open_;
  // Of the tree being cut.
  int64_t root_ = 0;
  std::vector<int32_t> order_;  // its nodes, parents first
  std::vector<size_t> size_;    // splits below a node and with it, as far as its block goes
  std::vector<uint8_t> is_top_;
  size_t splits_ = 0, exits_ = 0;  // of the block being filled
};

class RankLeavesEngine final : public Engine {
 public:
  RankLeavesEngine(const Forest& forest, NodeTestTable tests, const LeafCutter& cut)
      : features_(forest.features),
        base_(forest.base),
        output_begin_(forest.output_begin),
        tests_(std::move(tests)),
        path_(AlignedCopy(cut.path)),
        turn_(AlignedCopy(cut.turn)),
        exit_(PackExits(forest, cut.exit)),
        links_(cut.links) {
    const LeafSums sums{forest.outputs, forest.sums == Precision::kFloat64, base_.data(), output_begin_.data()};
    blocks_ = {tests_.view(), sums, cut.linked, path_.data(), turn_.data(), exit_.data(), links_.data()};
  }

  std::string_view name() const override { return "rank-leaves"; }
  std::string description() const override {
    return Cat("blocks of up to ", kLeafLanes, " leaves", blocks_.linked ? ", linked where trees have more" : "");
  }
  int64_t memory_bytes() const override {
    return tests_.memory_bytes() + path_.bytes() + turn_.bytes() + exit_.bytes() + static_cast<int64_t>(links_.size() * 8);
  }
  size_t scratch_bytes() const override { return 0; }
  void Score(const void* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte*, void* sums) const override {
    ScoreLeafBlocks(blocks_, rows, n, static_cast<size_t>(features_), tree_ends.data(), sums);
  }

 private:
  const int32_t features_;
  const std::vector<double> base_;
  const std::vector<int32_t> output_begin_;
  const NodeTestTable tests_;
  const AlignedArray<uint32_t> path_, turn_;
  const AlignedBytes exit_;
  const std::vector<uint64_t> links_;
  LeafBlocks blocks_;
};

}  // namespace

StatusOr<std::unique_ptr<Engine>> MakeRankLeavesEngine(const Forest& forest) {
  VIGIL_ASSIGN_OR_RETURN(NodeTestTable tests, NodeTestTable::Make(forest));
  LeafCutter cut(forest, &tests);
  if (!cut.Cut()) return absl::FailedPreconditionError(Cat("its blocks need more than ", kBytesMax >> 20, " MiB"));
  VIGIL_RETURN_IF_ERROR(tests.Finish(forest));
  return std::make_unique<RankLeavesEngine>(forest, std::move(tests), cut);
}

}  // namespace vigil::trees
