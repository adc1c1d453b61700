#include "monitoring/watched_version.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace vigil {
namespace {

constexpr std::array<const char*, kArms> kArmNames = {"champion", "treatment", "shadow"};

// Hours of a day, days of a week: windows of one length nest in those of the next.
int64_t FirstIndexAfter(int64_t next, int64_t end) { return std::max(next, end); }

}  // namespace

uint32_t ArmOfName(std::string_view arm) {
  if (arm.empty() || arm == "champion" || arm == "control" || arm == "a") return 0;
  return arm == "shadow" ? 2 : 1;
}

uint32_t ArmsOfSegment(std::string_view segment) {
  if (segment.empty()) return kAllArms;
  if (!segment.starts_with("arm=") || segment.size() == 4) return 0;
  return 1u << ArmOfName(segment.substr(4));
}

std::string SegmentOfArms(uint32_t arms) {
  for (size_t arm = 0; arm < kArms; ++arm) {
    if (arms == 1u << arm) return absl::StrCat("arm=", kArmNames[arm]);
  }
  return "";
}

WatchedVersion::WatchedVersion(const MonitoredVersion& version, const MonitorOptions& options)
    : info_(version),
      options_(options),
      layout_(std::make_shared<const CountLayout>(version)),
      labels_(version, options.decision_threshold),
      windows_{WindowMap(kArms * layout_->width(), kMinuteUs, options.minute_windows_max, options.open_windows_max),
               WindowMap(kArms * layout_->width(), kHourUs, options.hour_windows_max, options.open_windows_max),
               WindowMap(kArms * layout_->width(), kDayUs, options.day_windows_max, options.open_windows_max)},
      label_windows_{WindowMap(kArms * labels_.width(), kHourUs, options.hour_windows_max, options.open_windows_max),
                     WindowMap(kArms * labels_.width(), kDayUs, options.day_windows_max, options.open_windows_max)} {}

void WatchedVersion::AddPart(uint32_t arm, int64_t minute, absl::Span<const int64_t> part) {
  for (WindowMap& map : windows_) {
    const absl::Span<int64_t> window = map.Open(map.IndexOf(minute * kMinuteUs));
    if (window.empty()) continue;
    int64_t* const into = window.data() + arm * layout_->width();
    for (size_t i = 0; i < part.size(); ++i) into[i] += part[i];
  }
}

bool WatchedVersion::AddLabelled(const LabelledPrediction& labelled) {
  const TimeUs time = std::clamp(labelled.time, -kWindowTimeMax, kWindowTimeMax);
  const uint32_t arm = ArmOfName(labelled.arm);
  bool placed = true;
  for (WindowMap& map : label_windows_) {
    const absl::Span<int64_t> window = map.Open(map.IndexOf(time));
    if (window.empty()) continue;
    const absl::Span<int64_t> into = window.subspan(arm * labels_.width(), labels_.width());
    if (labelled.replaced) labels_.Add(labelled.outputs, labelled.previous_label, -1, into);
    placed = labels_.Add(labelled.outputs, labelled.label, 1, into);
  }
  const int64_t day = FloorDiv(time, kDayUs);
  if (day < next_day_) changed_days_.insert(day);
  return placed;
}

std::vector<int64_t> WatchedVersion::Counts(const WindowMap& map, size_t width, int64_t from, int64_t to, uint32_t arms) const {
  std::vector<int64_t> sums;
  std::vector<int64_t> all;
  for (const int64_t index : map.Indices(from, to)) {
    all.resize(map.width());
    map.AddTo(index, absl::MakeSpan(all));
  }
  if (all.empty()) return sums;
  sums.assign(width, 0);
  for (size_t arm = 0; arm < kArms; ++arm) {
    if ((arms >> arm & 1) == 0) continue;
    for (size_t i = 0; i < width; ++i) sums[i] += all[arm * width + i];
  }
  return sums;
}

WindowPlace WatchedVersion::Place(uint32_t arms, TimeUs start, TimeUs end) const {
  return {info_.model, info_.version, SegmentOfArms(arms), start, end};
}

void WatchedVersion::Advance(TimeUs closing, TimeUs matured, std::vector<Finding>* out) {
  CloseWindows(closing, out);
  const int64_t end = FloorDiv(matured, kDayUs);  // days before it are over and labelled
  std::set<int64_t> days;
  for (const int64_t day : windows(Window::kDay).Indices(next_day_, end)) days.insert(day);
  for (const int64_t day : label_windows(Window::kDay).Indices(next_day_, end)) days.insert(day);
  for (const int64_t day : changed_days_) MatureDay(day, true, out);
  changed_days_.clear();
  for (const int64_t day : days) MatureDay(day, false, out);
  next_day_ = FirstIndexAfter(next_day_, end);
}

