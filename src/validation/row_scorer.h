// Scores rows of named columns with a loaded model, whatever order its own columns are in. Internal to validation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/model.h"

namespace vigil::validation {

// One thread. The model must outlive it.
class RowScorer {
 public:
  // `columns`: of the rows that will come. Errors as ScoreRows.
  static StatusOr<RowScorer> Make(const LoadedModel& model, const std::vector<std::string>& columns);

  // Appends the scores of `count` rows, each as many numbers as there are columns. A runtime that answers later is waited for.
  Status Score(const float* rows, size_t count, std::vector<float>* scores);

 private:
  RowScorer() = default;

  size_t row_width_ = 0, output_width_ = 1;
  std::vector<size_t> at_;  // where each of the model's columns is in a row; empty: in place
  std::string input_;
  std::unique_ptr<Scorer> scorer_;
  std::vector<float> gathered_;
  Outputs outputs_;
};

}  // namespace vigil::validation
