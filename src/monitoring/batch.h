// The same statistics over rows that lie in a file: what `vigil monitor` runs. No windows, no clock: one set of rows against a reference.
#pragma once

#include <memory>
#include <vector>

#include "monitoring/count_layout.h"
#include "monitoring/label_layout.h"
#include "monitoring/monitor.h"

namespace vigil {

// One thread at a time. A live window of the same rows gives the same quality, drift and performance findings, number for number.
class BatchMonitor {
 public:
  // `version.reference` must be set and have version.columns. Findings carry version's names.
  BatchMonitor(const MonitoredVersion& version, const MonitorOptions& options);

  // `outputs` may be empty (unknown), `label` NaN (unknown). `time` stretches the window that the findings name.
  void Add(absl::Span<const float> features, absl::Span<const float> outputs, double label, TimeUs time = 0);
  int64_t rows() const { return rows_; }

  // Kinds quality, drift, and performance where labels were given.
  std::vector<Finding> Findings() const;

 private:
  void Flush() const;

  const MonitoredVersion version_;
  const MonitorOptions options_;
  const CountLayout layout_;
  const LabelLayout labels_;
  mutable std::vector<uint32_t> counts_;  // of the last rows, added to the sums before they can overflow
  std::vector<int64_t> sums_;
  mutable std::vector<int64_t> totals_;
  std::vector<int64_t> label_counts_;
  int64_t rows_ = 0;
  TimeUs first_ = 0;
  TimeUs last_ = 0;
};

}  // namespace vigil
