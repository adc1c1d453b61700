// What the page and the API ask for: findings of any window length, computed from the merged counts.
#include <algorithm>
#include <set>

#include "monitoring/live_monitor.h"

namespace vigil {
namespace {

// Every index of `map` whose window overlaps [from, to).
std::vector<int64_t> IndicesIn(const WindowMap& map, TimeUs from, TimeUs to) {
  const TimeUs first = std::clamp(from, -kWindowTimeMax, kWindowTimeMax), last = std::clamp(to, -kWindowTimeMax, kWindowTimeMax);
  if (first >= last) return {};
  return map.Indices(map.IndexOf(first), map.IndexOf(last - 1) + 1);
}

// Findings are made newest window first; stops once there are enough of the wanted column.
bool Enough(const SeriesQuery& query, std::vector<Finding>* out, size_t* kept) {
  const auto other = [&](const Finding& f) { return !query.column.empty() && f.column != query.column; };
  out->erase(std::remove_if(out->begin() + static_cast<ptrdiff_t>(*kept), out->end(), other), out->end());
  *kept = out->size();
  return *kept >= query.points_max;
}

Window LabelWindow(Window window) { return window == Window::kDay ? Window::kDay : Window::kHour; }

}  // namespace

void WatchedVersion::Series(const SeriesQuery& query, uint32_t arms, std::vector<Finding>* out) const {
  size_t kept = out->size();
  const size_t before = kept;
  SeriesQuery rest = query;
  rest.points_max = before + query.points_max;
  if (query.kind == "performance") {
    const WindowMap& map = label_windows(LabelWindow(query.window));
    const WindowMap& rows_map = windows(LabelWindow(query.window));
    std::set<int64_t, std::greater<>> indices;
    for (const WindowMap* m : {&map, &rows_map}) {
      for (const int64_t index : IndicesIn(*m, query.from, query.to)) indices.insert(index);
    }
    const absl::Span<const int64_t> baseline = baseline_whole_ ? absl::MakeConstSpan(baseline_) : absl::Span<const int64_t>();
    for (const int64_t index : indices) {
      const std::vector<int64_t> rows = Counts(rows_map, layout_->width(), index, index + 1, arms);
      std::vector<int64_t> labels = Counts(map, labels_.width(), index, index + 1, arms);
      labels.resize(labels_.width());
      AppendPerformance(Place(arms, map.Start(index), map.Start(index + 1)), labels_, labels, rows.empty() ? 0 : rows[kRows], baseline,
                        options_, false, out);
      if (Enough(rest, out, &kept)) return;
    }
    return;
  }
  if (query.kind == "concept") {
    for (auto it = concept_days_.rbegin(); it != concept_days_.rend(); ++it) {
      if ((it->first + 1) * kDayUs <= query.from || it->first * kDayUs >= query.to) continue;
      AppendConcept(it->first, arms, out);
      if (Enough(rest, out, &kept)) return;
    }
    return;
  }
  const WindowMap& map = windows(query.window);
  std::vector<int64_t> indices = IndicesIn(map, query.from, query.to);
  std::reverse(indices.begin(), indices.end());
  for (const int64_t index : indices) {
    const std::vector<int64_t> counts = Counts(map, layout_->width(), index, index + 1, arms);
    const WindowPlace place = Place(arms, map.Start(index), map.Start(index + 1));
    if (query.kind == "traffic") AppendTraffic(place, counts, out);
    if (query.kind == "quality") AppendQuality(place, *layout_, counts, options_, out);
    if (query.kind == "drift") AppendDrift(place, *layout_, counts, options_, query.window == Window::kDay, out);
    if (Enough(rest, out, &kept)) return;
  }
}

std::vector<Finding> LiveMonitor::Series(const SeriesQuery& query) const {
  std::vector<Finding> findings;
  const uint32_t arms = ArmsOfSegment(query.segment);
  if (arms == 0) return findings;
  std::lock_guard lock(mutex_);
  Drain();
  if (query.together) {
    TogetherSeries(query, &findings);
  } else {
    for (const WatchedVersion* version : VersionsOf(query.model)) {
      if (query.version.empty() || query.version == version->info().version) version->Series(query, arms, &findings);
    }
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) { return a.window_start < b.window_start; });
  if (findings.size() > query.points_max) findings.erase(findings.begin(), findings.end() - static_cast<ptrdiff_t>(query.points_max));
  return findings;
}

void LiveMonitor::TogetherSeries(const SeriesQuery& query, std::vector<Finding>* out) const {
  const bool performance = query.kind == "performance";
  if (!performance && query.kind != "traffic") return;
  const Window window = performance ? LabelWindow(query.window) : query.window;
  std::set<int64_t, std::greater<>> indices;
  for (const WatchedVersion* version : VersionsOf(query.model)) {
    for (const int64_t index : IndicesIn(version->windows(window), query.from, query.to)) indices.insert(index);
    if (!performance) continue;
    for (const int64_t index : IndicesIn(version->label_windows(window), query.from, query.to)) indices.insert(index);
  }
  size_t kept = 0;
  for (const int64_t index : indices) {
    if (performance) {
      TogetherPerformance(query.model, window, index, out);
    } else {
      TogetherTraffic(query.model, window, index, out);
    }
    if (Enough(query, out, &kept)) return;
  }
}

void LiveMonitor::TogetherPerformance(const std::string& model, Window window, int64_t index, std::vector<Finding>* out) const {
  const WatchedVersion* first = nullptr;
  std::vector<int64_t> sums;
  int64_t predicted = 0;
  for (const WatchedVersion* version : VersionsOf(model)) {
    // Versions that count labels otherwise (another task, another scale) cannot be added; the first one's kind is told.
    if (first != nullptr && version->labels().fingerprint() != first->labels().fingerprint()) continue;
    first = first != nullptr ? first : version;
    sums.resize(version->labels().width());
    const std::vector<int64_t> rows = version->Counts(version->windows(window), version->layout()->width(), index, index + 1, kServedArms);
    predicted += rows.empty() ? 0 : rows[kRows];
    const std::vector<int64_t> labels =
        version->Counts(version->label_windows(window), version->labels().width(), index, index + 1, kServedArms);
    for (size_t i = 0; i < labels.size(); ++i) sums[i] += labels[i];
  }
  if (first == nullptr) return;
  const WindowMap& map = first->label_windows(window);
  WindowPlace place = first->Place(kAllArms, map.Start(index), map.Start(index + 1));
  place.version.clear();
  AppendPerformance(place, first->labels(), sums, predicted, {}, options_, false, out);
}

void LiveMonitor::TogetherTraffic(const std::string& model, Window window, int64_t index, std::vector<Finding>* out) const {
  std::vector<int64_t> sums(kCommonWidth);
  const WatchedVersion* first = nullptr;
  for (const WatchedVersion* version : VersionsOf(model)) {
    first = version;
    const std::vector<int64_t> counts =
        version->Counts(version->windows(window), version->layout()->width(), index, index + 1, kServedArms);
    for (size_t i = 0; i < std::min(counts.size(), kCommonWidth); ++i) sums[i] += counts[i];
  }
  if (first == nullptr) return;
  const WindowMap& map = first->windows(window);
  WindowPlace place = first->Place(kAllArms, map.Start(index), map.Start(index + 1));
  place.version.clear();
  AppendTraffic(place, sums, out);
}

}  // namespace vigil
