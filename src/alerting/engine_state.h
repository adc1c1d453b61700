// What the alert engine remembers. Internal to alerting.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "alerting/judge.h"

namespace vigil {

using SeriesKey = std::pair<std::string, std::string>;  // version, column

// One window as one rule saw it.
struct JudgedWindow {
  TimeUs start = 0, end = 0;
  std::map<SeriesKey, Judgement> cells;

  bool Breaches(int columns_min) const;
  bool Clear() const;  // every cell
};

// One rule on one model.
struct RuleTrack {
  static constexpr size_t kLateWindows = 8;   // kept beyond what the rule needs, for findings that are replaced later
  static constexpr size_t kSeriesMax = 4096;  // the least recently fed goes first
  bool firing = false;
  TimeUs quiet_until = INT64_MIN;
  TimeUs first_seen = INT64_MAX;
  std::deque<JudgedWindow> windows;  // rising in end
  std::map<SeriesKey, SeriesPast> series;
};

// What one rule contributes to an incident.
struct Symptom {
  bool firing = false;
  std::string kind, summary, version;
  Severity severity = Severity::kInfo;
  double value = 0, threshold = 0, excess = 0;  // the worst cell of its newest breaching window
  std::map<std::string, double> columns;        // worst excess since it fired
};

struct Incident {
  bool on = false;
  TimeUs covers_from = 0, covers_to = 0;    // breaching windows
  std::map<std::string, Symptom> symptoms;  // by rule
  Alert alert;
};

struct AlertEngine::State {
  std::vector<AlertRule> rules;
  std::map<std::pair<std::string, std::string>, RuleTrack> tracks;    // rule, model
  std::map<std::pair<std::string, std::string>, Incident> incidents;  // group, model
  int64_t fired = 0;

  void ForgetUnknownRules();
  const AlertRule* FindRule(const std::string& name) const;
  void Note(const AlertRule& rule, const Finding& finding);
  void Step(const AlertRule& rule, const std::string& model, TimeUs now, std::vector<AlertChange>* changes);
  void Fire(const AlertRule& rule, const std::string& model, RuleTrack* track, TimeUs now, std::vector<AlertChange>* changes);
  void Refresh(const AlertRule& rule, const std::string& model, const JudgedWindow& window, std::vector<AlertChange>* changes);
  void Clear(const AlertRule& rule, const std::string& model, RuleTrack* track, TimeUs now, std::vector<AlertChange>* changes);
};

// The group whose alert a rule takes part in.
inline const std::string& GroupOf(const AlertRule& rule) { return rule.group.empty() ? rule.name : rule.group; }

}  // namespace vigil
