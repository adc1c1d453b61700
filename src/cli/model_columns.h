// Finds a model's columns in a table, by name; a model without names takes the table's columns in order.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "domain/schema.h"
#include "storage/tables.h"

namespace vigil::cli {

// Position in `table` of each of the model's columns. INVALID_ARGUMENT names the first that is missing and the nearest there is.
StatusOr<std::vector<size_t>> FindModelColumns(const Signature& signature, const std::vector<TableColumn>& table, const std::string& file);

// Position of `name`, or -1.
int FindColumn(const std::vector<TableColumn>& table, const std::string& name);

// Rows of `chunk` as a row-major matrix in the model's column order; missing cells and texts that are no number become NaN.
void FillMatrix(const TableChunk& chunk, const std::vector<TableColumn>& types, const std::vector<size_t>& at, std::vector<float>* matrix);

}  // namespace vigil::cli
