#include "monitoring/live_monitor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "monitoring/packed_counts.h"

namespace vigil {
namespace {
constexpr uint32_t kSlotsMax = 1 << 16;
}  // namespace

std::unique_ptr<Monitor> Monitor::Create(const MonitorOptions& options) { return std::make_unique<LiveMonitor>(options); }

LiveMonitor::LiveMonitor(const MonitorOptions& options) : options_(options), layouts_(std::make_shared<const LayoutTable>()) {}

Status LiveMonitor::AddVersion(const MonitoredVersion& version) {
  if (version.slot >= kSlotsMax) return absl::InvalidArgumentError(absl::StrCat("slot ", version.slot, " is not below ", kSlotsMax));
  if (version.reference != nullptr && version.reference->columns.size() != version.columns.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the reference profile of ", version.model, " ", version.version, " has ",
                                                   version.reference->columns.size(), " columns, the model ", version.columns.size()));
  }
  for (size_t c = 0; version.reference != nullptr && c < version.columns.size(); ++c) {
    if (version.reference->columns[c].name == version.columns[c]) continue;
    return absl::InvalidArgumentError(absl::StrCat("column ", c, " of the reference profile of ", version.model, " ", version.version,
                                                   " is \"", version.reference->columns[c].name, "\", of the model \"", version.columns[c],
                                                   "\""));
  }
  std::lock_guard lock(mutex_);
  const Name name{version.model, version.version};
  auto state = std::make_unique<WatchedVersion>(version, options_);
  std::unique_ptr<WatchedVersion>& known = versions_[name];
  if (known == nullptr) {
    known = std::move(state);
  } else if (known->layout()->fingerprint() == state->layout()->fingerprint() &&
             known->labels().fingerprint() == state->labels().fingerprint()) {
    known->set_info(version);  // loaded again: its windows go on
  } else {
    // Another reference: counts over other bins cannot be added to, so it starts afresh. Its labels, of whatever log schema, are its own.
    for (auto& [schema, owner] : by_schema_) owner = owner == known.get() ? state.get() : owner;
    known.swap(state);
    if (!state->empty()) counters_.windows_dropped += 1;
    replaced_.push_back(std::move(state));
  }
  models_[version.model];
  by_slot_[version.slot] = known.get();
  by_schema_[version.log_schema] = known.get();
  const std::shared_ptr<const LayoutTable> layouts = layouts_.Load();
  if (layouts->size() <= version.slot || (*layouts)[version.slot] != known->layout()) {  // else it was only loaded again
    auto table = std::make_shared<LayoutTable>(*layouts);
    if (table->size() <= version.slot) table->resize(version.slot + 1);
    (*table)[version.slot] = known->layout();
    layouts_.Publish(std::move(table));
  }
  const auto dormant = dormant_.find(name);
  if (dormant == dormant_.end()) return absl::OkStatus();
  const std::string bytes = std::move(dormant->second);
  dormant_.erase(dormant);
  if (!known->AddFrom(bytes)) counters_.windows_dropped += 1;
  return absl::OkStatus();
}

std::unique_ptr<MonitorWriter> LiveMonitor::NewWriter() {
  auto mailbox = std::make_shared<Mailbox>();
  {
    std::lock_guard lock(mutex_);
    mailboxes_.push_back(mailbox);
  }
  return std::make_unique<SketchWriter>(layouts_, std::move(mailbox), options_);
}

void LiveMonitor::AddLabelled(const LabelledPrediction& labelled) {
  std::lock_guard lock(mutex_);
  const auto found = by_schema_.find(labelled.schema);
  if (found == by_schema_.end()) {
    ++counters_.labels_unknown;
    return;
  }
  if (!found->second->AddLabelled(labelled)) {
    ++counters_.labels_refused;
    return;
  }
  ModelState& model = models_[found->second->info().model];
  const int64_t day = FloorDiv(labelled.time, kDayUs);
  if (day < model.next_day) model.changed_days.insert(day);
}

void LiveMonitor::Drain() const {
  for (size_t i = mailboxes_.size(); i-- > 0;) {
    // Only this list knows the mailbox: its writer is gone, and what it left is about to be taken.
    const bool last = mailboxes_[i].use_count() == 1;
    DrainOne(mailboxes_[i].get());
    if (last) mailboxes_.erase(mailboxes_.begin() + static_cast<ptrdiff_t>(i));
  }
}

