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

enum class Comparison : uint8_t { kAbove, kBelow };

struct AlertRule {
  std::string name;
  std::string model;  // empty: every model
  std::string kind;   // of findings it reads: "drift", "performance", ...
  std::string metric;
  std::string column;  // empty: any column; those that breach together are grouped into one alert
  Comparison comparison = Comparison::kAbove;
  std::optional<double> threshold;             // threshold rule
  std::optional<double> relative_to_baseline;  // threshold as a factor of finding.baseline
  std::optional<double> anomaly_z;             // anomaly rule: robust seasonal z-score beyond this
  int64_t season_us = kDayUs;
  bool significant_only = false;  // also require finding.significant
  int64_t n_min = 0;
  double maturity_min = 0;       // performance: judge only windows labelled at least this far
  int breaches_needed = 1;       // k ...
  int breaches_of = 1;           // ... of the last m windows, to fire
  double clear_factor = 0.9;     // hysteresis: clears below threshold * clear_factor (above, for kBelow: / clear_factor)
  int clears_needed = 2;         // windows in a row
  int64_t cooldown_us = kDayUs;  // after resolving, the same rule and model stay quiet this long
  int64_t window_us = 0;         // read only findings of this window length; 0: any
  Severity severity = Severity::kWarning;
  std::string summary;  // "{metric} of {columns} is {value}"
};

// The rules that a server has when its configuration names none.
std::vector<AlertRule> DefaultAlertRules();
StatusOr<AlertRule> AlertRuleFromJson(const Json& value, std::string_view where);

struct AlertChange {
  enum class Kind : uint8_t { kFired, kUpdated, kResolved } kind;
  Alert alert;
};

// One thread at a time (the control thread).
class AlertEngine {
 public:
  explicit AlertEngine(std::vector<AlertRule> rules);
  ~AlertEngine();
  // Feeds findings in window order; returns what changed.
  std::vector<AlertChange> Evaluate(const std::vector<Finding>& findings, TimeUs now);
  std::vector<Alert> Active() const;
  Status Acknowledge(const std::string& id, const std::string& by, TimeUs now);
  Status Silence(const std::string& id, TimeUs until);
  // State across restarts.
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
// Alertmanager's webhook format, version 4.
Json AlertmanagerPayload(const std::vector<Alert>& group, const std::string& receiver, const std::string& external_url, bool resolved);

}  // namespace vigil
