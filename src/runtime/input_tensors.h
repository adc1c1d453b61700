// Rows of a table → the tensors that a model's signature asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "domain/batch.h"
#include "domain/table_shape.h"

namespace vigil {

// Keeps the tensors of one call; reused, so that a warm one allocates nothing. One thread.
class InputTensors {
 public:
  // Fills `batch` with tensors of `signature` from `rows`, or from those that `picked` numbers when it is not empty. Columns are matched by
  // their place, or as `from` says (ColumnFit). `model` is the signature's own shape; `rows.shape` may keep columns in other stores. A
  // matrix of floats (or of doubles) is handed on as it lies where all rows are taken; texts are views of the caller's. `batch` holds until
  // the next call, and what it views must stay. INVALID_ARGUMENT names row, column and value of what the column's type does not hold (a
  // missing whole number; 0.5 in one).
  Status Fill(const Signature& signature, const TableShape& model, const TableRows& rows, absl::Span<const uint32_t> picked, Batch* batch,
              absl::Span<const uint32_t> from = {});

 private:
  struct Tensor {
    std::vector<std::byte> bytes;
    std::vector<std::string_view> texts;
  };
  std::vector<Tensor> tensors_;  // one an input
};

}  // namespace vigil
