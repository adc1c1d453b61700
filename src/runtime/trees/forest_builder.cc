#include "runtime/trees/forest_builder.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "base/text.h"
#include "runtime/cat.h"

namespace vigil::trees {
namespace {

constexpr int64_t kTreeNodesMax = int64_t{1} << 30;
constexpr int64_t kVectorNodesMax = int64_t{1} << 27;  // of all the copies of trees with vector leaves
constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool IsIntegerIn(double value, double low, double high) { return value >= low && value <= high && value == std::floor(value); }

// Node and feature numbers, in full.
std::string IndexText(double value) { return IsIntegerIn(value, -9e15, 9e15) ? Cat(static_cast<int64_t>(value)) : NumberText(value); }

}  // namespace

ForestBuilder::ForestBuilder(int32_t features, std::vector<double> base) {
  file_order_.features = features;
  file_order_.outputs = static_cast<int32_t>(base.size());
  file_order_.base = std::move(base);
  file_order_.node_begin.push_back(0);
  file_order_.set_begin.push_back(0);
}

void ForestBuilder::SetPrecision(Precision inputs, Precision sums) {
  file_order_.inputs = inputs;
  file_order_.sums = sums;
}

double ForestBuilder::InputValue(double x) const { return file_order_.inputs == Precision::kFloat64 ? x : double{static_cast<float>(x)}; }

double ForestBuilder::Next(double x) const {
  if (file_order_.inputs == Precision::kFloat64) return std::nextafter(x, kInfinity);
  return std::nextafter(static_cast<float>(x), std::numeric_limits<float>::infinity());
}

double ForestBuilder::NotBelow(double x) const {
  const double rounded = InputValue(x);
  return rounded < x ? Next(rounded) : rounded;
}

StatusOr<int32_t> ForestBuilder::AddSet(absl::Span<const double> members, SetReading reading, bool holds_left) {
  std::vector<std::pair<double, double>> intervals;  // from, to before
  for (const double member : members) {
    if (std::isnan(member)) return absl::InvalidArgumentError("a set with a member that is not a number");
    if (reading == SetReading::kExact) {
      const double exact = InputValue(member);
      if (exact == member) intervals.emplace_back(exact, Next(exact));  // otherwise no value of the inputs' type is equal to it
      continue;
    }
    if (!IsIntegerIn(member, 0, 9e15)) return absl::InvalidArgumentError(Cat("a set with the code ", IndexText(member)));
    const bool below_zero = member == 0 && reading == SetReading::kTruncated;
    intervals.emplace_back(below_zero ? Next(-1) : NotBelow(member), NotBelow(member + 1));
  }
  std::sort(intervals.begin(), intervals.end());
  std::vector<double> bounds;
  for (const auto& [from, to] : intervals) {
    if (bounds.empty() || from > bounds.back()) {
      bounds.push_back(from);
      bounds.push_back(to);
    } else {
      bounds.back() = std::max(bounds.back(), to);
    }
  }
  if (!bounds.empty() && bounds[bounds.size() - 2] == kInfinity) bounds.pop_back();  // infinity itself: nothing is beyond it
  if (!holds_left) {
    // The complement: one more bound before all values, or one less.
    if (!bounds.empty() && bounds.front() == -kInfinity) {
      bounds.erase(bounds.begin());
    } else {
      bounds.insert(bounds.begin(), -kInfinity);
    }
  }
  const auto [place, is_new] = sets_.emplace(std::move(bounds), static_cast<int32_t>(sets_.size()));
  if (is_new) {
    Forest& f = file_order_;
    f.set_bounds.insert(f.set_bounds.end(), place->first.begin(), place->first.end());
    f.set_begin.push_back(static_cast<int64_t>(f.set_bounds.size()));
  }
  return place->second;
}

Status ForestBuilder::CheckArrays(const TreeArrays& tree, int32_t output) const {
  const size_t nodes = tree.left.size();
  const std::pair<const char*, size_t> lengths[] = {{"right children", tree.right.size()},
                                                    {"split features", tree.feature.size()},
                                                    {"split conditions", tree.value.size()},
                                                    {"default directions", tree.default_left.size()}};
  for (const auto& [what, length] : lengths) {
    if (length != nodes) return absl::InvalidArgumentError(Cat(length, " ", what, " for ", nodes, " left children"));
  }
  const std::pair<const char*, size_t> optional[] = {
      {"comparisons", tree.comparison.size()},   {"missing kinds", tree.missing.size()}, {"sets", tree.set.size()},
      {"leaf numbers", tree.leaf_number.size()}, {"node weights", tree.cover.size()},    {"linear leaves", tree.linear.size()}};
  for (const auto& [what, length] : optional) {
    if (length != 0 && length != nodes) return absl::InvalidArgumentError(Cat(length, " ", what, " for ", nodes, " nodes"));
  }
  if (nodes == 0) return absl::InvalidArgumentError("a tree without nodes");
  if (static_cast<int64_t>(nodes) > kTreeNodesMax) return absl::InvalidArgumentError(Cat("a tree of ", nodes, " nodes"));
  const Forest& f = file_order_;
  if (!tree.leaf_vectors.empty() && output == kEveryOutput) {
    const int64_t copies = static_cast<int64_t>(nodes) * f.outputs;
    if (copies + static_cast<int64_t>(f.left.size()) > kVectorNodesMax) {
      return absl::InvalidArgumentError(Cat("trees with vector leaves of more than ", kVectorNodesMax, " nodes times outputs"));
    }
    return absl::OkStatus();
  }
  if (output < 0 || output >= f.outputs) return absl::InvalidArgumentError(Cat("it belongs to output ", output, " of ", f.outputs));
  return absl::OkStatus();
}

Status ForestBuilder::AddTree(const TreeArrays& tree, int32_t output, int32_t round) {
  VIGIL_RETURN_IF_ERROR(CheckArrays(tree, output));
  if (output != kEveryOutput) {
    VIGIL_RETURN_IF_ERROR(AddTreeOf(tree, output, round));
  } else {
    for (int32_t o = 0; o < file_order_.outputs; ++o) VIGIL_RETURN_IF_ERROR(AddTreeOf(tree, o, round));
  }
  ++trees_read_;
  return absl::OkStatus();
}

Status ForestBuilder::AddTreeOf(const TreeArrays& tree, int32_t output, int32_t round) {
  Forest& f = file_order_;
  const size_t begin = f.left.size(), nodes = tree.left.size();
  const auto grow = [&](auto& array, auto fill) { array.resize(begin + nodes, fill); };
  grow(f.left, -1);
  grow(f.right, -1);
  grow(f.feature, 0);
  grow(f.value, 0.0);
  grow(f.default_left, uint8_t{0});
  grow(f.node_missing, Missing::kNan);
  grow(f.set, -1);
  grow(f.linear, -1);
  if (!tree.leaf_number.empty() || !f.leaf_number.empty()) {
    // Trees before the first with numbers of its own have their nodes'.
    for (size_t t = 0; f.leaf_number.size() < begin; ++t) {
      for (int64_t n = f.node_begin[t]; n < f.node_begin[t + 1]; ++n) f.leaf_number.push_back(static_cast<int32_t>(n - f.node_begin[t]));
    }
    grow(f.leaf_number, 0);
    for (size_t n = 0; n < nodes; ++n) {
      f.leaf_number[begin + n] = tree.leaf_number.empty() ? static_cast<int32_t>(n) : tree.leaf_number[n];
    }
  }
  // Weights are of use only if every tree has them.
  if (tree.cover.empty()) covers_known_ = false;
  if (covers_known_) f.cover.insert(f.cover.end(), tree.cover.begin(), tree.cover.end());
  VIGIL_RETURN_IF_ERROR(CopyReachable(tree, begin, output));
  f.node_begin.push_back(static_cast<int64_t>(f.left.size()));
  f.tree_round.push_back(round);
  f.tree_source.push_back(trees_read_);
  tree_output_.push_back(output);
  return absl::OkStatus();
}

Status ForestBuilder::CopyReachable(const TreeArrays& tree, size_t begin, int32_t output) {
  pending_.assign(1, 0);
  depth_.assign(tree.left.size(), -1);  // -1: no path has come here
  depth_[0] = 0;
  while (!pending_.empty()) {
    const int32_t n = pending_.back();
    pending_.pop_back();
    if (covers_known_) covers_known_ = tree.cover[n] >= 0 && std::isfinite(tree.cover[n]);
    if (tree.left[n] == -1) {
      VIGIL_RETURN_IF_ERROR(CopyLeaf(tree, n, begin + n, output));
      file_order_.depth = std::max(file_order_.depth, depth_[n]);
    } else {
      VIGIL_RETURN_IF_ERROR(CopySplit(tree, n, begin + n));
    }
  }
  return absl::OkStatus();
}

Status ForestBuilder::CopyLeaf(const TreeArrays& tree, size_t n, size_t to, int32_t output) {
  Forest& f = file_order_;
  double value = tree.value[n];
  if (!tree.leaf_vectors.empty()) {
    const double vectors = static_cast<double>(tree.leaf_vectors.size() / f.outputs);
    if (!IsIntegerIn(value, 0, vectors - 1)) {
      return absl::InvalidArgumentError(Cat("node ", n, ": leaf vector ", IndexText(value), " of ", IndexText(vectors)));
    }
    value = tree.leaf_vectors[static_cast<size_t>(value) * f.outputs + output];
  }
  if (f.sums == Precision::kFloat32) value = static_cast<float>(value);
  if (!std::isfinite(value)) return absl::InvalidArgumentError(Cat("node ", n, ": a leaf of ", NumberText(value)));
  f.value[to] = value;
  if (tree.linear.empty()) return absl::OkStatus();

  const TreeArrays::Linear& linear = tree.linear[n];
  if (linear.feature.size() != linear.coefficient.size()) {
    return absl::InvalidArgumentError(
        Cat("node ", n, ": ", linear.coefficient.size(), " coefficients for ", linear.feature.size(), " features"));
  }
  f.linear[to] = static_cast<int32_t>(f.linear_leaves.size());
  const auto first = static_cast<int64_t>(f.term_feature.size());
  f.linear_leaves.push_back({linear.constant, first, first + static_cast<int64_t>(linear.feature.size())});
  bool finite = std::isfinite(linear.constant);
  for (const double coefficient : linear.coefficient) finite &= std::isfinite(coefficient);
  if (!finite) return absl::InvalidArgumentError(Cat("node ", n, ": a linear leaf with a constant or coefficient that is not finite"));
  for (const int32_t feature : linear.feature) {
    if (feature < 0 || feature >= f.features) {
      return absl::InvalidArgumentError(Cat("node ", n, ": a linear leaf on feature ", feature, " of a model with ", f.features));
    }
  }
  f.term_feature.insert(f.term_feature.end(), linear.feature.begin(), linear.feature.end());
  f.term_coefficient.insert(f.term_coefficient.end(), linear.coefficient.begin(), linear.coefficient.end());
  return absl::OkStatus();
}

Status ForestBuilder::CopySplit(const TreeArrays& tree, size_t n, size_t to) {
  Forest& f = file_order_;
  if (!IsIntegerIn(tree.feature[n], 0, f.features - 1)) {
    return absl::InvalidArgumentError(
        Cat("node ", n, ": a split on feature ", IndexText(tree.feature[n]), " of a model with ", f.features));
  }
  for (const double child : {tree.left[n], tree.right[n]}) {
    if (!IsIntegerIn(child, 0, static_cast<double>(tree.left.size()) - 1)) {
      return absl::InvalidArgumentError(Cat("node ", n, ": child ", IndexText(child), " of ", tree.left.size(), " nodes"));
    }
    int32_t& depth = depth_[static_cast<size_t>(child)];
    if (depth >= 0) {
      return absl::InvalidArgumentError(Cat("node ", n, ": child ", IndexText(child), " has another parent or is its own ancestor"));
    }
    depth = depth_[n] + 1;
    pending_.push_back(static_cast<int32_t>(child));
  }
  f.left[to] = static_cast<int32_t>(tree.left[n]);
  f.right[to] = static_cast<int32_t>(tree.right[n]);
  f.feature[to] = static_cast<int32_t>(tree.feature[n]);
  f.default_left[to] = tree.default_left[n] != 0;
  return CopyTest(tree, n, to);
}

Status ForestBuilder::CopyTest(const TreeArrays& tree, size_t n, size_t to) {
  Forest& f = file_order_;
  if (!tree.set.empty() && tree.set[n] >= 0) {
    if (tree.set[n] >= static_cast<int32_t>(sets_.size())) {
      return absl::InvalidArgumentError(Cat("node ", n, ": set ", tree.set[n], " of ", sets_.size()));
    }
    f.set[to] = tree.set[n];
    return absl::OkStatus();
  }
  const double threshold = InputValue(tree.value[n]);
  if (std::isnan(threshold)) return absl::InvalidArgumentError(Cat("node ", n, ": a split condition that is not a number"));
  const Missing missing = tree.missing.empty() ? tree.every_missing : tree.missing[n];
  const Comparison comparison = tree.comparison.empty() ? tree.every_comparison : tree.comparison[n];
  if (comparison == Comparison::kGreater || comparison == Comparison::kGreaterEqual) {
    std::swap(f.left[to], f.right[to]);
    f.default_left[to] = f.default_left[to] == 0;
  }
  f.node_missing[to] = missing;
  const bool or_equal = comparison == Comparison::kLessEqual || comparison == Comparison::kGreater;
  f.value[to] = or_equal ? Next(threshold) : threshold;
  if (or_equal && threshold == kInfinity) {
    // Infinity itself goes left too, which no x < t can say; the set of everything does.
    if (missing == Missing::kZeroOrNan)
      return absl::InvalidArgumentError(Cat("node ", n, ": a threshold of infinity where zero is missing"));
    if (missing == Missing::kNanIsZero) f.default_left[to] = 1;
    f.node_missing[to] = Missing::kNan;
    VIGIL_ASSIGN_OR_RETURN(f.set[to], AddSet({}, SetReading::kExact, false));
  }
  return absl::OkStatus();
}

void ForestBuilder::SettleMissing(Forest* forest) {
  Forest& f = *forest;
  f.missing.assign(f.features, Missing::kNan);
  std::vector<uint8_t> seen(f.features, 0);
  bool mixed = false;
  for (size_t n = 0; n < f.left.size(); ++n) {
    if (f.left[n] < 0 || f.IsSet(static_cast<int64_t>(n))) continue;
    Missing& kind = f.missing[f.feature[n]];
    mixed |= seen[f.feature[n]] != 0 && kind != f.node_missing[n];
    kind = f.node_missing[n];
    seen[f.feature[n]] = 1;
  }
  if (!mixed) f.node_missing = {};
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
  to.inputs = from.inputs;
  to.sums = from.sums;
  to.base = from.base;
  to.output_begin.assign(to.outputs + 1, 0);
  for (int32_t output : tree_output_) ++to.output_begin[output + 1];
  std::partial_sum(to.output_begin.begin(), to.output_begin.end(), to.output_begin.begin());
  to.node_begin.push_back(0);
  for (const int32_t t : order) {
    to.node_begin.push_back(to.node_begin.back() + from.node_begin[t + 1] - from.node_begin[t]);
    to.tree_round.push_back(from.tree_round[t]);
    to.tree_source.push_back(from.tree_source[t]);
  }
  const auto reorder = [&](auto& source, auto& target) {
    target.reserve(source.size());
    for (const int32_t t : order) target.insert(target.end(), source.begin() + from.node_begin[t], source.begin() + from.node_begin[t + 1]);
    source = {};
  };
  reorder(from.left, to.left);
  reorder(from.right, to.right);
  reorder(from.feature, to.feature);
  reorder(from.value, to.value);
  reorder(from.default_left, to.default_left);
  reorder(from.node_missing, to.node_missing);
  if (!sets_.empty()) reorder(from.set, to.set);
  if (!from.linear_leaves.empty()) reorder(from.linear, to.linear);
  if (!from.leaf_number.empty()) reorder(from.leaf_number, to.leaf_number);
  if (covers_known_) reorder(from.cover, to.cover);
  to.set_begin = std::move(from.set_begin);
  to.set_bounds = std::move(from.set_bounds);
  to.linear_leaves = std::move(from.linear_leaves);
  to.term_feature = std::move(from.term_feature);
  to.term_coefficient = std::move(from.term_coefficient);
  SettleMissing(&to);
  return to;
}

}  // namespace vigil::trees
