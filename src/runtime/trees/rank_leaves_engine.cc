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

// Cuts trees into blocks of up to lanes - 1 splits; see LeafBlocks.
class LeafCutter {
 public:
  LeafCutter(const Forest& forest, NodeTestTable* tests, size_t lanes) : forest_(forest), tests_(*tests), lanes_(lanes) {}

  // False when the blocks would take more than kBytesMax.
  bool Cut() {
    AddBlocks(forest_.trees());
    for (int32_t t = 0; t < forest_.trees(); ++t) {
      open_.push_back({forest_.node_begin[t], forest_.node_begin[t], static_cast<size_t>(t)});
      while (!open_.empty()) {
        const Open block = open_.back();
        open_.pop_back();
        Choose(block);
        exits_ = 0;
        Fill(block, block.node, 0, 0);
        if (static_cast<int64_t>(path.size() * (10 + lanes_ / 4)) > kBytesMax) return false;
      }
    }
    return true;
  }

  std::vector<uint64_t> path, turn, exit, links;
  bool linked = false;

 private:
  struct Open {
    int64_t root;  // of the tree
    int64_t node;  // the block's first
    size_t block;
  };

  void AddBlocks(size_t count) {
    tests_.AddLanes(count * lanes_);
    const uint64_t unused = uint64_t{1} << (lanes_ - 1);
    path.resize(tests_.lanes(), unused);
    turn.resize(tests_.lanes(), unused);
    exit.resize(tests_.lanes(), 0);
    links.resize(links.size() + count, 0);
  }

  // The splits of a block, the nearest to its first node, in `chosen_`; each one's lane is its place there.
  void Choose(const Open& block) {
    chosen_.clear();
    if (forest_.IsLeaf(block.node)) return;
    chosen_.push_back(block.node);
    for (size_t i = 0; i < chosen_.size(); ++i) {
      for (const int32_t child : {forest_.left[chosen_[i]], forest_.right[chosen_[i]]}) {
        if (chosen_.size() + 1 < lanes_ && !forest_.IsLeaf(block.root + child)) chosen_.push_back(block.root + child);
      }
    }
    for (size_t lane = 0; lane < chosen_.size(); ++lane) tests_.Place(forest_, chosen_[lane], block.block * lanes_ + lane);
  }

  // Follows chosen splits down; recurses at most lanes - 1 deep.
  void Fill(const Open& block, int64_t node, uint64_t node_path, uint64_t node_turn) {
    const auto chosen = std::find(chosen_.begin(), chosen_.end(), node);
    if (chosen == chosen_.end()) return AddExit(block, node, node_path, node_turn);
    const uint64_t bit = uint64_t{1} << (chosen - chosen_.begin());
    Fill(block, block.root + forest_.left[node], node_path | bit, node_turn);
    Fill(block, block.root + forest_.right[node], node_path | bit, node_turn | bit);
  }

  void AddExit(const Open& block, int64_t node, uint64_t node_path, uint64_t node_turn) {
    const size_t e = exits_++, at = block.block * lanes_ + e;
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
    open_.push_back({block.root, node, next});
  }

  const Forest& forest_;
  NodeTestTable& tests_;
  const size_t lanes_;
  std::vector<Open> open_;
  std::vector<int64_t> chosen_;
  size_t exits_ = 0;  // of the block being filled
};

AlignedBytes PackWords(const std::vector<uint64_t>& words, size_t lanes) {
  AlignedBytes packed(words.size() * lanes / 8);
  for (size_t i = 0; i < words.size(); ++i) {
    for (size_t byte = 0; byte < lanes / 8; ++byte) packed[i * lanes / 8 + byte] = static_cast<std::byte>(words[i] >> (8 * byte));
  }
  return packed;
}

class RankLeavesEngine final : public Engine {
 public:
  RankLeavesEngine(const Forest& forest, NodeTestTable tests, size_t lanes, const LeafCutter& cut)
      : features_(forest.features),
        base_(forest.base),
        output_begin_(forest.output_begin),
        tests_(std::move(tests)),
        path_(PackWords(cut.path, lanes)),
        turn_(PackWords(cut.turn, lanes)),
        exit_(PackExits(forest, cut.exit)),
        links_(cut.links) {
    const LeafSums sums{forest.outputs, forest.sums == Precision::kFloat64, base_.data(), output_begin_.data()};
    blocks_ = {tests_.view(), sums, lanes, cut.linked, path_.data(), turn_.data(), exit_.data(), links_.data()};
  }

  std::string_view name() const override { return "rank-leaves"; }
  std::string description() const override {
    return Cat("blocks of up to ", blocks_.lanes, " leaves", blocks_.linked ? ", linked where trees have more" : "");
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
  const AlignedBytes path_, turn_, exit_;
  const std::vector<uint64_t> links_;
  LeafBlocks blocks_;
};

// Leaves of the tree that has the most, or a number above `enough`.
int64_t LeavesMax(const Forest& forest, int64_t enough) {
  int64_t most = 0;
  for (int32_t t = 0; t < forest.trees() && most <= enough; ++t) {
    int64_t splits = 0;
    for (int64_t n = forest.node_begin[t]; n < forest.node_begin[t + 1]; ++n) splits += forest.IsLeaf(n) ? 0 : 1;
    most = std::max(most, splits + 1);
  }
  return most;
}

}  // namespace

StatusOr<std::unique_ptr<Engine>> MakeRankLeavesEngine(const Forest& forest) {
  VIGIL_ASSIGN_OR_RETURN(NodeTestTable tests, NodeTestTable::Make(forest));
  const size_t lanes = LeavesMax(forest, 32) <= 32 ? 32 : 64;
  LeafCutter cut(forest, &tests, lanes);
  if (!cut.Cut()) return absl::FailedPreconditionError(Cat("its blocks need more than ", kBytesMax >> 20, " MiB"));
  VIGIL_RETURN_IF_ERROR(tests.Finish(forest));
  return std::make_unique<RankLeavesEngine>(forest, std::move(tests), lanes, cut);
}

}  // namespace vigil::trees
