// Exact TreeSHAP, path-dependent: how much each feature moved a row's margin from what the forest gives on average over its training
// rows, as the nodes' weights tell. Source: Lundberg et al., "Consistent Individualized Feature Attribution for Tree Ensembles",
// arXiv:1802.03888, algorithm 2; what XGBoost (pred_contribs), LightGBM (pred_contrib) and CatBoost (ShapValues) compute.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "runtime/trees/forest.h"

namespace vigil::trees {

inline constexpr int32_t kShapDepthMax = 512;  // memory grows with its square

// Keeps working memory: one thread at a time. The forest must outlive it.
class TreeShap {
 public:
  // FAILED_PRECONDITION, saying why, when this forest has none: no weights, linear leaves below splits, deeper than kShapDepthMax.
  static Status Check(const Forest& forest);
  // Of a forest that Check accepts.
  explicit TreeShap(const Forest& forest);

  // row: [features] of the forest's `inputs` type. tree_ends, rounds_used: as for Forest::TreeEnds. out: [outputs][features + 1], the bias
  // last; each output's numbers add up to its margin. Takes time proportional to leaves times depth squared.
  void Explain(const void* row, absl::Span<const int32_t> tree_ends, int64_t rounds_used, double* out);

 private:
  // One feature of the path to a node.
  struct Step {
    int32_t feature = -1;
    double zero = 0;    // share of the paths that go this way when the feature is unknown
    double one = 0;     // 1 if the row goes this way, else 0
    double weight = 0;  // of subsets of the path, by size
  };
  template <typename T>
  void Walk(const T* row, int64_t root, int64_t node, Step* parent, size_t length, double zero, double one, int32_t feature, double* out);
  template <typename T>
  void AddLinearLeaf(const T* row, int64_t node, double* out) const;
  static void Extend(Step* path, size_t length, double zero, double one, int32_t feature);
  static void Unwind(Step* path, size_t length, size_t at);
  static double UnwoundSum(const Step* path, size_t length, size_t at);

  const Forest& forest_;
  std::vector<double> mean_;  // of each tree
  std::vector<Step> steps_;   // the path to a node, and those to all its ancestors
};

}  // namespace vigil::trees
