// What a format's reader says of its trees, and the builder that makes a Forest of it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "runtime/trees/forest.h"

namespace vigil::trees {

// A numeric split sends x left where x stands so to its threshold. The builder turns every one into kLess.
enum class Comparison : uint8_t { kLess, kLessEqual, kGreater, kGreaterEqual };

// Which values of a row are in a set, given its members.
enum class SetReading : uint8_t {
  kExact,                // x equals a member, which may be any number (ONNX BRANCH_EQ, one-hot)
  kTruncated,            // x without its fraction equals a member >= 0: -0.5 reads as 0 (LightGBM)
  kTruncatedFromZeroOn,  // the same, but nothing below 0 is in any set (XGBoost)
};

// One tree as a file describes it. The first five are all of one length, one entry a node; node 0 is the root.
struct TreeArrays {
  absl::Span<const double> left, right;  // children; left -1: a leaf
  absl::Span<const double> feature;
  absl::Span<const double> value;         // a numeric split's threshold, a leaf's value (rounded to float32 where the forest says so)
  absl::Span<const double> default_left;  // where a missing value goes: not 0: to the left child, as the file numbers them

  // What only some formats have: empty, or one entry a node.
  absl::Span<const Comparison> comparison;  // empty: all are `every_comparison`
  Comparison every_comparison = Comparison::kLess;
  absl::Span<const Missing> missing;  // of numeric splits; empty: all are `every_missing`
  Missing every_missing = Missing::kNan;
  absl::Span<const int32_t> set;          // -1: a numeric split; else what AddSet gave
  absl::Span<const int32_t> leaf_number;  // of leaves: their numbers in the file; empty: the nodes' own
  absl::Span<const double> cover;         // empty: unknown

  // Vector leaves: a leaf's `value` is the number of its vector; vectors are of one value an output, one after the other.
  absl::Span<const double> leaf_vectors;

  // Linear leaves: one entry a node (only leaves' are looked at); empty: none are linear. Where a term's value is NaN the leaf is `value`.
  struct Linear {
    double constant = 0;
    absl::Span<const int32_t> feature;
    absl::Span<const double> coefficient;
  };
  absl::Span<const Linear> linear;
};

inline constexpr int32_t kEveryOutput = -1;  // the output of a tree with vector leaves

// Takes trees in the model's order; refuses what a walk could not survive: arrays of different lengths, children out of range, cycles
// and shared children, features out of range, thresholds that are NaN, leaves that are not finite. Nodes that no path reaches (XGBoost
// keeps pruned ones) are not judged and never walked. Errors are INVALID_ARGUMENT and name the node.
//
//   ForestBuilder builder(features, base);           // float32 rows and sums unless said:
//   builder.SetPrecision(Precision::kFloat64, Precision::kFloat64);
//   ... builder.AddSet(...); builder.AddTree(...);
//   Forest forest = builder.Finish(rounds);          // then forest.average, scale and bias may be set
class ForestBuilder {
 public:
  // `base`: where each output's sum starts.
  ForestBuilder(int32_t features, std::vector<double> base);
  // Before the first AddSet and AddTree.
  void SetPrecision(Precision inputs, Precision sums);
  // A set for TreeArrays::set. x goes left if the set holds it, or, with `holds_left` false, if it does not. Equal calls give equal
  // numbers. INVALID_ARGUMENT: a member that is no number, or below 0 or fractional where codes are truncated.
  StatusOr<int32_t> AddSet(absl::Span<const double> members, SetReading reading, bool holds_left);
  // `output`: kEveryOutput if and only if tree.leaf_vectors is used. DART: `value` is weight * leaf as the model's library computes it.
  Status AddTree(const TreeArrays& tree, int32_t output, int32_t round);
  // `rounds`: how many the model has.
  Forest Finish(int32_t rounds);

 private:
  Status CheckArrays(const TreeArrays& tree, int32_t output) const;
  Status AddTreeOf(const TreeArrays& tree, int32_t output, int32_t round);
  Status CopyReachable(const TreeArrays& tree, size_t begin, int32_t output);
  Status CopyLeaf(const TreeArrays& tree, size_t n, size_t to, int32_t output);
  Status CopySplit(const TreeArrays& tree, size_t n, size_t to);
  Status CopyTest(const TreeArrays& tree, size_t n, size_t to);
  double InputValue(double x) const;  // rounded to the type of inputs
  double Next(double x) const;        // the next greater value of that type
  double NotBelow(double x) const;    // the least value of that type that is >= x
  // Missing kinds a feature, unless a feature's splits differ in theirs.
  static void SettleMissing(Forest* forest);

  Forest file_order_;  // its optional arrays are kept from the start
  int32_t trees_read_ = 0;
  bool covers_known_ = true;                     // so far
  std::map<std::vector<double>, int32_t> sets_;  // by bounds
  std::vector<int32_t> tree_output_;
  std::vector<int32_t> pending_, depth_;  // of the walk
};

}  // namespace vigil::trees
