#include <algorithm>

#include "prediction/pipeline.h"

namespace vigil {

void RowBatch::Reset(size_t column_count) {
  rows = 0;
  columns = column_count;
  values.clear();
  ids.clear();
  entities.clear();
  times.clear();
  errors.clear();
  error_count = 0;
  error_rows.clear();
  warnings.clear();
  partial = false;
}

void RowBatch::AddError(RowError error) {
  const auto row = static_cast<uint32_t>(error.row);
  if (error_rows.empty() || error_rows.back() < row) {
    error_rows.push_back(row);
  } else if (const auto at = std::lower_bound(error_rows.begin(), error_rows.end(), row); *at != row) {
    error_rows.insert(at, row);
  }
  ++error_count;
  if (errors.size() >= kRowErrorsMax) return;
  if (error.value.size() > kRowErrorValueBytesMax) error.value.resize(kRowErrorValueBytesMax);
  errors.push_back(std::move(error));
}

}  // namespace vigil
