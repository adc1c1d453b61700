// A model's rows out of files of any format, as a stream.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "domain/table_shape.h"

namespace vigil::cli {

class RowSource {
 public:
  virtual ~RowSource() = default;
  // No rows at the end. Views hold until the next call.
  virtual StatusOr<TableRows> Next() = 0;
};

// CSV and NDJSON are read by our own parsers, whose memory is that of some rows; Parquet, globs, files under Hive partitions and NDJSON
// for a model without names through storage/tables.h. Columns are found as FindModelColumns does (Positions::kExact); that a column is in
// no row of NDJSON is known, and an INVALID_ARGUMENT, at the end only. `stopped` is asked when a signal interrupts the wait for a file; its
// error is returned. `shape` outlives the source.
StatusOr<std::unique_ptr<RowSource>> OpenRows(const std::vector<std::string>& files, const TableShape& shape,
                                              const std::function<Status()>& stopped);

}  // namespace vigil::cli
