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

constexpr size_t kLevelsMax = 16;
constexpr size_t kLeavesMax = size_t{1} << 27;  // of all trees

bool SameTest(const Forest& forest, int64_t a, int64_t b) {
  return forest.feature[a] == forest.feature[b] && forest.value[a] == forest.value[b] && forest.default_left[a] == forest.default_left[b] &&
         (forest.set.empty() || forest.set[a] == forest.set[b]) &&
         (forest.node_missing.empty() || forest.node_missing[a] == forest.node_missing[b]);
}

// A tree level by level, if every level asks one thing: `splits` has a node of each, `leaves` its 2^levels leaves, that of number b
// reached by going right at level i where bit i of b is set. False if the tree is not so.
bool ReadLevels(const Forest& forest, int32_t tree, std::vector<int64_t>* splits, std::vector<int64_t>* leaves) {
  const int64_t root = forest.node_begin[tree];
  splits->clear();
  leaves->assign(1, root);
  while (!forest.IsLeaf(leaves->front())) {
    if (splits->size() == kLevelsMax) return false;
    const int64_t first = leaves->front();
    const size_t width = leaves->size();
    leaves->resize(2 * width);
    for (size_t i = 0; i < width; ++i) {
      const int64_t node = (*leaves)[i];
      if (forest.IsLeaf(node) || !SameTest(forest, first, node)) return false;
      (*leaves)[i] = root + forest.left[node];
      (*leaves)[width + i] = root + forest.right[node];
    }
    splits->push_back(first);
  }
  return std::all_of(leaves->begin(), leaves->end(), [&](int64_t node) { return forest.IsLeaf(node); });
}

class RankObliviousEngine final : public Engine {
 public:
  RankObliviousEngine(const Forest& forest, NodeTestTable tests, size_t lanes, std::vector<uint32_t> leaf,
                      const std::vector<uint64_t>& values)
      : features_(forest.features),
        base_(forest.base),
        output_begin_(forest.output_begin),
        tests_(std::move(tests)),
        leaf_(std::move(leaf)),
        value_(PackExits(forest, values)) {
    const LeafSums sums{forest.outputs, forest.sums == Precision::kFloat64, base_.data(), output_begin_.data()};
    trees_ = {tests_.view(), sums, lanes, leaf_.data(), value_.data()};
  }

  std::string_view name() const override { return "rank-oblivious"; }
  int64_t memory_bytes() const override { return tests_.memory_bytes() + value_.bytes() + static_cast<int64_t>(leaf_.size() * 4); }
  size_t scratch_bytes() const override { return 0; }
  void Score(const void* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte*, void* sums) const override {
    ScoreObliviousTrees(trees_, rows, n, static_cast<size_t>(features_), tree_ends.data(), sums);
  }

 private:
  const int32_t features_;
  const std::vector<double> base_;
  const std::vector<int32_t> output_begin_;
  const NodeTestTable tests_;
  const std::vector<uint32_t> leaf_;
  const AlignedBytes value_;
  ObliviousTrees trees_;
};

}  // namespace

StatusOr<std::unique_ptr<Engine>> MakeRankObliviousEngine(const Forest& forest) {
  if (forest.depth > static_cast<int32_t>(kLevelsMax)) {
    return absl::FailedPreconditionError(Cat("trees are ", forest.depth, " deep; tables of leaves take up to ", kLevelsMax));
  }
  VIGIL_ASSIGN_OR_RETURN(NodeTestTable tests, NodeTestTable::Make(forest));
  const size_t lanes = forest.depth <= 8 ? 8 : 16;
  tests.AddLanes(forest.trees() * lanes);
  std::vector<uint32_t> leaf;
  std::vector<uint64_t> values;
  std::vector<int64_t> splits, leaves;
  for (int32_t t = 0; t < forest.trees(); ++t) {
    if (!ReadLevels(forest, t, &splits, &leaves)) {
      return absl::FailedPreconditionError(Cat("tree ", forest.tree_source[t], " asks different things on one level"));
    }
    if (values.size() + leaves.size() > kLeavesMax) return absl::FailedPreconditionError(Cat("more than ", kLeavesMax, " leaves"));
    for (size_t level = 0; level < splits.size(); ++level) tests.Place(forest, splits[level], t * lanes + level);
    leaf.push_back(static_cast<uint32_t>(values.size()));
    for (const int64_t node : leaves) values.push_back(LeafBits(forest, node));
  }
  VIGIL_RETURN_IF_ERROR(tests.Finish(forest));
  return std::make_unique<RankObliviousEngine>(forest, std::move(tests), lanes, std::move(leaf), values);
}

}  // namespace vigil::trees
