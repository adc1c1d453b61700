// The one form every tree model is read into, and the truth every engine is checked against: plain arrays, validated once, never
// changed. A row's margin for output o is base[o] plus the reached leaf of each of o's trees, added in order in float32.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"

namespace vigil::trees {

inline constexpr int32_t kFeaturesMax = 1 << 20;
inline constexpr int32_t kOutputsMax = 1 << 16;

struct Forest {
  int32_t features = 0;  // floats a row
  int32_t outputs = 1;   // margins a row
  int32_t rounds = 0;    // boosting rounds
  int32_t depth = 0;     // comparisons on the longest path of any tree

  std::vector<float> base;  // one an output: where its sum starts

  // Trees, grouped by output: those of output o are [output_begin[o], output_begin[o + 1]), in the order the model adds them.
  std::vector<int32_t> output_begin;  // outputs + 1
  std::vector<int32_t> tree_round;    // rising within an output
  std::vector<int32_t> tree_source;   // the tree's number in the file
  std::vector<int64_t> node_begin;    // trees + 1

  // Nodes, a tree's own beside each other and in the file's numbering; the first is the root. Children count from the tree's first node.
  std::vector<int32_t> left;  // -1: a leaf (or a node that no path reaches)
  std::vector<int32_t> right;
  std::vector<int32_t> feature;
  std::vector<float> value;           // a split's threshold, a leaf's value; never NaN. Left where row[feature] < threshold
  std::vector<uint8_t> default_left;  // where a missing value (NaN) goes

  int32_t trees() const { return static_cast<int32_t>(tree_round.size()); }
  int64_t memory_bytes() const;
  // For each output, the end of the trees that belong to the first `rounds` rounds (0: all of them).
  void TreeEnds(int64_t rounds_used, absl::Span<int32_t> ends) const;
};

// One tree as a file describes it; all of one length.
struct TreeArrays {
  absl::Span<const double> left, right, feature, value, default_left;
};

// Takes trees in the model's order; refuses what a walk could not survive: arrays of different lengths, children out of range, cycles
// and shared children, features out of range, thresholds or leaves that are not finite. Nodes that no path reaches (XGBoost keeps pruned
// ones) are not judged and never walked. Errors are INVALID_ARGUMENT and name the node.
class ForestBuilder {
 public:
  ForestBuilder(int32_t features, std::vector<float> base);
  Status AddTree(const TreeArrays& tree, int32_t output, int32_t round);
  // `rounds`: how many the model has.
  Forest Finish(int32_t rounds);

 private:
  Status CopyReachable(const TreeArrays& tree, size_t begin);

  Forest file_order_;
  std::vector<int32_t> tree_output_;
  std::vector<int32_t> pending_, depth_;  // of the walk
};

}  // namespace vigil::trees