void WatchedVersion::CloseWindows(TimeUs closing, std::vector<Finding>* out) {
  for (const Window window : {Window::kMinute, Window::kHour, Window::kDay}) {
    const WindowMap& map = windows(window);
    int64_t& next = next_[static_cast<size_t>(window)];
    const int64_t end = map.IndexOf(closing);
    for (const int64_t index : map.Indices(next, end)) {
      const std::vector<int64_t> counts = Counts(map, layout_->width(), index, index + 1, kAllArms);
      const WindowPlace place = Place(kAllArms, map.Start(index), map.Start(index + 1));
      // One length a kind, so that an alert rule reads one series: traffic by the minute, quality by the hour, drift by the day.
      if (window == Window::kMinute) AppendTraffic(place, counts, out);
      if (window == Window::kHour) AppendQuality(place, *layout_, counts, options_, out);
      if (window == Window::kDay) AppendDrift(place, *layout_, counts, options_, true, out);
    }
    next = FirstIndexAfter(next, end);
  }
}

void WatchedVersion::MatureDay(int64_t day, bool again, std::vector<Finding>* out) {
  const std::vector<int64_t> rows = Counts(windows(Window::kDay), layout_->width(), day, day + 1, kAllArms);
  std::vector<int64_t> labels = Counts(label_windows(Window::kDay), labels_.width(), day, day + 1, kAllArms);
  labels.resize(labels_.width());
  if (!again) ExtendBaseline(day, labels);
  const absl::Span<const int64_t> baseline = baseline_whole_ ? absl::MakeConstSpan(baseline_) : absl::Span<const int64_t>();
  AppendPerformance(Place(kAllArms, day * kDayUs, (day + 1) * kDayUs), labels_, labels, rows.empty() ? 0 : rows[kRows], baseline, options_,
                    false, out);
  const int64_t days = options_.performance_rolling_us / kDayUs;
  if (days > 1 && baseline_first_day_ != INT64_MIN && day - days + 1 >= baseline_first_day_) {
    const int64_t from = day - days + 1;
    std::vector<int64_t> rolling = Counts(label_windows(Window::kDay), labels_.width(), from, day + 1, kAllArms);
    rolling.resize(labels_.width());
    const std::vector<int64_t> served = Counts(windows(Window::kDay), layout_->width(), from, day + 1, kAllArms);
    AppendPerformance(Place(kAllArms, from * kDayUs, (day + 1) * kDayUs), labels_, rolling, served.empty() ? 0 : served[kRows], baseline,
                      options_, true, out);
  }
  if (!again) {
    AdvanceConcept(day);
    AppendConcept(day, kAllArms, out);
  }
}

void WatchedVersion::ExtendBaseline(int64_t day, absl::Span<const int64_t> counts) {
  if (baseline_whole_ || LabelLayout::Labels(counts) == 0) return;
  if (baseline_.empty()) {
    baseline_.assign(labels_.width(), 0);
    baseline_first_day_ = day;
  }
  for (size_t i = 0; i < counts.size(); ++i) baseline_[i] += counts[i];
  baseline_whole_ =
      (day + 1 - baseline_first_day_) * kDayUs >= options_.performance_rolling_us && LabelLayout::Labels(baseline_) >= options_.labels_min;
}

int64_t WatchedVersion::dropped() const {
  int64_t dropped = 0;
  for (const WindowMap& map : windows_) dropped += map.dropped();
  for (const WindowMap& map : label_windows_) dropped += map.dropped();
  return dropped;
}

bool WatchedVersion::empty() const {
  const auto none = [](const WindowMap& map) { return map.empty(); };
  return std::all_of(windows_.begin(), windows_.end(), none) && std::all_of(label_windows_.begin(), label_windows_.end(), none);
}

void WatchedVersion::Pack() {
  for (WindowMap& map : windows_) map.Pack();
  for (WindowMap& map : label_windows_) map.Pack();
}

void AppendPerformance(const WindowPlace& place, const LabelLayout& layout, absl::Span<const int64_t> labels, int64_t predicted,
                       absl::Span<const int64_t> baseline, const MonitorOptions& options, bool rolling, std::vector<Finding>* out) {
  const int64_t n = LabelLayout::Labels(labels);
  // Labels of predictions from before the state was kept have no counted prediction.
  const double maturity = predicted > n ? static_cast<double>(n) / static_cast<double>(predicted) : n > 0 ? 1 : 0;
  const auto add = [&](const char* metric, double value, int64_t of) -> Finding& {
    out->push_back(place.Make("performance", metric, value, of));
    if (rolling) out->back().metric += "_rolling";
    out->back().maturity = maturity;
    return out->back();
  };
  if (std::max(predicted, n) > 0) add("labelled_share", maturity, std::max(predicted, n));
  if (n < options.labels_min) return;
  const std::vector<Metric> before = baseline.empty() ? std::vector<Metric>() : layout.Metrics(baseline);
  for (const Metric& metric : layout.Metrics(labels)) {
    Finding& finding = add(metric.name, metric.value, n);
    for (const Metric& b : before) {
      if (std::string_view(b.name) == metric.name) finding.baseline = b.value;
    }
  }
}

}  // namespace vigil
