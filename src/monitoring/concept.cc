// WatchedVersion's concept detector: a likelihood-ratio CUSUM of errors in the order of prediction time, an hour at a time, once the
// hour's labels have matured. A label that comes later still changes performance but not what the detector has already taken.
#include <algorithm>
#include <cmath>

#include "monitoring/watched_version.h"

namespace vigil {

void WatchedVersion::AdvanceConcept(int64_t day) {
  constexpr int64_t kHours = kDayUs / kHourUs;
  ConceptPoint point;
  for (const int64_t hour : label_windows(Window::kHour).Indices(std::max(concept_.next_hour, day * kHours), (day + 1) * kHours)) {
    FeedConcept(hour, &point);
  }
  concept_.next_hour = std::max(concept_.next_hour, (day + 1) * kHours);
  if (point.labels == 0) return;
  if (concept_.alarmed && !point.alarm) {
    // Between p0 and the sought p1 lies the rate at which the evidence neither grows nor shrinks.
    const double neutral = point.baseline * (options_.cusum_error_ratio - 1) / std::log(options_.cusum_error_ratio);
    concept_.alarmed = static_cast<double>(point.errors) > neutral * static_cast<double>(point.labels);
  }
  concept_.alarmed |= point.alarm;
  if (concept_.alarmed) {
    point.alarm = true;
    point.peak = std::max(point.peak, options_.cusum_threshold);
  }
  concept_days_[day] = point;
  while (static_cast<int64_t>(concept_days_.size()) > options_.day_windows_max) concept_days_.erase(concept_days_.begin());
}

void WatchedVersion::FeedConcept(int64_t hour, ConceptPoint* point) {
  const std::vector<int64_t> counts = Counts(label_windows(Window::kHour), labels_.width(), hour, hour + 1, kAllArms);
  const int64_t labels = counts.empty() ? 0 : LabelLayout::Labels(counts);
  if (labels <= 0) return;
  if (concept_.first_hour == INT64_MIN) {
    concept_.first_hour = hour;
    if (labels_.task() == Task::kRegression) {
      // What an error is comes from the first day; later hours of the baseline give its rate.
      concept_.error_bin = labels_.ErrorBin(Counts(label_windows(Window::kHour), labels_.width(), hour, hour + 24, kAllArms));
    }
  }
  const int64_t errors = std::clamp<int64_t>(labels_.Errors(counts, concept_.error_bin), 0, labels);
  point->labels += labels;
  point->errors += errors;
  if (!concept_.cusum) {
    concept_.labels += labels;
    concept_.errors += errors;
    const bool whole = (hour + 1 - concept_.first_hour) * kHourUs >= options_.concept_baseline_us &&
                       concept_.labels >= options_.concept_labels_min && concept_.errors >= options_.concept_errors_min;
    if (!whole) return;
    const double rate = (static_cast<double>(concept_.errors) + 0.5) / (static_cast<double>(concept_.labels) + 1);
    auto cusum = stats::BernoulliCusum::Create({.rate = rate, .ratio = options_.cusum_error_ratio, .threshold = options_.cusum_threshold});
    if (cusum.ok()) concept_.cusum = *std::move(cusum);
    return;
  }
  stats::BernoulliCusum& cusum = *concept_.cusum;
  point->baseline = cusum.options().rate;
  const double step = std::log(std::min(options_.cusum_error_ratio * point->baseline, (1 + point->baseline) / 2) / point->baseline);
  // The order within the hour is not kept: its errors are taken as evenly spread.
  for (int64_t i = 0, seen = 0; i < labels; ++i) {
    const auto due = static_cast<int64_t>(static_cast<__int128>(i + 1) * errors / labels);
    const double before = cusum.statistic();
    const bool alarm = cusum.Add(due > seen);
    seen = due;
    // The statistic starts again at an alarm; what it had reached is one step above where it was.
    point->peak = std::max(point->peak, alarm ? before + step : cusum.statistic());
    point->alarm |= alarm;
  }
}

void WatchedVersion::AppendConcept(int64_t day, uint32_t arms, std::vector<Finding>* out) const {
  const auto found = concept_days_.find(day);
  if (found == concept_days_.end() || arms != kAllArms) return;
  const ConceptPoint& point = found->second;
  const WindowPlace place = Place(kAllArms, day * kDayUs, (day + 1) * kDayUs);
  out->push_back(place.Make("concept", "error_rate", static_cast<double>(point.errors) / static_cast<double>(point.labels), point.labels));
  if (point.baseline < 0) return;
  out->back().baseline = point.baseline;
  out->push_back(place.Make("concept", "cusum", point.peak, point.labels));
  out->back().significant = point.alarm;
}

}  // namespace vigil
