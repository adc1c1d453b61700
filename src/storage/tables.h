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
  bool single = false;  // kFloat64 whose values are 32-bit floats: written in the shortest form of that, and as FLOAT in Parquet
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

// By the ending of the name: .csv .parquet .ndjson .jsonl (anything else: `format` says "csv", "parquet" or "ndjson"). A glob or several
// files of one shape read as one; under Hive partitions their keys are columns too. CSV has a header, and an empty cell is missing. Whole
// numbers come as kInt64, all other numbers as kFloat64, exactly as written; what is neither number, truth value nor time comes as text (in
// NDJSON times do too). NOT_FOUND names the file that is missing, INVALID_ARGUMENT the one that cannot be read and why.
// `texts` names columns that come as text as it is written, also where every cell looks like a number (CSV).
StatusOr<std::unique_ptr<TableReader>> OpenTable(const std::vector<std::string>& paths, const std::string& format = "",
                                                 const std::vector<std::string>& texts = {});
// What OpenTable takes `path` for: "csv", "parquet" or "ndjson". INVALID_ARGUMENT when its name does not say.
StatusOr<std::string> TableFormat(const std::string& path, const std::string& format = "");
// `partition_by`: Hive partitions under the directory `path`, which must not exist (Parquet only). An existing file is replaced by Finish.
// Missing cells are empty in CSV and null elsewhere; numbers that are not finite are the words nan, inf, -inf (in quotes in NDJSON).
StatusOr<std::unique_ptr<TableWriter>> CreateTable(const std::string& path, const std::vector<TableColumn>& columns,
                                                   const std::vector<std::string>& partition_by = {});
// One SQL query over `views` (name → files); rows come as NDJSON lines without the newline, until `row` returns an error, which is
// returned.
Status QueryTables(const std::string& sql, const std::vector<std::pair<std::string, std::vector<std::string>>>& views,
                   const std::function<Status(std::string_view line)>& row);

}  // namespace vigil
