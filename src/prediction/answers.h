// What a runtime answered, checked against its signature, and the rows of several arms put together again.
#pragma once

#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "domain/batch.h"
#include "domain/prediction.h"
#include "domain/table_shape.h"

namespace vigil {

// INTERNAL, saying which output, unless `outputs` holds what `signature` says for `rows` rows.
Status CheckAnswer(const Signature& signature, const TableShape& shape, const Outputs& outputs, size_t rows);

// The score of each row: rows × shape.score.width numbers. `outputs` has passed CheckAnswer.
void ReadScores(const TableShape& shape, const Outputs& outputs, size_t rows, std::vector<float>* scores);

// Copies row `from_row` of `from` to row `to_row` of `to`, tensor by tensor.
void CopyAnswerRow(const Outputs& from, size_t from_row, size_t from_rows, size_t to_row, std::vector<OwnedTensor>* to);
// Makes `to` tensors like `like`'s (of `like_rows` rows), with `rows` rows.
void ShapeAnswers(const Outputs& like, size_t like_rows, size_t rows, std::vector<OwnedTensor>* to);

// The parts of `record` that are the row's features, as they lie in `rows`.
void SetFeatures(const TableRows& rows, size_t row, PredictionRecord* record);

// One row's answers as the log takes them: numbers and texts, each in the order of shape.answers. Views into `tensors`.
void SplitAnswers(const TableShape& shape, absl::Span<const OwnedTensor> tensors, size_t row, size_t rows, std::vector<double>* numbers,
                  std::vector<std::string_view>* texts);

}  // namespace vigil
