// The one form every tree model is read into, and the truth every engine is checked against: plain arrays, validated once, never
// changed. See forest_builder.h for how a reader fills it.
//
// A row's sum for output o starts at base[o] and adds the reached leaf of each of o's trees, in order, in the type `sums`. Its margin is
// that sum, divided by the number of rounds used (`average`), times `scale`, plus bias[o], in the same type: FinishMargins.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"

namespace vigil::trees {

inline constexpr int32_t kFeaturesMax = 1 << 20;
inline constexpr int32_t kOutputsMax = 1 << 16;

enum class Precision : uint8_t { kFloat32, kFloat64 };

// Which values take a node's default direction instead of being compared.
enum class Missing : uint8_t {
  kNan,        // NaN
  kNanIsZero,  // none: NaN is compared as 0 (LightGBM's None)
  kZeroOrNan,  // NaN, and values within kZeroMagnitude of 0 (LightGBM's Zero)
};
inline constexpr double kZeroMagnitude = 1e-35f;  // LightGBM's constant, a float

// `x` as a comparison takes it: NaN if it goes the default way.
template <typename T>
T ReadValue(T x, Missing missing) {
  if (missing == Missing::kNan) return x;
  if (missing == Missing::kNanIsZero) return std::isnan(x) ? T{0} : x;
  return std::abs(static_cast<double>(x)) <= kZeroMagnitude ? std::numeric_limits<T>::quiet_NaN() : x;
}

// A leaf that is constant + the sum of coefficient * row[feature], added in order; if any of those values is NaN it is the node's `value`.
struct LinearLeaf {
  double constant = 0;
  int64_t begin = 0, end = 0;  // its terms
};

struct Forest {
  int32_t features = 0;  // values a row
  int32_t outputs = 1;   // margins a row
  int32_t rounds = 0;    // boosting rounds
  int32_t depth = 0;     // comparisons on the longest path of any tree

  Precision inputs = Precision::kFloat32;  // the type a row's values have and are compared in
  Precision sums = Precision::kFloat32;    // the type leaves are added in
  std::vector<double> base;                // one an output
  bool average = false;
  double scale = 1;
  std::vector<double> bias;  // empty (all 0), or one an output

  // Trees, grouped by output: those of output o are [output_begin[o], output_begin[o + 1]), in the order the model adds them. A tree
  // whose leaves are vectors is here once an output, alike but for the leaves' values.
  std::vector<int32_t> output_begin;  // outputs + 1
  std::vector<int32_t> tree_round;    // rising within an output
  std::vector<int32_t> tree_source;   // the tree's number in the file
  std::vector<int64_t> node_begin;    // trees + 1

  // Nodes, a tree's own beside each other and in the reader's numbering; the first is the root. Children count from the tree's first
  // node. A numeric split goes left where x < value; one on a set where the set holds x; a missing x where default_left says.
  std::vector<int32_t> left;  // -1: a leaf (or a node that no path reaches)
  std::vector<int32_t> right;
  std::vector<int32_t> feature;
  std::vector<double> value;          // a split's threshold, a leaf's value; never NaN. With float32 inputs or sums, exactly a float32
  std::vector<uint8_t> default_left;  // where a missing value goes
  std::vector<Missing> missing;       // [features]: what is missing, in numeric splits. For splits on sets it is always NaN
  std::vector<Missing> node_missing;  // one a node, where splits on one feature differ in this; else empty

  // Sets: unions of intervals. Set s is the values x for which the number of its rising bounds that are <= x is odd. Its bounds are
  // set_bounds[set_begin[s]] to set_bounds[set_begin[s + 1] - 1]; all are values of the type `inputs`, the first may be -infinity.
  std::vector<int32_t> set;  // one a node: its set, -1 for a numeric split; empty without sets
  std::vector<int64_t> set_begin;
  std::vector<double> set_bounds;

  // Linear leaves.
  std::vector<int32_t> linear;  // one a node: -1, or its place in linear_leaves; empty without them
  std::vector<LinearLeaf> linear_leaves;
  std::vector<int32_t> term_feature;
  std::vector<double> term_coefficient;

  // Of leaves: their numbers in the file, where these are not the node's own within its tree; else empty.
  std::vector<int32_t> leaf_number;
  // Training weight that passed each node (XGBoost's sum_hessian, LightGBM's counts); empty: the file does not say it for every node.
  std::vector<double> cover;

  int32_t trees() const { return static_cast<int32_t>(tree_round.size()); }
  int64_t memory_bytes() const;
  // For each output, the end of the trees that belong to the first `rounds` rounds (0: all of them).
  void TreeEnds(int64_t rounds_used, absl::Span<int32_t> ends) const;
  bool plain_margins() const { return !average && scale == 1 && bias.empty(); }  // a margin is its sum
  // Sums of rows ([rows][outputs], of the type `sums`) become margins, in place. `rounds_used` as for TreeEnds.
  void FinishMargins(int64_t rounds_used, size_t rows, void* margins) const;

  // The leaf that a row of [features] values reaches.
  template <typename T>
  int64_t Walk(const T* row, int32_t tree) const {
    const int64_t root = node_begin[tree];
    int64_t n = root;
    while (!IsLeaf(n)) n = root + (GoesLeft(n, row[feature[n]]) ? left[n] : right[n]);
    return n;
  }
  // Its number in the file.
  int32_t LeafNumber(int32_t tree, int64_t node) const {
    return leaf_number.empty() ? static_cast<int32_t>(node - node_begin[tree]) : leaf_number[node];
  }

  bool IsLeaf(int64_t node) const { return left[node] < 0; }
  bool IsSet(int64_t node) const { return !set.empty() && set[node] >= 0; }
  // The missing kind of a split.
  Missing MissingOf(int64_t node) const {
    if (IsSet(node)) return Missing::kNan;
    return node_missing.empty() ? missing[feature[node]] : node_missing[node];
  }
  absl::Span<const double> Bounds(int32_t s) const {
    return absl::MakeConstSpan(set_bounds).subspan(static_cast<size_t>(set_begin[s]), static_cast<size_t>(set_begin[s + 1] - set_begin[s]));
  }
  // Does the split at `node` send x (of a row, before ReadValue) left?
  bool GoesLeft(int64_t node, double x) const;
  // The value of the leaf at `node` for a row of [features] values.
  template <typename T>
  double LeafValue(int64_t node, const T* row) const {
    if (linear.empty() || linear[node] < 0) return value[node];
    const LinearLeaf& leaf = linear_leaves[linear[node]];
    double sum = leaf.constant;
    for (int64_t i = leaf.begin; i < leaf.end; ++i) {
      const double x = row[term_feature[i]];
      if (std::isnan(x)) return value[node];
      sum += term_coefficient[i] * x;
    }
    return sum;
  }
};

}  // namespace vigil::trees
