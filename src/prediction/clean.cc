#include "prediction/clean.h"

#include <algorithm>

namespace vigil {

void CleanRows::CopyRows(const RowBatch& batch) {
  copy_.assign(batch.values.begin(), batch.values.end());
  exact_copy_.assign(batch.exact.begin(), batch.exact.end());
  text_copy_.assign(batch.texts.begin(), batch.texts.end());
  rows_.values = copy_.data();
  rows_.exact = exact_copy_.data();
  rows_.texts = text_copy_.data();
}

void CleanRows::Apply(const RowBatch& batch, const TableShape& shape, const Validation& validation) {
  rows_ = batch.table(shape);
  copy_.clear();
  columns_ = batch.columns;
  cells_ = static_cast<int64_t>(validation.actions.size());
  touched_.clear();
  bytes_.clear();
  next_ = 0;
  for (const CellAction& action : validation.actions) {
    if (touched_.empty() || touched_.back() != action.row) {
      touched_.push_back(action.row);
      bytes_.resize(touched_.size() * columns_, static_cast<uint8_t>(Cleaning::kNone));
    }
    bytes_[(touched_.size() - 1) * columns_ + action.column] = static_cast<uint8_t>(action.cleaning);
    if (action.cleaning == Cleaning::kFlagged) continue;
    if (copy_.empty()) CopyRows(batch);
    const ModelColumn& column = shape.columns[action.column];
    float& value = copy_[action.row * columns_ + action.column];
    if (column.store == ColumnStore::kText) {
      value = 0;
      text_copy_[action.row * shape.texts + column.at] = action.text;
    } else {
      value = static_cast<float>(action.value);
      if (column.store == ColumnStore::kExact) exact_copy_[action.row * shape.exact + column.at] = action.value;
    }
  }
}

absl::Span<const uint8_t> CleanRows::RowCleaning(size_t row) {
  while (next_ < touched_.size() && touched_[next_] < row) ++next_;
  if (next_ == touched_.size() || touched_[next_] != row) return {};
  return absl::MakeConstSpan(bytes_).subspan(next_ * columns_, columns_);
}

}  // namespace vigil
