// Nodes of 16 bytes with children side by side, and leaves that lead to themselves: eight trees take the same number of steps together,
// without a branch, so that the processor works on eight chains of loads at once.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "runtime/cat.h"
#include "runtime/trees/engine.h"

namespace vigil::trees {
namespace {

constexpr int32_t kWide = 8;
constexpr uint32_t kDefaultRight = uint32_t{1} << 31;

struct Node {
  float threshold;   // NaN at a leaf: no comparison is true, so the walk stays
  uint32_t feature;  // and kDefaultRight
  int32_t left;      // absolute; the right child follows it. At a leaf the leaf itself
  float value;       // a leaf's
};

class FloatEngine final : public Engine {
 public:
  explicit FloatEngine(const Forest& forest)
      : features_(forest.features),
        outputs_(forest.outputs),
        base_(forest.base.begin(), forest.base.end()),
        output_begin_(forest.output_begin) {
    nodes_.reserve(forest.left.size());
    for (int32_t t = 0; t < forest.trees(); ++t) AddTree(forest, t);
  }

  std::string_view name() const override { return "float-interleaved"; }
  int64_t memory_bytes() const override { return static_cast<int64_t>(nodes_.capacity() * sizeof(Node) + root_.capacity() * 8); }
  size_t scratch_bytes() const override { return 0; }

  void Score(const void* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte*, void* sums) const override {
    const float* row = static_cast<const float*>(rows);
    float* out = static_cast<float*>(sums);
    for (size_t r = 0; r < n; ++r, row += features_, out += outputs_) {
      const bool missing = std::any_of(row, row + features_, [](float x) { return std::isnan(x); });
      missing ? ScoreRow<true>(row, tree_ends, out) : ScoreRow<false>(row, tree_ends, out);
    }
  }

 private:
  // Breadth first from the root, so that siblings are neighbours.
  void AddTree(const Forest& forest, int32_t tree) {
    const int64_t source_root = forest.node_begin[tree];
    const auto root = static_cast<int32_t>(nodes_.size());
    std::vector<int32_t> queue = {0};
    std::vector<int32_t> level = {0};
    int32_t depth = 0;
    for (size_t i = 0; i < queue.size(); ++i) {
      const int64_t n = source_root + queue[i];
      depth = std::max(depth, level[i]);
      if (forest.left[n] < 0) {
        nodes_.push_back({std::numeric_limits<float>::quiet_NaN(), 0, root + static_cast<int32_t>(i), static_cast<float>(forest.value[n])});
        continue;
      }
      const uint32_t flag = forest.default_left[n] != 0 ? 0 : kDefaultRight;
      nodes_.push_back({static_cast<float>(forest.value[n]), static_cast<uint32_t>(forest.feature[n]) | flag,
                        root + static_cast<int32_t>(queue.size()), 0});
      queue.push_back(forest.left[n]);
      queue.push_back(forest.right[n]);
      level.insert(level.end(), 2, level[i] + 1);
    }
    root_.push_back(root);
    depth_.push_back(depth);
  }

  template <bool kMissing>
  static int32_t Step(const Node& node, const float* row) {
    const float x = row[node.feature & ~kDefaultRight];
    bool right = x >= node.threshold;
    if constexpr (kMissing) right |= std::isnan(x) & (node.feature >> 31);
    return node.left + static_cast<int32_t>(right);
  }

  template <bool kMissing>
  void ScoreRow(const float* row, absl::Span<const int32_t> tree_ends, float* margins) const {
    for (int32_t o = 0; o < outputs_; ++o) {
      float sum = base_[o];
      int32_t t = output_begin_[o];
      for (; t + kWide <= tree_ends[o]; t += kWide) {
        int32_t at[kWide];
        std::copy_n(root_.data() + t, kWide, at);
        const int32_t steps = *std::max_element(depth_.data() + t, depth_.data() + t + kWide);
        for (int32_t s = 0; s < steps; ++s) {
#pragma GCC unroll 8
          for (int32_t& n : at) n = Step<kMissing>(nodes_[n], row);
        }
        for (const int32_t n : at) sum += nodes_[n].value;
      }
      for (; t < tree_ends[o]; ++t) {
        int32_t n = root_[t];
        for (int32_t s = 0; s < depth_[t]; ++s) n = Step<kMissing>(nodes_[n], row);
        sum += nodes_[n].value;
      }
      margins[o] = sum;
    }
  }

  const int32_t features_, outputs_;
  const std::vector<float> base_;
  const std::vector<int32_t> output_begin_;
  std::vector<Node> nodes_;
  std::vector<int32_t> root_, depth_;
};

}  // namespace

StatusOr<std::unique_ptr<Engine>> MakeFloatEngine(const Forest& forest) {
  VIGIL_RETURN_IF_ERROR(RequirePlain(forest));
  if (forest.left.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()) / 2) {
    return absl::FailedPreconditionError(Cat(forest.left.size(), " nodes are more than 32 bits address"));
  }
  return std::make_unique<FloatEngine>(forest);
}

}  // namespace vigil::trees
