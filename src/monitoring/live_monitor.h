// The monitor: mailboxes of the writers on one side, versions' windows under one lock on the other.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/published.h"
#include "monitoring/monitor.h"
#include "monitoring/sketch.h"
#include "monitoring/watched_version.h"

namespace vigil {

class LiveMonitor final : public Monitor {
 public:
  explicit LiveMonitor(const MonitorOptions& options);

  Status AddVersion(const MonitoredVersion& version) override;
  std::unique_ptr<MonitorWriter> NewWriter() override;
  void AddLabelled(const LabelledPrediction& labelled) override;
  std::vector<Finding> Advance(TimeUs now) override;
  std::vector<Finding> Series(const SeriesQuery& query) const override;
  std::string Serialize() const override;
  Status Restore(std::string_view state) override;
  MonitorCounters counters() const override;

 private:
  using Name = std::pair<std::string, std::string>;  // model, version

  // What all versions of one model did together.
  struct ModelState {
    int64_t next_day = INT64_MIN;   // first day not yet matured
    int64_t next_hour = INT64_MIN;  // first hour of traffic not yet told of
    std::set<int64_t> changed_days;
  };

  // All of these need the lock.
  void Drain() const;  // takes what the writers sealed
  void DrainOne(Mailbox* mailbox) const;
  void AdvanceModel(const std::string& model, TimeUs closing, TimeUs matured, std::vector<Finding>* out);
  void AdvanceTraffic(const std::string& model, int64_t end, std::vector<Finding>* out);
  void TogetherPerformance(const std::string& model, Window window, int64_t index, std::vector<Finding>* out) const;
  void TogetherTraffic(const std::string& model, Window window, int64_t index, std::vector<Finding>* out) const;
  void TogetherSeries(const SeriesQuery& query, std::vector<Finding>* out) const;
  std::vector<const WatchedVersion*> VersionsOf(const std::string& model) const;

  const MonitorOptions options_;
  Published<LayoutTable> layouts_;  // what the writers read

  mutable std::mutex mutex_;
  std::map<Name, std::unique_ptr<WatchedVersion>> versions_;
  // Parts under way carry the slot that their version had when they were counted, so a slot once known stays known. A version whose
  // reference somebody changed leaves its former state behind for them; nothing reads it.
  std::unordered_map<uint32_t, WatchedVersion*> by_slot_;
  std::vector<std::unique_ptr<WatchedVersion>> replaced_;
  std::unordered_map<uint32_t, WatchedVersion*> by_schema_;
  std::map<std::string, ModelState> models_;
  std::map<Name, std::string> dormant_;  // restored state of versions that were not added yet
  // Reading the writers' mail is part of answering a Series: hence mutable.
  mutable std::vector<std::shared_ptr<Mailbox>> mailboxes_;
  mutable std::string taken_;  // swapped with a mailbox's, so that both keep their memory
  mutable std::vector<int64_t> part_;
  mutable MonitorCounters counters_;
};

}  // namespace vigil
