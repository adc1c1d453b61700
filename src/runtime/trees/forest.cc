#include "runtime/trees/forest.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "base/text.h"
#include "runtime/cat.h"

namespace vigil::trees {
namespace {

constexpr int64_t kTreeNodesMax = int64_t{1} << 30;

bool IsIntegerIn(double value, double low, double high) { return value >= low && value <= high && value == std::floor(value); }

// Node and feature numbers, in full.
std::string IndexText(double value) { return IsIntegerIn(value, -9e15, 9e15) ? Cat(static_cast<int64_t>(value)) : NumberText(value); }

template <typename T>
int64_t VectorBytes(const std::vector<T>& v) {
  return static_cast<int64_t>(v.capacity() * sizeof(T));
}

}  // namespace

int64_t Forest::memory_bytes() const {
  return VectorBytes(base) + VectorBytes(output_begin) + VectorBytes(tree_round) + VectorBytes(tree_source) + VectorBytes(node_begin) +
         VectorBytes(left) + VectorBytes(right) + VectorBytes(feature) + VectorBytes(value) + VectorBytes(default_left);
}

void Forest::TreeEnds(int64_t rounds_used, absl::Span<int32_t> ends) const {
  for (int32_t o = 0; o < outputs; ++o) {
    const auto begin = tree_round.begin() + output_begin[o], end = tree_round.begin() + output_begin[o + 1];
    const auto stop = rounds_used <= 0 || rounds_used >= rounds ? end : std::lower_bound(begin, end, static_cast<int32_t>(rounds_used));
    ends[o] = static_cast<int32_t>(stop - tree_round.begin());
  }
}

ForestBuilder::ForestBuilder(int32_t features, std::vector<float> base) {
  file_order_.features = features;
  file_order_.outputs = static_cast<int32_t>(base.size());
  file_order_.base = std::move(base);
  file_order_.node_begin.push_back(0);
}

Status ForestBuilder::AddTree(const TreeArrays& tree, int32_t output, int32_t round) {
  const size_t nodes = tree.left.size();
  const std::pair<const char*, size_t> lengths[] = {{"right children", tree.right.size()},
                                                    {"split features", tree.feature.size()},
                                                    {"split conditions", tree.value.size()},
                                                    {"default directions", tree.default_left.size()}};
  for (const auto& [what, length] : lengths) {
    if (length != nodes) return absl::InvalidArgumentError(Cat(length, " ", what, " for ", nodes, " left children"));
  }
  if (nodes == 0) return absl::InvalidArgumentError("a tree without nodes");
  if (static_cast<int64_t>(nodes) > kTreeNodesMax) return absl::InvalidArgumentError(Cat("a tree of ", nodes, " nodes"));
  if (output < 0 || output >= file_order_.outputs) {
    return absl::InvalidArgumentError(Cat("it belongs to output ", output, " of ", file_order_.outputs));
  }
  Forest& f = file_order_;
  const size_t begin = f.left.size();
  f.left.resize(begin + nodes, -1);
  f.right.resize(begin + nodes, -1);
  f.feature.resize(begin + nodes, 0);
  f.value.resize(begin + nodes, 0);
  f.default_left.resize(begin + nodes, 0);
  VIGIL_RETURN_IF_ERROR(CopyReachable(tree, begin));
  f.node_begin.push_back(static_cast<int64_t>(f.left.size()));
  f.tree_round.push_back(round);
  tree_output_.push_back(output);
  return absl::OkStatus();
}

Status ForestBuilder::CopyReachable(const TreeArrays& tree, size_t begin) {
  Forest& f = file_order_;
  const double last = static_cast<double>(tree.left.size()) - 1;
  pending_.assign(1, 0);
  depth_.assign(tree.left.size(), -1);  // -1: no path has come here
  depth_[0] = 0;
  while (!pending_.empty()) {
    const int32_t n = pending_.back();
    pending_.pop_back();
    const float value = static_cast<float>(tree.value[n]);
    if (tree.left[n] == -1) {
      if (!std::isfinite(value)) return absl::InvalidArgumentError(Cat("node ", n, ": a leaf of ", NumberText(value)));
      f.value[begin + n] = value;
      f.depth = std::max(f.depth, depth_[n]);
      continue;
    }
    if (std::isnan(value)) return absl::InvalidArgumentError(Cat("node ", n, ": a split condition that is not a number"));
    if (!IsIntegerIn(tree.feature[n], 0, f.features - 1)) {
      return absl::InvalidArgumentError(
          Cat("node ", n, ": a split on feature ", IndexText(tree.feature[n]), " of a model with ", f.features));
    }
    for (const double child : {tree.left[n], tree.right[n]}) {
      if (!IsIntegerIn(child, 0, last)) {
        return absl::InvalidArgumentError(Cat("node ", n, ": child ", IndexText(child), " of ", tree.left.size(), " nodes"));
      }
      int32_t& depth = depth_[static_cast<size_t>(child)];
      if (depth >= 0)
        return absl::InvalidArgumentError(Cat("node ", n, ": child ", IndexText(child), " has another parent or is its own ancestor"));
      depth = depth_[n] + 1;
      pending_.push_back(static_cast<int32_t>(child));
    }
    f.left[begin + n] = static_cast<int32_t>(tree.left[n]);
    f.right[begin + n] = static_cast<int32_t>(tree.right[n]);
    f.feature[begin + n] = static_cast<int32_t>(tree.feature[n]);
    f.value[begin + n] = value;
    f.default_left[begin + n] = tree.default_left[n] != 0;
  }
  return absl::OkStatus();
}

Forest ForestBuilder::Finish(int32_t rounds) {
  Forest& from = file_order_;
  const int32_t trees = from.trees();
  std::vector<int32_t> order(trees);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [this](int32_t a, int32_t b) { return tree_output_[a] < tree_output_[b]; });

  Forest to;
  to.features = from.features;
  to.outputs = from.outputs;
  to.rounds = rounds;
  to.depth = from.depth;
  to.base = from.base;
  to.output_begin.assign(to.outputs + 1, 0);
  for (int32_t output : tree_output_) ++to.output_begin[output + 1];
  std::partial_sum(to.output_begin.begin(), to.output_begin.end(), to.output_begin.begin());
  to.node_begin.push_back(0);
  const size_t nodes = from.left.size();
  to.left.reserve(nodes);
  to.right.reserve(nodes);
  to.feature.reserve(nodes);
  to.value.reserve(nodes);
  to.default_left.reserve(nodes);
  const auto append = [](auto& target, const auto& source, int64_t begin, int64_t end) {
    target.insert(target.end(), source.begin() + begin, source.begin() + end);
  };
  for (const int32_t t : order) {
    const int64_t begin = from.node_begin[t], end = from.node_begin[t + 1];
    append(to.left, from.left, begin, end);
    append(to.right, from.right, begin, end);
    append(to.feature, from.feature, begin, end);
    append(to.value, from.value, begin, end);
    append(to.default_left, from.default_left, begin, end);
    to.node_begin.push_back(static_cast<int64_t>(to.left.size()));
    to.tree_round.push_back(from.tree_round[t]);
    to.tree_source.push_back(t);
  }
  return to;
}

}  // namespace vigil::trees
