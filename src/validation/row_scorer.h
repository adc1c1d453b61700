// Scores rows of named columns with a loaded model of any kind, whatever order and types its own columns have. Internal to validation.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "domain/table_fit.h"
#include "runtime/input_tensors.h"
#include "runtime/model.h"
#include "validation/validation.h"

namespace vigil::validation {

// Labelled rows as a table. The rows must outlive it and stay as they are.
class RowTable {
 public:
  explicit RowTable(const LabelledRows& rows);
  // INVALID_ARGUMENT unless there are as many values as the rows and their columns say.
  Status Check() const;
  const TableShape& shape() const { return rows_.shape == nullptr ? floats_ : *rows_.shape; }
  TableRows Slice(size_t first, size_t count) const;
  // The value's text, "missing" where there is none.
  std::string Text(size_t row, size_t column) const;

 private:
  const LabelledRows& rows_;
  TableShape floats_;  // where the rows name no other
  std::vector<std::string_view> texts_;
};

// One thread. The model must outlive it.
class RowScorer {
 public:
  // `rows`: the table of the rows that will come. Errors as ScoreRows.
  static StatusOr<RowScorer> Make(const LoadedModel& model, const TableShape& rows);

  // Appends the scores of the rows, each as many numbers as the model's ScoreRule has. A runtime that answers later is waited for.
  Status Score(const TableRows& rows, std::vector<float>* scores);

 private:
  RowScorer() = default;

  const LoadedModel* model_ = nullptr;
  ColumnFit fit_;
  std::unique_ptr<Scorer> scorer_;
  InputTensors inputs_;
  Batch batch_;
  Outputs outputs_;
  std::vector<float> read_;
};

}  // namespace vigil::validation
