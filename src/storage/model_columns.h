// Finds a model's columns in a table, by name; a model without names takes the table's columns in order.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "domain/table_shape.h"
#include "storage/tables.h"

namespace vigil {

enum class Positions : uint8_t {
  kFirst,  // a model without names takes the first columns of a wider table
  kExact,  // that is an error: which of them are meant is not known
};

// Position in `table` of each of the model's columns. INVALID_ARGUMENT names the first that is missing and the nearest there is.
StatusOr<std::vector<size_t>> FindModelColumns(const TableShape& shape, const std::vector<TableColumn>& table, const std::string& file,
                                               Positions positions = Positions::kFirst);

// Position of `name`, or -1.
int FindColumn(const std::vector<TableColumn>& table, const std::string& name);

// The table, with the model's columns of texts as they are written (`shape` as for FindModelColumns).
StatusOr<std::unique_ptr<TableReader>> OpenModelTable(const std::vector<std::string>& files, const TableShape& shape);

// Rows of `chunk` as a row-major matrix in the model's column order; missing cells and texts that are no number become NaN.
void FillMatrix(const TableChunk& chunk, const std::vector<TableColumn>& types, const std::vector<size_t>& at, std::vector<float>* matrix);

// Chunks of a table as the rows of a model; keeps one chunk's. The shape and the columns' types outlive it.
class ModelRows {
 public:
  ModelRows(const TableShape& shape, const std::vector<TableColumn>& types, std::vector<size_t> at)
      : shape_(shape), types_(types), at_(std::move(at)) {}
  // Views into this and into `chunk`. A missing text is the empty one; a number in a column of texts is its shortest form.
  TableRows Fill(const TableChunk& chunk);
  size_t columns() const { return at_.size(); }

 private:
  void FillTexts(const TableChunk& chunk, size_t column);

  const TableShape& shape_;
  const std::vector<TableColumn>& types_;
  const std::vector<size_t> at_;
  std::vector<float> values_;
  std::vector<double> exact_;
  std::vector<std::string_view> texts_;
  std::deque<std::string> made_;  // texts of numbers
};

}  // namespace vigil
