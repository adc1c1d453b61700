// A catalog in memory that can be told to fail: what tests of the layers above storage run on.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "storage/catalog.h"

namespace vigil::testing {

// Any thread.
class MemoryCatalog final : public Catalog {
 public:
  StatusOr<CatalogEntry> Get(std::string_view kind, std::string_view key) override {
    std::lock_guard lock(mutex_);
    const auto found = entries_.find({std::string(kind), std::string(key)});
    if (found == entries_.end()) return absl::NotFoundError("catalog: no " + std::string(key));
    return found->second;
  }

  StatusOr<std::vector<CatalogEntry>> List(std::string_view kind, std::string_view prefix, std::string_view after, size_t limit) override {
    std::lock_guard lock(mutex_);
    std::vector<CatalogEntry> found;
    for (const auto& [key, entry] : entries_) {
      if (key.first != kind || !key.second.starts_with(prefix) || key.second <= after) continue;
      if (found.size() == limit) break;
      found.push_back(entry);
    }
    return found;
  }

  StatusOr<std::vector<int64_t>> Apply(const std::vector<CatalogWrite>& writes, const std::vector<TimelineEvent>& events) override {
    std::lock_guard lock(mutex_);
    ++applies_;
    if (!failure_.ok()) return failure_;
    for (const CatalogWrite& write : writes) {
      const auto found = entries_.find({write.kind, write.key});
      const int64_t epoch = found == entries_.end() ? 0 : found->second.epoch;
      if (write.expected_epoch != CatalogWrite::kAnyEpoch && write.expected_epoch != epoch) {
        return absl::AbortedError(write.key + " is at epoch " + std::to_string(epoch));
      }
    }
    std::vector<int64_t> epochs;
    for (const CatalogWrite& write : writes) {
      const std::pair<std::string, std::string> key(write.kind, write.key);
      if (!write.value) {
        entries_.erase(key);
        epochs.push_back(0);
        continue;
      }
      CatalogEntry& entry = entries_[key];
      entry = {write.key, *write.value, entry.epoch + 1};
      epochs.push_back(entry.epoch);
    }
    for (TimelineEvent event : events) {
      event.sequence = static_cast<int64_t>(timeline_.size()) + 1;
      timeline_.push_back(std::move(event));
    }
    return epochs;
  }

  StatusOr<std::vector<TimelineEvent>> Timeline(std::string_view model, int64_t before, size_t limit) override {
    std::lock_guard lock(mutex_);
    std::vector<TimelineEvent> found;
    for (size_t i = timeline_.size(); i-- > 0 && found.size() < limit;) {
      if (before != 0 && timeline_[i].sequence >= before) continue;
      if (model.empty() || timeline_[i].model == model) found.push_back(timeline_[i]);
    }
    return found;
  }

  // Every Apply fails with `failure` until it is OK again.
  void FailWith(Status failure) {
    std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
  }
  int applies() const {
    std::lock_guard lock(mutex_);
    return applies_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, CatalogEntry> entries_;
  std::vector<TimelineEvent> timeline_;
  Status failure_;
  int applies_ = 0;
};

}  // namespace vigil::testing
