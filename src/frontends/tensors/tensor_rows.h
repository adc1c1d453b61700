// The tabular bridge, written once for every dialect of tensors: named tensors of any type ↔ the named, typed columns of a table. A model
// with one matrix and a model with one tensor a column both answer whoever sends either.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "domain/batch.h"
#include "frontends/rows/columns.h"

namespace vigil {

inline constexpr size_t kTensorsMax = 10'000;  // of one request
inline constexpr size_t kTensorRankMax = 8;
inline constexpr size_t kTensorElementsMax = size_t{1} << 30;

// Of a shape without negative dimensions; kTensorElementsMax + 1 when there are more than that.
size_t TensorElements(absl::Span<const int64_t> shape);

// Reads element `i` of a tensor of any type but kString, which may lie at any address.
double TensorNumber(const TensorView& tensor, size_t i);

// For messages: `"amount" (FP64 [-1, 1]), "channel" (BYTES [-1, 1])`.
std::string InputChoices(absl::Span<const TensorSpec> inputs);

// Fills `batch` from tensors whose first dimension is the row, and lists in `absent` the model's columns that none of them has. A tensor is
// one of the model's inputs, by its name and width; or one column, of shape [rows] or [rows, 1], by the column's name; or, alone and under
// any name, the matrix of all columns in the model's order. Whole numbers fit columns of floats and of wider whole numbers, floats fit
// floats only, BYTES texts only; NaN, and a text without an address, are missing values. Texts stay views into the tensors.
// INVALID_ARGUMENT names the tensor and what the model takes instead.
Status FillRowsFromTensors(absl::Span<const TensorView> tensors, const ColumnIndex& columns, RowBatch* batch,
                           std::vector<uint32_t>* absent);

}  // namespace vigil
