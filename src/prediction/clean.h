// The second stage: the rows as they are scored, and what was done to them. The batch itself keeps what was received.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "prediction/validate.h"

namespace vigil {

// Reused from request to request.
class CleanRows {
 public:
  // Copies the rows only if some value changes. `shape` is what the batch was reset for.
  void Apply(const RowBatch& batch, const TableShape& shape, const Validation& validation);

  // What is scored: the batch's own rows, or a cleaned copy of them.
  const TableRows& rows() const { return rows_; }
  const float* values() const { return rows_.values; }
  bool changed() const { return rows_.values == copy_.data() && !copy_.empty(); }
  int64_t cells() const { return cells_; }

  // One Cleaning a cell of `row`; empty when nothing was done to it. Rows must be asked for in rising order, from 0 after Apply.
  absl::Span<const uint8_t> RowCleaning(size_t row);

 private:
  void CopyRows(const RowBatch& batch);

  TableRows rows_;
  std::vector<float> copy_;
  std::vector<double> exact_copy_;
  std::vector<std::string_view> text_copy_;
  size_t columns_ = 0;
  int64_t cells_ = 0;
  std::vector<uint32_t> touched_;  // rows, rising; bytes_ has one stripe for each
  std::vector<uint8_t> bytes_;
  size_t next_ = 0;
};

}  // namespace vigil
