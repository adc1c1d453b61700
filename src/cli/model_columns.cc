#include "cli/model_columns.h"

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace vigil::cli {

int FindColumn(const std::vector<TableColumn>& table, const std::string& name) {
  for (size_t i = 0; i < table.size(); ++i) {
    if (table[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

StatusOr<std::vector<size_t>> FindModelColumns(const Signature& signature, const std::vector<TableColumn>& table, const std::string& file) {
  std::vector<std::string> names;
  for (const TableColumn& column : table) names.push_back(column.name);
  std::vector<size_t> at;
  for (size_t c = 0; c < signature.columns.size(); ++c) {
    int found = FindColumn(table, signature.columns[c]);
    if (found < 0 && !signature.columns_are_named && c < table.size()) found = static_cast<int>(c);
    if (found < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": no column \"", signature.columns[c], "\", which the model needs", DidYouMean(signature.columns[c], names)));
    }
    at.push_back(static_cast<size_t>(found));
  }
  return at;
}

void FillMatrix(const TableChunk& chunk, const std::vector<TableColumn>& types, const std::vector<size_t>& at, std::vector<float>* matrix) {
  matrix->resize(chunk.rows * at.size());
  for (size_t c = 0; c < at.size(); ++c) {
    for (size_t r = 0; r < chunk.rows; ++r) (*matrix)[r * at.size() + c] = static_cast<float>(chunk.Number(at[c], r, types));
  }
}

}  // namespace vigil::cli
