#include <algorithm>
#include <limits>

#include "prediction/pipeline.h"

namespace vigil {

void RowBatch::Reset(size_t column_count) {
  rows = 0;
  columns = column_count;
  exact_columns = text_columns = 0;
  values.clear();
  exact.clear();
  texts.clear();
  ids.clear();
  entities.clear();
  times.clear();
  errors.clear();
  error_count = 0;
  error_rows.clear();
  warnings.clear();
  partial = false;
  whole = nullptr;
}

void RowBatch::Reset(const TableShape& shape) {
  Reset(shape.columns.size());
  exact_columns = shape.exact;
  text_columns = shape.texts;
}

void RowBatch::AddRow() {
  ++rows;
  values.resize(rows * columns, std::numeric_limits<float>::quiet_NaN());
  if (exact_columns != 0) exact.resize(rows * exact_columns, std::numeric_limits<double>::quiet_NaN());
  if (text_columns != 0) texts.resize(rows * text_columns);
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
