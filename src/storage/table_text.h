// Rows as text: CSV and NDJSON lines with the shortest numbers that read back exactly. The writers' own, so that a file needs no library.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "storage/tables.h"

namespace vigil {

void AppendCsvHeader(std::string* out, const std::vector<TableColumn>& columns);
void AppendCsvRow(std::string* out, const std::vector<TableColumn>& columns, const TableChunk& chunk, size_t row);
// One JSON object, without the newline.
void AppendJsonRow(std::string* out, const std::vector<TableColumn>& columns, const TableChunk& chunk, size_t row);

// INVALID_ARGUMENT when the chunk's vectors are not of its columns' types and `rows` long.
Status CheckChunk(const std::vector<TableColumn>& columns, const TableChunk& chunk);

// `json`: NDJSON, else CSV.
StatusOr<std::unique_ptr<TableWriter>> CreateTextTable(const std::string& path, const std::vector<TableColumn>& columns, bool json);

}  // namespace vigil
