#include "runtime/trees/tree_shap.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/cat.h"

namespace vigil::trees {
namespace {

// The share of a split's training weight that went to a child.
double Share(const Forest& forest, int64_t node, int64_t child) {
  return forest.cover[node] > 0 ? forest.cover[child] / forest.cover[node] : 0.5;
}

}  // namespace

Status TreeShap::Check(const Forest& forest) {
  if (forest.depth == 0) return absl::OkStatus();  // constants, or a linear model
  if (!forest.linear.empty()) return absl::FailedPreconditionError("leaves are linear, for which TreeSHAP is not defined");
  if (forest.cover.empty()) {
    return absl::FailedPreconditionError("the file does not say how much training weight passed each node");
  }
  if (forest.depth > kShapDepthMax) {
    return absl::FailedPreconditionError(Cat("trees are ", forest.depth, " deep; contributions are computed to ", kShapDepthMax));
  }
  return absl::OkStatus();
}

TreeShap::TreeShap(const Forest& forest) : forest_(forest), mean_(forest.trees(), 0) {
  const auto depth = static_cast<size_t>(forest.depth);
  steps_.resize((depth + 2) * (depth + 3) / 2);
  std::vector<std::pair<int64_t, double>> open;  // nodes and their shares of the tree's weight
  for (int32_t t = 0; t < forest.trees(); ++t) {
    const int64_t root = forest.node_begin[t];
    open.emplace_back(root, 1.0);
    while (!open.empty()) {
      const auto [node, share] = open.back();
      open.pop_back();
      if (forest.IsLeaf(node)) {
        mean_[t] += share * forest.value[node];
        continue;
      }
      for (const int32_t child : {forest.left[node], forest.right[node]}) {
        open.emplace_back(root + child, share * Share(forest, node, root + child));
      }
    }
  }
}

void TreeShap::Explain(const void* row, absl::Span<const int32_t> tree_ends, int64_t rounds_used, double* out) {
  const auto width = static_cast<size_t>(forest_.features) + 1;
  std::fill_n(out, width * forest_.outputs, 0.0);
  const int64_t rounds = rounds_used > 0 && rounds_used < forest_.rounds ? rounds_used : forest_.rounds;
  const double scale = forest_.scale / static_cast<double>(forest_.average && rounds > 0 ? rounds : 1);
  for (int32_t o = 0; o < forest_.outputs; ++o, out += width) {
    double& bias = out[width - 1];
    bias = forest_.base[o];
    for (int32_t t = forest_.output_begin[o]; t < tree_ends[o]; ++t) {
      const int64_t root = forest_.node_begin[t];
      if (!forest_.linear.empty() && forest_.linear[root] >= 0) {
        forest_.inputs == Precision::kFloat64 ? AddLinearLeaf(static_cast<const double*>(row), root, out)
                                              : AddLinearLeaf(static_cast<const float*>(row), root, out);
        continue;
      }
      bias += mean_[t];
      forest_.inputs == Precision::kFloat64 ? Walk(static_cast<const double*>(row), root, root, steps_.data(), 0, 1, 1, -1, out)
                                            : Walk(static_cast<const float*>(row), root, root, steps_.data(), 0, 1, 1, -1, out);
    }
    for (size_t i = 0; i < width; ++i) out[i] *= scale;
    if (!forest_.bias.empty()) bias += forest_.bias[o];
  }
}

// Of a tree that is one linear leaf: each term is its feature's own.
template <typename T>
void TreeShap::AddLinearLeaf(const T* row, int64_t node, double* out) const {
  const LinearLeaf& leaf = forest_.linear_leaves[forest_.linear[node]];
  const auto missing = [&](int32_t feature) { return std::isnan(row[feature]); };
  double& bias = out[forest_.features];
  if (std::any_of(forest_.term_feature.data() + leaf.begin, forest_.term_feature.data() + leaf.end, missing)) {
    bias += forest_.value[node];
    return;
  }
  bias += leaf.constant;
  for (int64_t i = leaf.begin; i < leaf.end; ++i)
    out[forest_.term_feature[i]] += forest_.term_coefficient[i] * row[forest_.term_feature[i]];
}

// `parent` holds the `length` steps to the node's parent, of which this node's own copy follows. Recurses once a level.
template <typename T>
void TreeShap::Walk(const T* row, int64_t root, int64_t node, Step* parent, size_t length, double zero, double one, int32_t feature,
                    double* out) {
  Step* path = parent + length;
  std::copy_n(parent, length, path);
  Extend(path, length, zero, one, feature);
  if (forest_.IsLeaf(node)) {
    for (size_t i = 1; i <= length; ++i) {
      out[path[i].feature] += UnwoundSum(path, length, i) * (path[i].one - path[i].zero) * forest_.value[node];
    }
    return;
  }
  const int32_t split = forest_.feature[node];
  double split_zero = 1, split_one = 1;
  size_t last = length;
  for (size_t i = 1; i <= length; ++i) {
    if (path[i].feature != split) continue;
    // A feature seen before: its two steps become one.
    split_zero = path[i].zero;
    split_one = path[i].one;
    Unwind(path, length, i);
    --last;
    break;
  }
  const bool left = forest_.GoesLeft(node, row[split]);
  const int64_t taken = root + (left ? forest_.left[node] : forest_.right[node]);
  const int64_t other = root + (left ? forest_.right[node] : forest_.left[node]);
  Walk(row, root, taken, path, last + 1, Share(forest_, node, taken) * split_zero, split_one, split, out);
  Walk(row, root, other, path, last + 1, Share(forest_, node, other) * split_zero, 0, split, out);
}

// Adds a step to a path of `length` steps; in the other two `length` is the place of a path's last step.
void TreeShap::Extend(Step* path, size_t length, double zero, double one, int32_t feature) {
  path[length] = {feature, zero, one, length == 0 ? 1.0 : 0.0};
  const double steps = static_cast<double>(length) + 1;
  for (size_t i = length; i-- > 0;) {
    path[i + 1].weight += one * path[i].weight * (static_cast<double>(i) + 1) / steps;
    path[i].weight = zero * path[i].weight * static_cast<double>(length - i) / steps;
  }
}

void TreeShap::Unwind(Step* path, size_t length, size_t at) {
  const double one = path[at].one, zero = path[at].zero, steps = static_cast<double>(length) + 1;
  double next = path[length].weight;
  for (size_t i = length; i-- > 0;) {
    if (one != 0) {
      const double weight = path[i].weight;
      path[i].weight = next * steps / ((static_cast<double>(i) + 1) * one);
      next = weight - path[i].weight * zero * static_cast<double>(length - i) / steps;
    } else if (zero != 0) {
      path[i].weight = path[i].weight * steps / (zero * static_cast<double>(length - i));
    }
  }
  for (size_t i = at; i < length; ++i) {
    path[i].feature = path[i + 1].feature;
    path[i].zero = path[i + 1].zero;
    path[i].one = path[i + 1].one;
  }
}

double TreeShap::UnwoundSum(const Step* path, size_t length, size_t at) {
  const double one = path[at].one, zero = path[at].zero, steps = static_cast<double>(length) + 1;
  double next = path[length].weight, total = 0;
  for (size_t i = length; i-- > 0;) {
    if (one != 0) {
      const double weight = next * steps / ((static_cast<double>(i) + 1) * one);
      total += weight;
      next = path[i].weight - weight * zero * static_cast<double>(length - i) / steps;
    } else if (zero != 0) {
      total += path[i].weight / zero / (static_cast<double>(length - i) / steps);
    }
  }
  return total;
}

}  // namespace vigil::trees
