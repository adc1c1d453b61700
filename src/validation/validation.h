// Proof that a candidate is better: cross-validation, and the gate that re-scores champion and candidate in the serving runtime on
// identical rows and compares them with a paired interval.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "domain/schema.h"
#include "runtime/model.h"

namespace vigil {

// Rows with labels, in memory. `features` is [rows, columns.size()], each column as a float.
struct LabelledRows {
  std::vector<std::string> columns;
  // Null: floats are all there is. Else what else the rows hold, as TableRows has it; its names are `columns`.
  std::shared_ptr<const TableShape> shape;
  std::vector<float> features;
  std::vector<double> exact;       // [rows, shape->exact]
  std::vector<std::string> texts;  // [rows, shape->texts]
  std::vector<double> labels;
  std::vector<int64_t> times;  // prediction time, microseconds
  std::vector<int64_t> label_times;
  std::vector<uint64_t> groups;  // entity hash; 0: none
  size_t rows() const { return labels.size(); }
};

struct GateOptions {
  // average_precision, roc_auc, log_loss, brier, accuracy; rmse, mae. Empty: by task — average_precision, log_loss (multiclass), rmse.
  std::string metric;
  double confidence = 0.95;
  double margin = 0;           // promote if the interval of (candidate - champion), better = positive, lies wholly above -margin ...
  double improvement_min = 0;  // ... and the difference itself is at least this (below 0: an equal candidate may pass, with a margin)
  int resamples = 1000;        // paired bootstrap over entities (rows where there is none)
  uint64_t seed = 1;
  int64_t rows_min = 500;
  int64_t positives_min = 20;
  double latency_factor_max = 3.0;     // candidate's time for one row against the champion's, medians, measured in turns
  double latency_free_us = 20;         // a candidate faster than this a row passes whatever the factor
  double calibration_error_max = 0.1;  // expected calibration error, classification
  // Non-inferiority per value of this column (at most 20 values): the interval within the slice lies above -slice_margin, in the metric's
  // unit. A slice with fewer than positives_min positives (or 50 rows) is not judged, and its check says so.
  std::string slice_column;
  double slice_margin = 0.05;
  const Clock* clock = nullptr;  // measures latency; null: the system's
};

struct GateCheck {
  // "rows", "positives", "signature", "finite", "champion_finite", "parity", "metric", "calibration", "latency", "slice:during_night=1"
  std::string name;
  bool passed = false;
  std::string detail;  // with the numbers
};

struct GateReport {
  bool passed = false;
  std::string metric;
  bool compared = false;                     // there was a champion, and the metric is defined for both: the numbers below hold
  double champion = 0, candidate = 0;        // candidate: also without a champion
  double difference = 0, low = 0, high = 0;  // better = positive
  int64_t rows = 0, positives = 0;
  std::vector<GateCheck> checks;
  int64_t champion_epoch = 0;  // the verdict is bound to it
  std::string Summary() const;
  Json ToJson() const;
};

// Scores both models here; trusts nothing that a trainer reported. `champion` may be null: then only the absolute checks count. Checks
// that need an earlier one (a metric needs finite outputs) are left out when that failed, so a refused report may list fewer.
// Models of different libraries are compared by their scores on the same rows, each in its own types (domain/table_fit.h); the task is the
// candidate's, else the champion's where the candidate's file does not tell, else what the metric is for. INVALID_ARGUMENT: an unknown
// metric or one that does not suit the task, labels that are no classes of the model, missing columns, a slice column with too many values.
// UNIMPLEMENTED: a task that has no metric here.
StatusOr<GateReport> RunGate(const LoadedModel* champion, const LoadedModel& candidate, const LabelledRows& rows,
                             const GateOptions& options);

struct CrossValidationOptions {
  std::string splitter = "time";  // "stratified", "grouped", "stratified_grouped", "time", "kfold"
  int folds = 5;
  int64_t embargo_us = 0;  // time: rows whose [prediction, label] interval overlaps the test interval plus this are purged
  uint64_t seed = 1;       // kfold, stratified: rows are shuffled first; 0: in their order, fold by fold as scikit-learn does
};
struct FoldResult {
  int64_t train_rows = 0, test_rows = 0, purged_rows = 0;
  std::vector<std::pair<std::string, double>> metrics;
};
// `fit` trains on row indices and returns a loaded model. Errors name the fold.
using FitFunction = std::function<StatusOr<std::unique_ptr<LoadedModel>>(const LabelledRows& rows, const std::vector<uint32_t>& train)>;
StatusOr<std::vector<FoldResult>> CrossValidate(const LabelledRows& rows, Task task, const CrossValidationOptions& options,
                                                const FitFunction& fit);

// Scores every row (the first `rows_max`) with a model of any kind, `batch_rows` at a time; row-major [rows, ScoreRule::width]. Columns are
// matched by name; by position where the model names none and there are as many. INVALID_ARGUMENT names a column that is missing, and the
// nearest there is, or the value that the column's type does not hold.
StatusOr<std::vector<float>> ScoreRows(const LoadedModel& model, const LabelledRows& rows, size_t batch_rows = 4096,
                                       size_t rows_max = SIZE_MAX);

}  // namespace vigil
