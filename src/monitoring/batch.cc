#include "monitoring/batch.h"

#include <algorithm>
#include <cmath>

#include "monitoring/watched_version.h"
#include "monitoring/window_findings.h"

namespace vigil {
namespace {
constexpr int64_t kFlushRows = 1 << 20;
}  // namespace

BatchMonitor::BatchMonitor(const MonitoredVersion& version, const MonitorOptions& options)
    : version_(version),
      options_(options),
      layout_(version_),
      labels_(version_, options.decision_threshold),
      counts_(layout_.counts_width()),
      sums_(layout_.columns().size()),
      totals_(layout_.counts_width()),
      label_counts_(labels_.width()) {}

void BatchMonitor::Add(absl::Span<const float> features, absl::Span<const float> outputs, double label, TimeUs time) {
  first_ = rows_ == 0 ? time : std::min(first_, time);
  last_ = rows_ == 0 ? time : std::max(last_, time);
  if (++rows_ % kFlushRows == 0) Flush();
  Observation row;
  row.features = features;
  row.outputs = outputs;
  layout_.Count(row, counts_.data(), sums_.data());
  if (!std::isnan(label)) labels_.Add(outputs, label, 1, absl::MakeSpan(label_counts_));
}

void BatchMonitor::Flush() const {
  for (size_t i = 0; i < counts_.size(); ++i) totals_[i] += counts_[i];
  std::fill(counts_.begin(), counts_.end(), 0);
}

std::vector<Finding> BatchMonitor::Findings() const {
  Flush();
  std::vector<int64_t> counts = totals_;
  counts.insert(counts.end(), sums_.begin(), sums_.end());
  // Whole days, as live windows are: rows without times are one day's.
  WindowPlace place{version_.model, version_.version, "", FloorDiv(first_, kDayUs) * kDayUs, (FloorDiv(last_, kDayUs) + 1) * kDayUs};
  std::vector<Finding> findings;
  AppendQuality(place, layout_, counts, options_, &findings);
  AppendDrift(place, layout_, counts, options_, true, &findings);
  if (LabelLayout::Labels(label_counts_) > 0) {
    AppendPerformance(place, labels_, label_counts_, rows_, {}, options_, false, &findings);
  }
  return findings;
}

}  // namespace vigil
