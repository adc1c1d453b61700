// A tree ensemble operator's trees in one form, whichever of ai.onnx.ml's operators holds them: TreeEnsembleRegressor and
// TreeEnsembleClassifier (versions 1 and 3) or TreeEnsemble (version 5). https://onnx.ai/onnx/operators/ (ai.onnx.ml)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/onnx/onnx_file.h"

namespace vigil::onnx {

// How a node's feature value x is held against its split value to take the true branch. The order of these three is version 5's numbering.
enum class NodeMode : uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember, kLeaf };
enum class Aggregate : uint8_t { kAverage, kSum, kMin, kMax };
enum class PostTransform : uint8_t { kNone, kLogistic, kSoftmax, kSoftmaxZero, kProbit };

struct LeafWeight {
  int64_t target = 0;  // output, or class
  double weight = 0;
};

struct TreeEnsemble {
  bool classifier = false;
  bool doubles = false;  // thresholds and weights come as doubles (`*_as_tensor`, or version 5 of doubles)
  int64_t targets = 0;   // outputs, or classes
  std::vector<double> base_values;
  Aggregate aggregate = Aggregate::kSum;
  PostTransform post_transform = PostTransform::kNone;
  std::vector<int64_t> labels;                // of a classifier of integers
  std::vector<std::string_view> text_labels;  // of a classifier of strings

  // Nodes of all trees; a tree's lie beside each other, its root first. Children count within the tree.
  std::vector<int64_t> tree_begin;  // trees + 1
  std::vector<NodeMode> mode;
  std::vector<int64_t> feature;
  std::vector<double> value;
  std::vector<int64_t> on_true, on_false;
  std::vector<uint8_t> missing_true;  // NaN takes the true branch
  std::vector<int64_t> members;       // of kMember: its list; else -1
  std::vector<std::vector<double>> member_lists;
  std::vector<int64_t> weight_begin;  // nodes + 1
  std::vector<LeafWeight> weights;

  size_t trees() const { return tree_begin.size() - 1; }
  int64_t feature_max = -1;  // the largest feature that a split reads
};

bool IsTreeEnsemble(const OnnxNode& node);

// Reads and judges one: arrays of one length, node ids unique in their tree, children that exist, no node of two parents or its own
// ancestor, features from 0 on (and below `width`, if that is not negative), targets in range, known modes. INVALID_ARGUMENT naming the
// operator, the tree and the node.
StatusOr<TreeEnsemble> ReadTreeEnsemble(const OnnxNode& node, int64_t width);

}  // namespace vigil::onnx
