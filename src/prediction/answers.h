// The rows of several arms put together again, in the form that the caller was promised; a row as the log keeps it.
#pragma once

#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "domain/batch.h"
#include "domain/prediction.h"
#include "domain/table_fit.h"
#include "domain/table_shape.h"
#include "runtime/answer_scores.h"

namespace vigil {

// Copies row `from_row` of `from` to row `to_row` of `to`, tensor by tensor.
void CopyAnswerRow(const Outputs& from, size_t from_row, size_t from_rows, size_t to_row, std::vector<OwnedTensor>* to);
// Makes `to` tensors like `like`'s (of `like_rows` rows), with `rows` rows.
void ShapeAnswers(const Outputs& like, size_t like_rows, size_t rows, std::vector<OwnedTensor>* to);

// Row `from_row` of an answer in another form, of `from_rows` rows, into row `to_row` of `to`, which `champion` is the table of.
void ConvertAnswerRow(const TableShape& champion, const AnswerFit& fit, absl::Span<const OwnedTensor> from, size_t from_row,
                      size_t from_rows, size_t to_row, size_t to_rows, std::vector<OwnedTensor>* to);
// Makes `to` the tensors that `signature` says for `rows` rows; its widths are known.
void ShapeAnswers(const Signature& signature, size_t rows, std::vector<OwnedTensor>* to);

// A row's features in the order and stores of the version that is recorded. Keeps its memory: a warm call allocates nothing.
class FeatureReader {
 public:
  // Sets the parts of `record` that are the row's features, and its cleaning where it has any, as views of `rows` or, until the next call,
  // of this.
  void Set(const TableRows& rows, size_t row, const VersionFit* fit, const TableShape& version, PredictionRecord* record);

 private:
  std::vector<float> values_;
  std::vector<double> exact_;
  std::vector<std::string_view> texts_;
  std::vector<uint8_t> cleaning_;
};

// One row's answers as the log takes them: numbers and texts, each in the order of shape.answers. Views into `tensors`.
void SplitAnswers(const TableShape& shape, absl::Span<const OwnedTensor> tensors, size_t row, size_t rows, std::vector<double>* numbers,
                  std::vector<std::string_view>* texts);

}  // namespace vigil
