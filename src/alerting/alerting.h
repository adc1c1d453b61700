// Rules over findings → alerts. A rule is a threshold or an anomaly test over any monitored value, with hysteresis and cool-down;
// columns that breach together in one window are one alert. Pure state machine: the clock is an argument.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "domain/alert.h"
#include "domain/finding.h"

namespace vigil {

// kOutside: anomaly rules only, in both directions.
enum class Comparison : uint8_t { kAbove, kBelow, kOutside };

struct AlertRule {
  std::string name;
  std::string model;  // empty: every model
  std::string kind;   // of findings it reads: "drift", "performance", ...
  std::string metric;
  std::string column;  // empty: any column; those that breach together are grouped into one alert
  Comparison comparison = Comparison::kAbove;
  std::optional<double> threshold;             // threshold rule
  std::optional<double> relative_to_baseline;  // threshold as a factor of finding.baseline
  std::optional<double> offset_from_baseline;  // threshold as finding.baseline plus this
  int baseline_windows = 0;         // where a finding brings no baseline: the median of its series' first so many windows; 0: not judged
  std::optional<double> anomaly_z;  // anomaly rule: robust seasonal z-score beyond this
  int64_t season_us = kDayUs;
  int history_min = 7;            // anomaly rule: earlier windows at the same point of the season before it speaks
  bool significant_only = false;  // also require finding.significant
  int64_t n_min = 0;
  double maturity_min = 0;       // performance: judge only windows labelled at least this far
  int64_t warmup_us = 0;         // quiet until this long after the model's first window
  int columns_min = 1;           // columns that must breach together
  int breaches_needed = 1;       // k ...
  int breaches_of = 1;           // ... of the last m windows, to fire
  double clear_factor = 0.9;     // hysteresis: clears below threshold * clear_factor (above, for kBelow: / clear_factor)
  int clears_needed = 2;         // windows in a row
  int64_t cooldown_us = kDayUs;  // after resolving, the same rule and model stay quiet this long
  int64_t window_us = 0;         // read only findings of this window length; 0: any
  int64_t window_us_min = 0;     // ... or of at least this length
  std::string segment;           // empty: findings of no segment
  Severity severity = Severity::kWarning;
  std::string summary;  // "{metric} of {columns} is {value}"; also {threshold} {model} {version} {rule} {from} {to}
  // Rules of one group and model share one alert: several symptoms, one cause. Empty: the rule's own name.
  std::string group;
};
Status ValidateAlertRule(const AlertRule& rule, std::string_view where);

// The rules that a server has when its configuration names none.
std::vector<AlertRule> DefaultAlertRules();
// Keys are the fields' names; spans of time are texts ("7d"). Errors name the key under `where` and the nearest known one.
StatusOr<AlertRule> AlertRuleFromJson(const Json& value, std::string_view where);

struct AlertChange {
  enum class Kind : uint8_t { kFired, kUpdated, kResolved } kind;
  Alert alert;
};

// One alert is an incident of one (group, model): rules that fire while it is on join it (kUpdated, severity never falls), and so does a
// rule that fires late about windows the incident covered, such as a performance rule whose labels came a week later. It resolves when
// every rule has cleared. Labels: alertname, model, version, rules, kinds (comma-separated), severity; `silenced_until` is for whoever
// notifies to obey.
// One thread at a time (the control thread).
class AlertEngine {
 public:
  explicit AlertEngine(std::vector<AlertRule> rules);
  ~AlertEngine();
  // Feeds findings in window order; returns what changed. A finding seen again for the same window replaces the earlier one.
  std::vector<AlertChange> Evaluate(const std::vector<Finding>& findings, TimeUs now);
  std::vector<Alert> Active() const;  // firing, oldest first
  // The alert as it is now.
  StatusOr<Alert> Acknowledge(const std::string& id, const std::string& by, TimeUs now);
  StatusOr<Alert> Silence(const std::string& id, TimeUs until);
  // Other rules from now on; what is remembered of rules of the same name stays.
  void SetRules(std::vector<AlertRule> rules);
  // Incidents whose every firing rule is gone end: nothing would ever clear them. Call after Load or SetRules.
  std::vector<AlertChange> EndOrphans(TimeUs now);
  // State across restarts. Load forgets what belongs to rules that no longer exist, but for the incidents that EndOrphans ends.
  Json Save() const;
  Status Load(const Json& state);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Sends alerts somewhere. Runs on a thread of its own behind a bounded queue; never delays the control loop.
class Notifier {
 public:
  virtual ~Notifier() = default;
  virtual std::string_view name() const = 0;
  virtual Status Notify(const std::vector<Alert>& group, bool resolved) = 0;
};
// Alertmanager's webhook format, version 4. At most kPayloadAlertsMax alerts are listed, the rest counted as truncated.
inline constexpr size_t kPayloadAlertsMax = 100;
Json AlertmanagerPayload(const std::vector<Alert>& group, const std::string& receiver, const std::string& external_url, bool resolved);

}  // namespace vigil