void LiveMonitor::DrainOne(Mailbox* mailbox) const {
  {
    std::lock_guard lock(mailbox->mutex);
    std::swap(taken_, mailbox->sealed);
    counters_.rows_unknown += std::exchange(mailbox->rows_unknown, 0);
    counters_.rows_shed += std::exchange(mailbox->rows_shed, 0);
  }
  std::string_view in = taken_;
  while (!in.empty()) {
    SealedWindow head;
    const bool whole = TakeSealedHead(&in, &head);
    const auto found = by_slot_.find(head.slot);
    // Written by this process a moment ago, for a slot that had a layout.
    if (!whole || found == by_slot_.end()) break;
    part_.assign(found->second->layout()->width(), 0);
    if (!AddPacked(&in, absl::MakeSpan(part_))) break;
    found->second->AddPart(head.arm, head.minute, part_);
  }
  taken_.clear();
}

std::vector<Finding> LiveMonitor::Advance(TimeUs now) {
  std::lock_guard lock(mutex_);
  Drain();
  std::vector<Finding> findings;
  const TimeUs at = std::clamp(now, -kWindowTimeMax, kWindowTimeMax);
  const TimeUs closing = at - options_.lateness_us, matured = closing - options_.label_horizon_us;
  for (auto& [name, version] : versions_) version->Advance(closing, matured, &findings);
  for (auto& [model, state] : models_) AdvanceModel(model, closing, matured, &findings);
  for (auto& [name, version] : versions_) version->Pack();
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) { return a.window_end < b.window_end; });
  return findings;
}

void LiveMonitor::AdvanceModel(const std::string& model, TimeUs closing, TimeUs matured, std::vector<Finding>* out) {
  AdvanceTraffic(model, FloorDiv(closing, kHourUs), out);
  ModelState& state = models_[model];
  const int64_t end = FloorDiv(matured, kDayUs);
  std::set<int64_t> days = std::move(state.changed_days);
  state.changed_days.clear();
  for (const WatchedVersion* version : VersionsOf(model)) {
    for (const int64_t day : version->windows(Window::kDay).Indices(state.next_day, end)) days.insert(day);
    for (const int64_t day : version->label_windows(Window::kDay).Indices(state.next_day, end)) days.insert(day);
  }
  for (const int64_t day : days) TogetherPerformance(model, Window::kDay, day, out);
  state.next_day = std::max(state.next_day, end);
}

// A model's traffic by the hour, whoever answered. An hour without any is told of too: that is the one that matters.
void LiveMonitor::AdvanceTraffic(const std::string& model, int64_t end, std::vector<Finding>* out) {
  ModelState& state = models_[model];
  if (state.next_hour == INT64_MIN) {
    int64_t first = INT64_MAX;
    for (const WatchedVersion* version : VersionsOf(model)) {
      const std::vector<int64_t> hours = version->windows(Window::kHour).Indices(INT64_MIN, end);
      if (!hours.empty()) first = std::min(first, hours.front());
    }
    if (first == INT64_MAX) return;
    state.next_hour = first;
  }
  for (int64_t hour = std::max(state.next_hour, end - options_.hour_windows_max); hour < end; ++hour) {
    const size_t before = out->size();
    TogetherTraffic(model, Window::kHour, hour, out);
    if (out->size() > before) continue;
    WindowPlace place{model, "", "", hour * kHourUs, (hour + 1) * kHourUs};
    out->push_back(place.Make("traffic", "rows", 0, 0));
    out->push_back(place.Make("traffic", "rows_per_second", 0, 0));
  }
  state.next_hour = std::max(state.next_hour, end);
}

std::vector<const WatchedVersion*> LiveMonitor::VersionsOf(const std::string& model) const {
  std::vector<const WatchedVersion*> versions;
  for (auto it = versions_.lower_bound({model, ""}); it != versions_.end() && it->first.first == model; ++it) {
    versions.push_back(it->second.get());
  }
  return versions;
}

MonitorCounters LiveMonitor::counters() const {
  std::lock_guard lock(mutex_);
  MonitorCounters counters = counters_;
  for (const auto& [name, version] : versions_) counters.windows_dropped += version->dropped();
  return counters;
}

}  // namespace vigil
