// Proof that a candidate is better: cross-validation, and the gate that re-scores champion and candidate in the serving runtime on
// identical rows and compares them with a paired interval.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "domain/schema.h"
#include "runtime/model.h"

namespace vigil {

// Rows with labels, in memory. `features` is [rows, columns.size()].
struct LabelledRows {
  std::vector<std::string> columns;
  std::vector<float> features;
  std::vector<double> labels;
  std::vector<int64_t> times;  // prediction time, microseconds
  std::vector<int64_t> label_times;
  std::vector<uint64_t> groups;  // entity hash; 0: none
  size_t rows() const { return labels.size(); }
};

struct GateOptions {
  std::string metric;  // empty: by task — average_precision, log_loss (multiclass), rmse
  double confidence = 0.95;
  double margin = 0;           // promote if the interval of (candidate - champion), better = positive, lies above -margin ...
  double improvement_min = 0;  // ... and its centre is at least this
  int resamples = 1000;        // paired bootstrap over entities (rows where there is none)
  uint64_t seed = 1;
  int64_t rows_min = 500;
  int64_t positives_min = 20;
  double latency_factor_max = 3.0;     // candidate's scoring time against the champion's
  double calibration_error_max = 0.1;  // expected calibration error, classification
  std::string slice_column;            // non-inferiority per value of this column (at most 20 values)
  double slice_margin = 0.05;
};

struct GateCheck {
  std::string name;  // "metric", "rows", "signature", "latency", "calibration", "finite", "slice:during_night=1", "parity"
  bool passed = false;
  std::string detail;  // with the numbers
};

struct GateReport {
  bool passed = false;
  std::string metric;
  double champion = 0, candidate = 0;
  double difference = 0, low = 0, high = 0;  // better = positive
  int64_t rows = 0, positives = 0;
  std::vector<GateCheck> checks;
  int64_t champion_epoch = 0;  // the verdict is bound to it
  std::string Summary() const;
  Json ToJson() const;
};

// Scores both models here; trusts nothing that a trainer reported. `champion` may be null: then only the absolute checks count.
StatusOr<GateReport> RunGate(const LoadedModel* champion, const LoadedModel& candidate, const LabelledRows& rows,
                             const GateOptions& options);

struct CrossValidationOptions {
  std::string splitter = "time";  // "stratified", "grouped", "stratified_grouped", "time", "kfold"
  int folds = 5;
  int64_t embargo_us = 0;  // time: rows whose [prediction, label] interval overlaps the test interval plus this are purged
  uint64_t seed = 1;
};
struct FoldResult {
  int64_t train_rows = 0, test_rows = 0, purged_rows = 0;
  std::vector<std::pair<std::string, double>> metrics;
};
// `fit` trains on row indices and returns a loaded model.
using FitFunction = std::function<StatusOr<std::unique_ptr<LoadedModel>>(const LabelledRows& rows, const std::vector<uint32_t>& train)>;
StatusOr<std::vector<FoldResult>> CrossValidate(const LabelledRows& rows, Task task, const CrossValidationOptions& options,
                                                const FitFunction& fit);

// Scores every row with `model` (columns matched by name); row-major [rows, output_width].
StatusOr<std::vector<float>> ScoreRows(const LoadedModel& model, const LabelledRows& rows);

}  // namespace vigil
