// The prediction log as Hive-partitioned Parquet, for any engine: DIRECTORY/model=M/date=YYYY-MM-DD/predictions.parquet. Columns:
// prediction_id, id, entity, time, version, arm, latency_us, status, each feature as received with `<feature>__cleaning` beside it, the
// outputs (`score` where there is one), label, label_time; `model` and `date` are the partitions.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "storage/prediction_log.h"

namespace vigil {

struct ExportOptions {
  std::string directory;    // STATE/parquet; created when missing
  std::string model;        // empty: all
  TimeUs from = INT64_MIN;  // whole UTC days that this range touches
  TimeUs to = INT64_MAX;
  TimeUs labels_as_of = INT64_MAX;
  bool shadows = false;
};

struct ExportCounts {
  int64_t rows = 0;  // written
  int64_t dates_written = 0;
  int64_t dates_unchanged = 0;  // exported before with the same predictions and labels: left alone
};

// A date appears, or replaces what was exported before, whole: by one rename. Dates that the log no longer holds keep their files.
// Memory is that of one segment and DuckDB's limit. Any thread; one export into a directory at a time.
StatusOr<ExportCounts> ExportPredictions(const PredictionLog& log, const ExportOptions& options);

}  // namespace vigil
