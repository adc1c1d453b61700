#include "cli/answer_table.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "domain/table_shape.h"

namespace vigil::cli {
namespace {

TableColumn ColumnOf(std::string name, DType type) {
  switch (type) {
    case DType::kString: return {std::move(name), TableType::kString};
    case DType::kBool: return {std::move(name), TableType::kBool};
    case DType::kFloat64: return {std::move(name), TableType::kFloat64};
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBfloat16: return {std::move(name), TableType::kFloat64, true};
    default: return {std::move(name), TableType::kInt64};
  }
}

size_t RowWidth(const OwnedTensor& tensor, size_t rows) {
  if (rows != 0) return tensor.size() / rows;
  size_t width = 1;
  for (size_t d = 1; d < tensor.shape.size(); ++d) width *= static_cast<size_t>(tensor.shape[d]);
  return width;
}

// [n, features + 1], or [n, k, features + 1].
std::vector<std::string> ContributionNames(const OwnedTensor& tensor, const std::vector<std::string>& features) {
  const int64_t outputs = tensor.shape.size() > 2 ? tensor.shape[1] : 1;
  std::vector<std::string> names;
  for (int64_t k = 0; k < outputs; ++k) {
    const std::string prefix = tensor.shape.size() > 2 ? absl::StrCat("contribution_", k, "_") : "contribution_";
    for (const std::string& feature : features) names.push_back(prefix + feature);
    names.push_back(prefix + "bias");
  }
  return names;
}

Status FillColumn(const OwnedTensor& tensor, size_t rows, size_t width, size_t k, const TableColumn& column, TableChunk::Values* values) {
  values->valid.assign(rows, 1);
  values->doubles.clear();
  values->ints.clear();
  if (column.type == TableType::kString) {
    values->strings.resize(rows);
    for (size_t r = 0; r < rows; ++r) values->strings[r] = tensor.strings[r * width + k];
  } else if (column.type == TableType::kFloat64) {
    values->doubles.resize(rows);
    for (size_t r = 0; r < rows; ++r) values->doubles[r] = tensor.number(r * width + k);
  } else {
    values->ints.resize(rows);
    for (size_t r = 0; r < rows; ++r) values->ints[r] = tensor.whole(r * width + k);
    for (size_t r = 0; r < rows && tensor.dtype == DType::kUint64; ++r) {
      if (values->ints[r] < 0)
        return absl::InvalidArgumentError(absl::StrCat(
            "row ", r, ", output \"", column.name, "\": ", static_cast<uint64_t>(values->ints[r]), " is beyond a table's whole numbers"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<TableColumn> AnswerColumns(const Signature& signature, const std::vector<std::string>& features, const Outputs& outputs,
                                       size_t rows) {
  std::vector<TableColumn> columns;
  for (size_t i = 0; i < outputs.tensors.size(); ++i) {
    const OwnedTensor& tensor = outputs.tensors[i];
    const bool listed = i < signature.outputs.size();
    std::vector<std::string> names;
    if (!listed && tensor.name == "contributions") {
      names = ContributionNames(tensor, features);
    } else if (!listed && tensor.name == "leaves") {
      for (size_t t = 0; t < RowWidth(tensor, rows); ++t) names.push_back(absl::StrCat("leaf_", t));
    } else {
      names = ElementNames(tensor.name, RowWidth(tensor, rows), listed ? signature.outputs[i].keys : std::vector<std::string>());
    }
    for (std::string& name : names) columns.push_back(ColumnOf(std::move(name), tensor.dtype));
  }
  return columns;
}

Status FillAnswers(const Outputs& outputs, size_t rows, const std::vector<TableColumn>& columns, TableChunk* chunk) {
  chunk->rows = rows;
  chunk->columns.resize(columns.size());
  size_t at = 0;
  for (const OwnedTensor& tensor : outputs.tensors) {
    const size_t width = RowWidth(tensor, rows);
    if (at + width > columns.size()) break;
    for (size_t k = 0; k < width; ++k, ++at) VIGIL_RETURN_IF_ERROR(FillColumn(tensor, rows, width, k, columns[at], &chunk->columns[at]));
  }
  size_t given = 0;
  for (const OwnedTensor& tensor : outputs.tensors) given += RowWidth(tensor, rows);
  if (at == columns.size() && given == at) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the model answered ", given, " elements a row, and ", columns.size(), " before"));
}

}  // namespace vigil::cli
