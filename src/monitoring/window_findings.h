// From a window's integers to findings: traffic, quality and drift. The same code serves live windows and batches. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "domain/finding.h"
#include "monitoring/count_layout.h"
#include "monitoring/monitor.h"

namespace vigil {

// Where findings belong: series and point, but for metric, kind and column.
struct WindowPlace {
  std::string model;
  std::string version;
  std::string segment;
  TimeUs start = 0;
  TimeUs end = 0;

  Finding Make(const char* kind, const char* metric, double value, int64_t n) const;
};

// rows, rows_per_second, refused_rows, refused_share, failure_share, latency_{p50,p95,p99}_us. `counts` begins with a layout's common part.
void AppendTraffic(const WindowPlace& place, absl::Span<const int64_t> counts, std::vector<Finding>* out);

// missing_share, out_of_range_share, infinite_share a column; outlier_share (from options.rows_min rows) and cleaned_share of rows. The
// first two and outlier_share have p values: given how many there are in reference and window together, the window's part is binomial;
// where the reference tells its worst hour of the week, that is the share compared with, or every night would alarm. A window gets its
// share of the day's `significance`, so a false alarm is as rare by the hour as by the day.
void AppendQuality(const WindowPlace& place, const CountLayout& layout, absl::Span<const int64_t> counts, const MonitorOptions& options,
                   std::vector<Finding>* out);

// psi, js (base 2), ks (numeric columns), chi2, mean_shift (in the reference's standard deviations) a column, the score's own as column
// "score", and drifted_share, the share of feature columns whose psi is significant. Nothing below options.rows_min rows.
//
// significant: Benjamini-Hochberg over the columns accepts the p value, and the shift matters: PSI less what sampling noise alone
// would give is at least options.drift_effect_min, and drift_variation_factor times what the reference's own days differ by. Without
// the second, every feature with a week or a season would alarm for ever: no Tuesday is like the whole reference.
// `claim`: false for windows shorter than those the reference's days can speak for; then nothing is called significant, and ks goes
// without its costly p value.
void AppendDrift(const WindowPlace& place, const CountLayout& layout, absl::Span<const int64_t> counts, const MonitorOptions& options,
                 bool claim, std::vector<Finding>* out);

}  // namespace vigil
