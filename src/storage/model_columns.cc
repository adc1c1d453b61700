#include "storage/model_columns.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace vigil {

int FindColumn(const std::vector<TableColumn>& table, const std::string& name) {
  for (size_t i = 0; i < table.size(); ++i) {
    if (table[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

StatusOr<std::vector<size_t>> FindModelColumns(const TableShape& shape, const std::vector<TableColumn>& table, const std::string& file,
                                               Positions positions) {
  if (!shape.refusal.empty()) return absl::InvalidArgumentError(absl::StrCat("the model takes no table: ", shape.refusal));
  std::vector<size_t> at;
  std::string missing;
  for (const std::string& name : shape.names) {
    const int found = FindColumn(table, name);
    if (found < 0 && missing.empty()) missing = name;
    at.push_back(static_cast<size_t>(std::max(found, 0)));
  }
  if (missing.empty()) return at;
  const size_t width = shape.names.size();
  if (!shape.named) {  // all by position or none
    if (table.size() == width || (table.size() > width && positions == Positions::kFirst)) {
      for (size_t c = 0; c < width; ++c) at[c] = c;
      return at;
    }
    return absl::InvalidArgumentError(absl::StrCat(file, ": ", table.size(), " columns; the model takes ", width,
                                                   " in its own order, which it does not name (--schema names the columns of the file)"));
  }
  std::vector<std::string> names;
  for (const TableColumn& column : table) names.push_back(column.name);
  return absl::InvalidArgumentError(absl::StrCat(file, ": no column \"", missing, "\", which the model needs", DidYouMean(missing, names)));
}

StatusOr<std::unique_ptr<TableReader>> OpenModelTable(const std::vector<std::string>& files, const TableShape& shape) {
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<TableReader> reader, OpenTable(files));
  if (shape.texts == 0) return reader;
  VIGIL_ASSIGN_OR_RETURN(const std::vector<size_t> at, FindModelColumns(shape, reader->columns(), files[0]));
  std::vector<std::string> texts;
  for (size_t c = 0; c < at.size(); ++c) {
    const TableColumn& column = reader->columns()[at[c]];
    if (shape.columns[c].store == ColumnStore::kText && column.type != TableType::kString) texts.push_back(column.name);
  }
  if (texts.empty()) return reader;
  return OpenTable(files, "", texts);
}

namespace {

// One column's values, every `stride` floats; NaN where missing.
template <typename T>
void SpreadFloats(const std::vector<T>& from, const std::vector<uint8_t>& valid, size_t rows, size_t stride, float* to) {
  for (size_t r = 0; r < rows; ++r, to += stride) {
    *to = valid[r] != 0 ? static_cast<float>(static_cast<double>(from[r])) : std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace

void FillMatrix(const TableChunk& chunk, const std::vector<TableColumn>& types, const std::vector<size_t>& at, std::vector<float>* matrix) {
  matrix->resize(chunk.rows * at.size());
  for (size_t c = 0; c < at.size(); ++c) {
    const TableChunk::Values& from = chunk.columns[at[c]];
    float* to = matrix->data() + c;
    switch (types[at[c]].type) {
      case TableType::kFloat64: SpreadFloats(from.doubles, from.valid, chunk.rows, at.size(), to); break;
      case TableType::kBool:
      case TableType::kInt64:
      case TableType::kTime: SpreadFloats(from.ints, from.valid, chunk.rows, at.size(), to); break;
      case TableType::kString:
        for (size_t r = 0; r < chunk.rows; ++r, to += at.size()) *to = static_cast<float>(chunk.Number(at[c], r, types));
        break;
    }
  }
}

TableRows ModelRows::Fill(const TableChunk& chunk) {
  made_.clear();
  const size_t width = at_.size();
  if (shape_.exact == 0 && shape_.texts == 0) {
    FillMatrix(chunk, types_, at_, &values_);
    return {&shape_, chunk.rows, values_.data(), nullptr, nullptr};
  }
  values_.resize(chunk.rows * width);
  exact_.resize(chunk.rows * shape_.exact);
  texts_.resize(chunk.rows * shape_.texts);
  for (size_t c = 0; c < width; ++c) {
    const ModelColumn& column = shape_.columns[c];
    if (column.store == ColumnStore::kText) {
      FillTexts(chunk, c);
      continue;
    }
    for (size_t r = 0; r < chunk.rows; ++r) {
      const double value = chunk.Number(at_[c], r, types_);
      values_[r * width + c] = static_cast<float>(value);
      if (column.store == ColumnStore::kExact) exact_[r * shape_.exact + column.at] = value;
    }
  }
  return {&shape_, chunk.rows, values_.data(), exact_.data(), texts_.data()};
}

void ModelRows::FillTexts(const TableChunk& chunk, size_t column) {
  const TableChunk::Values& from = chunk.columns[at_[column]];
  const TableType type = types_[at_[column]].type;
  for (size_t r = 0; r < chunk.rows; ++r) {
    const bool missing = from.valid[r] == 0;
    values_[r * at_.size() + column] = missing ? std::numeric_limits<float>::quiet_NaN() : 0;
    std::string_view& text = texts_[r * shape_.texts + shape_.columns[column].at];
    if (missing) {
      text = {};
    } else if (type == TableType::kString) {
      text = from.strings[r];
    } else {
      std::string& made = made_.emplace_back();
      if (type == TableType::kFloat64) {
        types_[at_[column]].single ? AppendNumber(&made, static_cast<float>(from.doubles[r])) : AppendNumber(&made, from.doubles[r]);
      } else if (type == TableType::kTime) {
        made = FormatTime(from.ints[r]);
      } else if (type == TableType::kBool) {
        made = from.ints[r] != 0 ? "true" : "false";
      } else {
        AppendNumber(&made, from.ints[r]);
      }
      text = made;
    }
  }
}

}  // namespace vigil
