// Nodes of 16 bytes with children side by side, and leaves that lead to themselves: eight trees take the same number of steps together,
// without a branch, so that the processor works on eight chains of loads at once.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "runtime/cat.h"
#include "runtime/trees/engine.h"

namespace vigil::trees {
namespace {

constexpr int32_t kWide = 8;
constexpr uint32_t kDefaultRight = uint32_t{1} << 31;
constexpr uint32_t kOnSet = uint32_t{1} << 30;

template <typename Input>
struct alignas(16) Node {
  Input threshold;   // NaN at a leaf: no comparison is true, so the walk stays
  uint32_t feature;  // and the flags above
  int32_t left;      // absolute; the right child follows it. At a leaf the leaf itself
};

template <typename Input, typename Sum>
class FloatEngine final : public Engine {
 public:
  explicit FloatEngine(const Forest& forest)
      : forest_(forest), features_(forest.features), outputs_(forest.outputs), output_begin_(forest.output_begin) {
    for (const double base : forest.base) base_.push_back(static_cast<Sum>(base));
    converts_ = std::any_of(forest.missing.begin(), forest.missing.end(), [](Missing kind) { return kind != Missing::kNan; });
    on_sets_ = !forest.set.empty();
    linear_ = !forest.linear.empty();
    nodes_.reserve(forest.left.size());
    for (int32_t t = 0; t < forest.trees(); ++t) AddTree(forest, t);
  }

  std::string_view name() const override { return "float-interleaved"; }
  int64_t memory_bytes() const override {
    return static_cast<int64_t>(nodes_.capacity() * sizeof(nodes_[0]) + value_.capacity() * sizeof(Sum) + root_.capacity() * 8 +
                                source_.capacity() * sizeof(int64_t));
  }
  size_t scratch_bytes() const override { return converts_ ? features_ * sizeof(Input) : 0; }

  void Score(const void* rows, size_t n, absl::Span<const int32_t> tree_ends, std::byte* scratch, void* sums) const override {
    const Input* row = static_cast<const Input*>(rows);
    Sum* out = static_cast<Sum*>(sums);
    for (size_t r = 0; r < n; ++r, row += features_, out += outputs_) {
      const Input* read = converts_ ? Convert(row, reinterpret_cast<Input*>(scratch)) : row;
      if (on_sets_) {
        ScoreRow<true, true>(read, row, tree_ends, out);
        continue;
      }
      const bool missing = std::any_of(read, read + features_, [](Input x) { return std::isnan(x); });
      missing ? ScoreRow<true, false>(read, row, tree_ends, out) : ScoreRow<false, false>(read, row, tree_ends, out);
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
      if (on_sets_ || linear_) source_.push_back(n);
      if (forest.IsLeaf(n)) {
        nodes_.push_back({std::numeric_limits<Input>::quiet_NaN(), 0, root + static_cast<int32_t>(i)});
        value_.push_back(static_cast<Sum>(forest.value[n]));
        continue;
      }
      uint32_t flags = forest.default_left[n] != 0 ? 0 : kDefaultRight;
      if (forest.IsSet(n)) flags |= kOnSet;
      nodes_.push_back({static_cast<Input>(forest.value[n]), static_cast<uint32_t>(forest.feature[n]) | flags,
                        root + static_cast<int32_t>(queue.size())});
      value_.push_back(0);
      queue.push_back(forest.left[n]);
      queue.push_back(forest.right[n]);
      level.insert(level.end(), 2, level[i] + 1);
    }
    root_.push_back(root);
    depth_.push_back(depth);
  }

  const Input* Convert(const Input* row, Input* read) const {
    for (int32_t f = 0; f < features_; ++f) read[f] = ReadValue(row[f], forest_.missing[f]);
    return read;
  }

  template <bool kMissing, bool kSets>
  int32_t Step(int32_t at, const Input* read, const Input* row) const {
    const Node<Input>& node = nodes_[at];
    const uint32_t feature = node.feature & ~(kDefaultRight | kOnSet);
    if (kSets && (node.feature & kOnSet) != 0) return node.left + (forest_.GoesLeft(source_[at], row[feature]) ? 0 : 1);
    const Input x = read[feature];
    bool right = x >= node.threshold;
    if constexpr (kMissing) right |= std::isnan(x) & (node.feature >> 31);
    return node.left + static_cast<int32_t>(right);
  }

  Sum Leaf(int32_t at, const Input* row) const { return linear_ ? static_cast<Sum>(forest_.LeafValue(source_[at], row)) : value_[at]; }

  // `row` as it came; `read` with its values as comparisons take them.
  template <bool kMissing, bool kSets>
  void ScoreRow(const Input* read, const Input* row, absl::Span<const int32_t> tree_ends, Sum* sums) const {
    for (int32_t o = 0; o < outputs_; ++o) {
      Sum sum = base_[o];
      int32_t t = output_begin_[o];
      for (; t + kWide <= tree_ends[o]; t += kWide) {
        int32_t at[kWide];
        std::copy_n(root_.data() + t, kWide, at);
        const int32_t steps = *std::max_element(depth_.data() + t, depth_.data() + t + kWide);
        for (int32_t s = 0; s < steps; ++s) {
#pragma GCC unroll 8
          for (int32_t& n : at) n = Step<kMissing, kSets>(n, read, row);
        }
        for (const int32_t n : at) sum += Leaf(n, row);
      }
      for (; t < tree_ends[o]; ++t) {
        int32_t n = root_[t];
        for (int32_t s = 0; s < depth_[t]; ++s) n = Step<kMissing, kSets>(n, read, row);
        sum += Leaf(n, row);
      }
      sums[o] = sum;
    }
  }

  const Forest& forest_;  // for sets, linear leaves and missing kinds
  const int32_t features_, outputs_;
  const std::vector<int32_t> output_begin_;
  std::vector<Sum> base_;
  bool converts_ = false, on_sets_ = false, linear_ = false;
  std::vector<Node<Input>> nodes_;
  std::vector<Sum> value_;       // of leaves
  std::vector<int64_t> source_;  // nodes in the forest, where they are asked for
  std::vector<int32_t> root_, depth_;
};

}  // namespace

StatusOr<std::unique_ptr<Engine>> MakeFloatEngine(const Forest& forest) {
  if (forest.left.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()) / 2) {
    return absl::FailedPreconditionError(Cat(forest.left.size(), " nodes are more than 32 bits address"));
  }
  if (!forest.node_missing.empty()) return absl::FailedPreconditionError("splits on one feature differ in what is missing");
  const bool doubles = forest.inputs == Precision::kFloat64, wide = forest.sums == Precision::kFloat64;
  if (doubles && wide) return std::make_unique<FloatEngine<double, double>>(forest);
  if (doubles) return std::make_unique<FloatEngine<double, float>>(forest);
  if (wide) return std::make_unique<FloatEngine<float, double>>(forest);
  return std::make_unique<FloatEngine<float, float>>(forest);
}

}  // namespace vigil::trees
