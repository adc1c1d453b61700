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
  // Copies `batch.values` only if some value changes.
  void Apply(const RowBatch& batch, const Validation& validation);

  // rows × columns, to be scored: the batch's own values, or a cleaned copy of them.
  const float* values() const { return values_; }
  bool changed() const { return values_ == copy_.data() && !copy_.empty(); }
  int64_t cells() const { return cells_; }

  // One Cleaning a cell of `row`; empty when nothing was done to it. Rows must be asked for in rising order, from 0 after Apply.
  absl::Span<const uint8_t> RowCleaning(size_t row);

 private:
  const float* values_ = nullptr;
  std::vector<float> copy_;
  size_t columns_ = 0;
  int64_t cells_ = 0;
  std::vector<uint32_t> rows_;  // that were touched, rising; bytes_ has one stripe for each
  std::vector<uint8_t> bytes_;
  size_t next_ = 0;
};

}  // namespace vigil
