#include "storage/testing/fake_catalog.h"

#include "absl/strings/str_cat.h"

namespace vigil::testing {

void FakeCatalog::FailWith(Status status) {
  std::lock_guard lock(mutex_);
  failure_ = std::move(status);
}

void FakeCatalog::BeforeNextApply(std::function<void()> hook) {
  std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

StatusOr<CatalogEntry> FakeCatalog::Get(std::string_view kind, std::string_view key) {
  std::lock_guard lock(mutex_);
  VIGIL_RETURN_IF_ERROR(failure_);
  const auto it = entries_.find({std::string(kind), std::string(key)});
  if (it == entries_.end() || !it->second.value.has_value()) {
    return absl::NotFoundError(absl::StrCat("no ", std::string(kind), " \"", std::string(key), "\""));
  }
  return CatalogEntry{std::string(key), *it->second.value, it->second.epoch};
}

StatusOr<std::vector<CatalogEntry>> FakeCatalog::List(std::string_view kind, std::string_view prefix, std::string_view after,
                                                      size_t limit) {
  std::lock_guard lock(mutex_);
  VIGIL_RETURN_IF_ERROR(failure_);
  std::vector<CatalogEntry> entries;
  for (const auto& [name, stored] : entries_) {
    if (name.first != kind || !name.second.starts_with(prefix) || name.second <= after || !stored.value.has_value()) continue;
    if (entries.size() == limit) break;
    entries.push_back({name.second, *stored.value, stored.epoch});
  }
  return entries;
}

StatusOr<std::vector<int64_t>> FakeCatalog::Apply(const std::vector<CatalogWrite>& writes, const std::vector<TimelineEvent>& events) {
  std::function<void()> hook;
  {
    std::lock_guard lock(mutex_);
    hook = std::exchange(hook_, nullptr);
  }
  if (hook) hook();
  std::lock_guard lock(mutex_);
  VIGIL_RETURN_IF_ERROR(failure_);
  auto next = entries_;
  std::vector<int64_t> epochs;
  for (const CatalogWrite& write : writes) {
    Stored& stored = next[{write.kind, write.key}];
    const int64_t visible = stored.value.has_value() ? stored.epoch : 0;
    if (write.expected_epoch != CatalogWrite::kAnyEpoch && write.expected_epoch != visible) {
      return absl::AbortedError(absl::StrCat(write.kind, " \"", write.key, "\" is at epoch ", visible, ", not ", write.expected_epoch));
    }
    if (write.value.has_value() || stored.value.has_value()) ++stored.epoch;
    stored.value = write.value;
    epochs.push_back(stored.epoch);
  }
  entries_ = std::move(next);
  for (TimelineEvent event : events) {
    event.sequence = static_cast<int64_t>(events_.size()) + 1;
    events_.push_back(std::move(event));
  }
  return epochs;
}

StatusOr<std::vector<TimelineEvent>> FakeCatalog::Timeline(std::string_view model, int64_t before, size_t limit) {
  std::lock_guard lock(mutex_);
  VIGIL_RETURN_IF_ERROR(failure_);
  std::vector<TimelineEvent> found;
  for (auto it = events_.rbegin(); it != events_.rend() && found.size() < limit; ++it) {
    if ((before == 0 || it->sequence < before) && (model.empty() || it->model == model)) found.push_back(*it);
  }
  return found;
}

}  // namespace vigil::testing
