// What is counted of predictions whose labels came: integers again, so that a replaced label is taken back exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "monitoring/monitor.h"

namespace vigil {

// A sum of real numbers as two integers: whole part and the rest in units of 2^-32. Adding and taking back the same number is exact.
struct FixedSum {
  static constexpr double kUnit = 4294967296.0;
  static constexpr double kClip = 1e12;
  static void Add(int64_t* at, double value, int64_t sign);
  static double Read(const int64_t* at) { return static_cast<double>(at[0]) + static_cast<double>(at[1]) / kUnit; }
};

struct Metric {
  const char* name;
  double value;
};

// Immutable.
class LabelLayout {
 public:
  LabelLayout(const MonitoredVersion& version, double decision_threshold);

  size_t width() const { return width_; }
  Task task() const { return task_; }
  // Integers of this place and later may be negative within one arm's array (sums of errors).
  size_t signed_from() const { return signed_from_; }
  uint64_t fingerprint() const;

  // Adds one labelled prediction (`sign` 1) or takes it back (-1). False, and nothing is added, when it has no place: no output, a label
  // that is no number or no class, a task without metrics.
  bool Add(absl::Span<const float> outputs, double label, int64_t sign, absl::Span<int64_t> counts) const;

  static int64_t Labels(absl::Span<const int64_t> counts) { return counts[0]; }
  // The metrics that are defined. Binary: accuracy, precision, recall, f1, roc_auc, average_precision, log_loss, brier, positive_rate,
  // predicted_positive_rate. Multiclass: accuracy, macro_f1, log_loss. Regression: mae, mse, rmse, r2, mean_error.
  std::vector<Metric> Metrics(absl::Span<const int64_t> counts) const;

  // Wrong predictions, what concept drift is looked for in: the wrong class; in regression an error beyond `error_bin`.
  int64_t Errors(absl::Span<const int64_t> counts, size_t error_bin) const;
  // Regression: the bin of absolute errors that nine tenths of `counts` do not exceed. 0 for other tasks.
  size_t ErrorBin(absl::Span<const int64_t> counts) const;

 private:
  void AddBinary(double score, bool positive, int64_t sign, int64_t* counts) const;
  void AddMulticlass(absl::Span<const float> outputs, size_t label, int64_t sign, int64_t* counts) const;
  void AddRegression(double prediction, double target, int64_t sign, int64_t* counts) const;

  Task task_;
  double threshold_;
  size_t classes_ = 0;
  double centre_ = 0;  // regression: targets are counted as (y - centre) / scale
  double scale_ = 1;
  size_t width_ = 1;
  size_t signed_from_ = 1;
};

}  // namespace vigil
