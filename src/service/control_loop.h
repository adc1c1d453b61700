// The closed loop: windows close → findings → alerts → retraining → gate → rollout → roles. One thread drives it; each turn it looks at
// the control clock, steps through the time that has passed, and leaves everything it decided in the catalog and the timeline.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "alerting/alerting.h"
#include "base/clock.h"
#include "base/status.h"
#include "monitoring/monitor.h"
#include "registry/registry.h"
#include "service/journal.h"
#include "service/retraining_service.h"
#include "service/rollout_service.h"
#include "storage/catalog.h"
#include "storage/prediction_log.h"

namespace vigil {

struct ControlLoopOptions {
  int64_t turn_ms = 50;                // real time between turns
  int64_t step_us = kHourUs;           // control time moves in steps of at most this, so that each hour is judged in its turn
  int64_t steps_max = 24 * 400;        // a greater jump is taken in larger steps
  bool wait_for_jobs = false;          // event clock: time stands still while a job runs, so that a replay tells the same story each time
  int64_t maintain_every_ms = 10'000;  // real time between the log's maintenance and saving of state
  std::string state_file;              // monitoring windows across restarts; empty: not kept
};

// Sends a group of alerts; gets a copy and must not block.
using NotifyFunction = std::function<void(const std::vector<Alert>& group, bool resolved)>;

class ControlLoop {
 public:
  ControlLoop(Monitor& monitor, AlertEngine& alerts, RetrainingService& retraining, RolloutService& rollouts, PredictionLog& log,
              Catalog& catalog, Journal& journal, const Clock& control_clock, SteppedClock* stepped, NotifyFunction notify,
              ControlLoopOptions options);
  ~ControlLoop();

  // State of alerts and windows from the last run.
  Status Restore();
  void Start();
  void Stop();

  // One turn, up to the clock's present time; what the thread does, and tests call directly.
  void Turn();

  // Labels that joined; the evidence of rollouts and label triggers follow them.
  void OnLabels(const std::string& model, int64_t accepted);
  void SetRolloutOptions(const std::string& model, const RolloutOptions& options, bool automatic);
  // Any thread; in force from the next step on. Alerts that no rule watches any more end, and those that go on are offered to retraining
  // again, whose triggers may have changed too.
  void SetAlertRules(std::vector<AlertRule> rules);

  // Any thread.
  TimeUs control_time() const { return control_time_.load(std::memory_order_acquire); }
  std::vector<Finding> latest_findings() const;  // of the last closed window of each series
  std::vector<Alert> ActiveAlerts() const;
  Status Acknowledge(const std::string& id, const std::string& by);
  Status Silence(const std::string& id, TimeUs until, const std::string& by);

 private:
  void Step(TimeUs now);
  void Judge(const std::vector<Finding>& findings, TimeUs now);
  std::vector<AlertChange> TakeNewRules(TimeUs now);  // mutex_ is held
  void OnAlertChange(const AlertChange& change, TimeUs now);
  bool KindsGrew(const Alert& alert);
  void StartRollout(const Job& job, TimeUs now);
  void Remember(const std::vector<Finding>& findings);
  void SaveState();
  Status KeepAlert(const Alert& alert, const std::string& kind, const std::string& summary, const std::string& by, TimeUs now);
  // The alert engine's memory, into the catalog. mutex_ is held.
  Status SaveAlerts();
  void Run();

  Monitor& monitor_;
  AlertEngine& alerts_;
  RetrainingService& retraining_;
  RolloutService& rollouts_;
  PredictionLog& log_;
  Catalog& catalog_;
  Journal& journal_;
  const Clock& clock_;
  SteppedClock* const stepped_;  // told each step; null on a wall clock
  const NotifyFunction notify_;
  const ControlLoopOptions options_;

  std::atomic<TimeUs> control_time_{0};
  std::atomic<int64_t> labels_seen_{0};
  int64_t maintained_ns_ = 0;
  std::map<std::string, std::string> alert_kinds_;  // by alert id, as last seen; control thread only

  mutable std::mutex mutex_;  // guards what follows, and alerts_
  std::optional<std::vector<AlertRule>> new_rules_;
  bool rules_changed_ = true;  // also since the last run
  std::map<std::string, Finding> latest_;
  struct RolloutChoice {
    RolloutOptions options;
    bool automatic = true;
  };
  std::map<std::string, RolloutChoice> rollout_choices_;

  std::mutex stop_mutex_;
  std::condition_variable stop_signal_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vigil
