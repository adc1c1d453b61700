// Two models' scores of the same rows, compared by one metric with a paired bootstrap over entities. Internal to validation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "domain/schema.h"

namespace vigil::validation {

enum class Metric : uint8_t { kAveragePrecision, kRocAuc, kLogLoss, kBrier, kAccuracy, kRmse, kMae };

// `name` empty: the task's default. INVALID_ARGUMENT for a metric that is unknown or not the task's; UNIMPLEMENTED for other tasks.
StatusOr<Metric> MetricFor(Task task, const std::string& name);
std::string MetricName(Metric metric);
bool HigherIsBetter(Metric metric);

// One model's scores: row-major [labels.size(), width].
struct ScoredRows {
  Task task = Task::kBinary;
  absl::Span<const double> labels;
  absl::Span<const float> outputs;
  size_t width = 1;
  // Binary: the probability (or margin) of the positive class, which is the last number of a row.
  double score(size_t row) const { return static_cast<double>(outputs[row * width + width - 1]); }
};

// NaN where it is not defined (one class only). INVALID_ARGUMENT: a metric of probabilities on scores that are none.
StatusOr<double> ComputeMetric(Metric metric, const ScoredRows& rows);

// Named metrics of a test set, for reports.
StatusOr<std::vector<std::pair<std::string, double>>> AllMetrics(const ScoredRows& rows);

// Units that are resampled together: dense numbers, one a row. Rows of group 0 are units of their own; where all rows share one group
// (or there are no groups) each row is.
std::vector<uint32_t> ResamplingUnits(absl::Span<const uint64_t> groups, size_t rows);

struct BootstrapOptions {
  int resamples = 1000;
  double confidence = 0.95;
  uint64_t seed = 1;
};
struct PairedInterval {
  double champion = 0, candidate = 0;
  double difference = 0, low = 0, high = 0;  // better = positive; percentile interval
  int64_t units = 0;
  int resamples = 0;  // those in which the metric was defined
};
// Units are drawn with replacement; both models see the same draw. Sorting happens once, so a resample costs one pass over the rows.
// FAILED_PRECONDITION when the metric is undefined on the rows, or in more than one of twenty resamples.
StatusOr<PairedInterval> ComparePaired(Metric metric, const ScoredRows& champion, const ScoredRows& candidate,
                                       absl::Span<const uint32_t> units, const BootstrapOptions& options);

}  // namespace vigil::validation
