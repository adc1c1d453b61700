// Models that no table fits, since their rows have sizes of their own: a request's tensors go to them as they are.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "domain/batch.h"
#include "domain/schema.h"
#include "frontends/rows/columns.h"
#include "prediction/pipeline.h"

namespace vigil {

// Makes `whole` of the tensors that the signature asks for, whatever their order, and `batch` the rows that they are: it then points to
// `whole`. INVALID_ARGUMENT names the tensor when one is missing, unknown, given twice, of another type, or of a shape that does not fit.
Status TakeTensors(absl::Span<const TensorView> tensors, const Signature& signature, RowBatch* batch, Batch* whole);

// Rows from tensors for whatever model: FillRowsFromTensors where a table fits it, else TakeTensors.
Status FillFromTensors(absl::Span<const TensorView> tensors, const Signature& signature, const ColumnIndex& columns, RowBatch* batch,
                       std::vector<uint32_t>* absent, Batch* whole);

}  // namespace vigil
