// A tree ensemble operator in our own tree engine, with what ONNX Runtime does to the sums afterwards (base values, post_transform, label).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/model.h"
#include "runtime/onnx/tree_ensemble.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/engine.h"
#include "runtime/trees/forest.h"
#include "runtime/trees/forest_builder.h"

namespace vigil::onnx {

// Immutable; any thread may call, each with its own Scratch. Sums start at 0 and add the trees in the file's order, as ONNX Runtime does on
// one thread: the same bits in every batch size.
class LiftedTrees {
 public:
  struct Scratch {
    trees::AlignedBytes engine;
    std::vector<int32_t> ends;
    std::vector<float> floats;
    std::vector<double> doubles;
    std::vector<double> row;
  };

  // `width`: columns a row; `double_rows`: their type. UNIMPLEMENTED says what of the operator only ONNX Runtime does.
  static StatusOr<std::unique_ptr<LiftedTrees>> Make(const OnnxNode& node, int64_t width, bool double_rows, const LoadOptions& options);

  bool classifier() const { return classifier_; }
  bool double_rows() const { return forest_.inputs == trees::Precision::kFloat64; }
  bool double_scores() const { return double_scores_; }
  int64_t score_width() const { return classes_or_targets_; }
  const std::vector<int64_t>& labels() const { return labels_; }                // of integers, or empty
  const std::vector<std::string>& text_labels() const { return text_labels_; }  // of strings, or empty
  const trees::Forest& forest() const { return forest_; }
  const trees::Engine& engine() const { return *engine_; }
  const std::string& reason() const { return reason_; }

  // rows: [n][width] float or double. scores: [n][score_width] float, or double if double_scores(). label_index: [n], the label's place
  // in labels; null for a regressor.
  void Score(const void* rows, size_t n, Scratch* scratch, void* scores, int64_t* label_index) const;

 private:
  // How the sums become scores.
  enum class Finish : uint8_t {
    kVector,    // a sum a target
    kExtreme,   // a sum a tree: their least or greatest
    kOneOfTwo,  // two classes, weights for the first only: the sum is the second's
    kMirrored,  // two classes, the first's sum is minus the second's
  };

  LiftedTrees() = default;
  Status Choose(const TreeEnsemble& ensemble);
  Status ChooseForClasses(const TreeEnsemble& ensemble);
  Status Build(const TreeEnsemble& ensemble, int64_t width, bool double_rows);
  Status AddTree(const TreeEnsemble& ensemble, size_t t, trees::ForestBuilder* builder) const;
  template <typename Sum, typename Out>
  void FinishRows(const Sum* sums, size_t n, Out* scores, int64_t* label_index, std::vector<double>* spare) const;
  template <typename Sum>
  int64_t FinishRow(const Sum* sums, Sum* scores) const;

  bool classifier_ = false;
  bool double_scores_ = false;
  Finish finish_ = Finish::kVector;
  Aggregate aggregate_ = Aggregate::kSum;
  PostTransform post_ = PostTransform::kNone;
  bool weights_all_positive_ = false;
  int64_t classes_or_targets_ = 1;
  int64_t trees_ = 0;
  std::vector<double> base_values_;
  std::vector<int64_t> labels_;
  std::vector<std::string> text_labels_;
  trees::Forest forest_;
  std::unique_ptr<trees::Engine> engine_;
  std::string reason_;
};

}  // namespace vigil::onnx
