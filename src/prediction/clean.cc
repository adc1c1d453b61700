#include "prediction/clean.h"

#include <algorithm>

namespace vigil {

void CleanRows::Apply(const RowBatch& batch, const Validation& validation) {
  values_ = batch.values.data();
  copy_.clear();
  columns_ = batch.columns;
  cells_ = static_cast<int64_t>(validation.actions.size());
  rows_.clear();
  bytes_.clear();
  next_ = 0;
  for (const CellAction& action : validation.actions) {
    if (rows_.empty() || rows_.back() != action.row) {
      rows_.push_back(action.row);
      bytes_.resize(rows_.size() * columns_, static_cast<uint8_t>(Cleaning::kNone));
    }
    bytes_[(rows_.size() - 1) * columns_ + action.column] = static_cast<uint8_t>(action.cleaning);
    if (action.cleaning == Cleaning::kFlagged) continue;
    if (copy_.empty()) {
      copy_.assign(batch.values.begin(), batch.values.end());
      values_ = copy_.data();
    }
    copy_[action.row * columns_ + action.column] = action.value;
  }
}

absl::Span<const uint8_t> CleanRows::RowCleaning(size_t row) {
  while (next_ < rows_.size() && rows_[next_] < row) ++next_;
  if (next_ == rows_.size() || rows_[next_] != row) return {};
  return absl::MakeConstSpan(bytes_).subspan(next_ * columns_, columns_);
}

}  // namespace vigil
