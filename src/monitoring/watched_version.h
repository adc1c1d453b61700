// Everything that is kept of one version: its windows, what was already told of them, its baseline and its concept detector.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "monitoring/count_layout.h"
#include "monitoring/label_layout.h"
#include "monitoring/monitor.h"
#include "monitoring/window_findings.h"
#include "monitoring/window_map.h"
#include "stats/cusum.h"

namespace vigil {

// Which arms a series adds up, by bits; "" is all of them.
inline constexpr uint32_t kAllArms = 7;
inline constexpr uint32_t kServedArms = 3;  // without shadow: what callers saw
// "arm=champion" (also control, a), "arm=treatment" (also any other name an arm may have), "arm=shadow". 0: no arm's segment.
uint32_t ArmsOfSegment(std::string_view segment);
std::string SegmentOfArms(uint32_t arms);
uint32_t ArmOfName(std::string_view arm);

// Looks for more errors than in the version's first matured time. Fed hour by hour of prediction time; see AdvanceConcept.
struct ConceptState {
  int64_t next_hour = INT64_MIN;               // hours before it were taken
  int64_t first_hour = INT64_MIN;              // of the baseline
  int64_t labels = 0, errors = 0;              // of the baseline
  size_t error_bin = 0;                        // regression: what counts as an error
  std::optional<stats::BernoulliCusum> cusum;  // once the baseline is whole
  bool alarmed = false;                        // an alarm stands until a day's errors speak against it
};

// One matured day of the detector.
struct ConceptPoint {
  int64_t labels = 0;
  int64_t errors = 0;
  double peak = 0;       // largest value of the statistic that day; at least the threshold while an alarm stands
  double baseline = -1;  // error rate compared with; negative: none yet
  bool alarm = false;
};

// One thread at a time (the monitor's lock).
class WatchedVersion {
 public:
  WatchedVersion(const MonitoredVersion& version, const MonitorOptions& options);

  const MonitoredVersion& info() const { return info_; }
  void set_info(const MonitoredVersion& version) { info_ = version; }
  const std::shared_ptr<const CountLayout>& layout() const { return layout_; }
  const LabelLayout& labels() const { return labels_; }

  // Adds one thread's part of a minute to the minute, its hour and its day.
  void AddPart(uint32_t arm, int64_t minute, absl::Span<const int64_t> part);
  // False when the label has no place (LabelLayout::Add).
  bool AddLabelled(const LabelledPrediction& labelled);

  // Findings of windows that ended by `closing` and were not told before; of days whose labels matured by `matured`, or changed since.
  void Advance(TimeUs closing, TimeUs matured, std::vector<Finding>* out);
  // Closed and open windows of the query's length.
  void Series(const SeriesQuery& query, uint32_t arms, std::vector<Finding>* out) const;

  // Sums of chosen arms over windows [from, to) of one length; empty when there are none.
  std::vector<int64_t> Counts(const WindowMap& map, size_t width, int64_t from, int64_t to, uint32_t arms) const;
  const WindowMap& windows(Window window) const { return windows_[static_cast<size_t>(window)]; }
  const WindowMap& label_windows(Window window) const { return label_windows_[window == Window::kDay]; }
  WindowPlace Place(uint32_t arms, TimeUs start, TimeUs end) const;
  int64_t dropped() const;
  bool empty() const;  // no window holds a row or a label
  void Pack();

  void AppendTo(std::string* out) const;
  // Adds state that AppendTo wrote. False, with nothing changed, when it is malformed or of another layout.
  bool AddFrom(std::string_view bytes);

 private:
  void CloseWindows(TimeUs closing, std::vector<Finding>* out);
  void MatureDay(int64_t day, bool again, std::vector<Finding>* out);
  void ExtendBaseline(int64_t day, absl::Span<const int64_t> counts);
  void AdvanceConcept(int64_t day);
  void FeedConcept(int64_t hour, ConceptPoint* point);
  void AppendConcept(int64_t day, uint32_t arms, std::vector<Finding>* out) const;
  void Merge(WatchedVersion* other);

  MonitoredVersion info_;
  MonitorOptions options_;
  std::shared_ptr<const CountLayout> layout_;
  LabelLayout labels_;
  std::array<WindowMap, 3> windows_;                              // by Window; kArms arrays of the layout's width each
  std::array<WindowMap, 2> label_windows_;                        // hour, day
  std::array<int64_t, 3> next_{INT64_MIN, INT64_MIN, INT64_MIN};  // first index not yet told of
  int64_t next_day_ = INT64_MIN;                                  // first day not yet matured
  std::set<int64_t> changed_days_;                                // matured, but labels came since
  // The first matured performance_rolling_us, which later metrics are set beside.
  std::vector<int64_t> baseline_;  // integers of labels_; empty: none yet
  int64_t baseline_first_day_ = INT64_MIN;
  bool baseline_whole_ = false;
  ConceptState concept_;
  std::map<int64_t, ConceptPoint> concept_days_;
};

// Performance metrics of label counts: labelled_share, and the metrics of LabelLayout::Metrics where there are options.labels_min labels.
// `rolling` names them apart ("average_precision_rolling"), so that days and weeks are never one series.
void AppendPerformance(const WindowPlace& place, const LabelLayout& layout, absl::Span<const int64_t> labels, int64_t predicted,
                       absl::Span<const int64_t> baseline, const MonitorOptions& options, bool rolling, std::vector<Finding>* out);

}  // namespace vigil
