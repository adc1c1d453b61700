// Tables in files: CSV, Parquet and NDJSON, read and written in bounded memory through DuckDB, which is loaded when first needed. A
// machine without the library gets one clear error, and everything that needs no table works on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"

namespace vigil {

enum class TableType : uint8_t { kBool, kInt64, kFloat64, kString, kTime };  // kTime: microseconds UTC

struct TableColumn {
  std::string name;
  TableType type = TableType::kFloat64;
};

// One chunk of rows by column. Vectors of the column's type are filled, the others empty; `valid` is 0 where the cell is missing.
struct TableChunk {
  struct Values {
    std::vector<int64_t> ints;         // kBool, kInt64, kTime
    std::vector<double> doubles;       // kFloat64
    std::vector<std::string> strings;  // kString
    std::vector<uint8_t> valid;
  };
  size_t rows = 0;
  std::vector<Values> columns;
  // Cell as a number whatever its type; NaN when missing or a string that is not a number.
  double Number(size_t column, size_t row, const std::vector<TableColumn>& types) const;
};

class TableReader {
 public:
  virtual ~TableReader() = default;
  virtual const std::vector<TableColumn>& columns() const = 0;
  // False at the end.
  virtual StatusOr<bool> Next(TableChunk* chunk) = 0;
};

class TableWriter {
 public:
  virtual ~TableWriter() = default;
  virtual Status Write(const TableChunk& chunk) = 0;
  virtual Status Finish() = 0;  // the file appears under its name only now
};

// By the ending of the name: .csv .parquet .ndjson .jsonl (anything else: `format` says). A glob or several files of one shape read as one.
StatusOr<std::unique_ptr<TableReader>> OpenTable(const std::vector<std::string>& paths, const std::string& format = "");
// `partition_by`: Hive partitions under the directory `path` (Parquet only).
StatusOr<std::unique_ptr<TableWriter>> CreateTable(const std::string& path, const std::vector<TableColumn>& columns,
                                                   const std::vector<std::string>& partition_by = {});
// One SQL statement over `views` (name → files); rows come as NDJSON lines.
Status QueryTables(const std::string& sql, const std::vector<std::pair<std::string, std::vector<std::string>>>& views,
                   const std::function<Status(std::string_view line)>& row);

}  // namespace vigil
