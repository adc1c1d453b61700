// The prediction log as Hive-partitioned Parquet, for any engine: DIRECTORY/model=M/date=YYYY-MM-DD/predictions.parquet. Columns:
// prediction_id, id, entity, time, version, arm, latency_us, status, each feature as received with `<feature>__cleaning` beside it, the
// score (`score` where it is one number), every output's elements where the answer is more than that, label, label_time; `model` and `date`
// are the partitions.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "storage/prediction_log.h"

namespace vigil {

struct ExportCounts {
  int64_t rows = 0;             // in the files of the dates that the query touches
  int64_t files = 0;            // one a model and date
  int64_t files_unchanged = 0;  // of them: exported before with the same predictions and labels, and left alone
};

// Exports every UTC date (of every model) that holds a record which `query` selects, labels as of `query.labels_as_of`; always the whole
// date with all its versions, so that a narrower query never removes rows from an earlier export. A date appears, or replaces what
// was exported before, by one rename. Dates that the log no longer holds keep their files. `directory` is made when missing. Memory is
// that of one segment and DuckDB's limit. Any thread; one export into a directory at a time.
StatusOr<ExportCounts> ExportLog(const PredictionLog& log, const LogQuery& query, const std::string& directory);

}  // namespace vigil
