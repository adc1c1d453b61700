#include "monitoring/text_codes.h"

#include <cmath>

namespace vigil {

TextCodes::TextCodes(const TableShape& shape, const ReferenceProfile* reference) {
  if (reference == nullptr || reference->columns.size() != shape.columns.size()) return;
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    if (shape.columns[i].store != ColumnStore::kText) continue;
    const std::vector<std::string>& texts = reference->columns[i].texts;
    Column column{i, shape.columns[i].at, {}, static_cast<float>(texts.size())};
    for (size_t k = 0; k < texts.size(); ++k) column.numbers.emplace(texts[k], static_cast<float>(k));
    columns_.push_back(std::move(column));
  }
}

void TextCodes::Code(absl::Span<const float> features, absl::Span<const std::string_view> texts, std::vector<float>* coded) const {
  coded->assign(features.begin(), features.end());
  for (const Column& column : columns_) {
    if (std::isnan(features[column.column])) continue;
    const auto found = column.numbers.find(texts[column.at]);
    (*coded)[column.column] = found == column.numbers.end() ? column.other : found->second;
  }
}

}  // namespace vigil
