#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "alerting/engine_state.h"
#include "base/hash.h"
#include "base/text.h"

namespace vigil {
namespace {

std::string Short(double value) { return absl::StrFormat("%.4g", value); }

std::vector<std::string> ByExcess(const std::map<std::string, double>& columns) {
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [column, excess] : columns) {
    if (!column.empty()) order.emplace_back(-excess, column);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::string> names;
  for (auto& [unused, name] : order) names.push_back(std::move(name));
  return names;
}

// At most three names in a sentence; the alert itself lists all.
std::string ColumnsText(const std::map<std::string, double>& columns) {
  std::vector<std::string> names = ByExcess(columns);
  const size_t more = names.size() > 3 ? names.size() - 3 : 0;
  names.resize(names.size() - more);
  return absl::StrCat(absl::StrJoin(names, ", "), more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

std::string SummaryOf(const AlertRule& rule, const std::string& model, const Symptom& symptom, const JudgedWindow& window) {
  const std::string columns = ColumnsText(symptom.columns);
  std::string text = rule.summary;
  if (text.empty())
    text = columns.empty() ? "{metric} is {value}, limit {threshold}" : "{metric} of {columns} is {value}, limit {threshold}";
  return absl::StrReplaceAll(text, {{"{metric}", rule.metric},
                                    {"{columns}", columns},
                                    {"{value}", Short(symptom.value)},
                                    {"{threshold}", Short(symptom.threshold)},
                                    {"{model}", model},
                                    {"{version}", symptom.version},
                                    {"{rule}", rule.name},
                                    {"{from}", FormatTime(window.start)},
                                    {"{to}", FormatTime(window.end)}});
}

// Rewrites the alert from its symptoms. True when something that a reader would want to hear of has changed.
bool Compose(Incident* incident) {
  Alert& alert = incident->alert;
  const Severity severity_before = alert.severity;
  const std::vector<std::string> columns_before = alert.columns;
  const std::string rules_before = alert.labels["rules"];

  std::map<std::string, double> columns;
  std::set<std::string> kinds;
  std::vector<std::string> rules, summaries;
  double worst = -1;
  for (const auto& [rule, symptom] : incident->symptoms) {
    if (!symptom.firing) continue;
    rules.push_back(rule);
    kinds.insert(symptom.kind);
    summaries.push_back(symptom.summary);
    alert.severity = std::max(alert.severity, symptom.severity);
    for (const auto& [column, excess] : symptom.columns) columns[column] = std::max(columns[column], excess);
    if (symptom.excess > worst) {
      worst = symptom.excess;
      alert.value = symptom.value;
      alert.threshold = symptom.threshold;
      alert.version = symptom.version;
    }
  }
  alert.columns = ByExcess(columns);
  alert.labels["model"] = alert.model;
  alert.labels["version"] = alert.version;
  alert.labels["rules"] = absl::StrJoin(rules, ",");
  alert.labels["kinds"] = absl::StrJoin(kinds, ",");
  alert.labels["severity"] = SeverityName(alert.severity);
  alert.annotations["summary"] = absl::StrJoin(summaries, "; ");
  std::set<std::string> known(columns_before.begin(), columns_before.end());
  const bool new_column =
      std::any_of(alert.columns.begin(), alert.columns.end(), [&](const std::string& c) { return known.count(c) == 0; });
  return alert.severity != severity_before || new_column || alert.labels["rules"] != rules_before;
}

}  // namespace

bool JudgedWindow::Breaches(int columns_min) const {
  std::set<std::string> columns;
  for (const auto& [key, cell] : cells) {
    if (cell.verdict == Verdict::kBreach) columns.insert(key.second);
  }
  return static_cast<int>(columns.size()) >= columns_min;
}

bool JudgedWindow::Clear() const {
  return std::all_of(cells.begin(), cells.end(), [](const auto& cell) { return cell.second.verdict == Verdict::kClear; });
}

const AlertRule* AlertEngine::State::FindRule(const std::string& name) const {
  const auto found = std::find_if(rules.begin(), rules.end(), [&](const AlertRule& rule) { return rule.name == name; });
  return found == rules.end() ? nullptr : &*found;
}

void AlertEngine::State::Note(const AlertRule& rule, const Finding& finding) {
  RuleTrack& track = tracks[{rule.name, finding.model}];
  track.first_seen = std::min(track.first_seen, finding.window_start);
  const SeriesKey key{finding.version, finding.column};
  SeriesPast nothing;
  const bool needs_past = rule.anomaly_z.has_value() || rule.baseline_windows > 0;
  if (needs_past && track.series.size() >= RuleTrack::kSeriesMax && track.series.count(key) == 0) {
    track.series.erase(std::min_element(track.series.begin(), track.series.end(),
                                        [](const auto& a, const auto& b) { return a.second.newest < b.second.newest; }));
  }
  SeriesPast* past = needs_past ? &track.series[key] : &nothing;
  past->newest = std::max(past->newest, finding.window_start);
  const Judgement judgement = Judge(rule, finding, past);
  if (judgement.verdict == Verdict::kIgnored || finding.window_start < track.first_seen + rule.warmup_us) return;

  auto& windows = track.windows;
  auto at = std::lower_bound(windows.begin(), windows.end(), finding, [](const JudgedWindow& window, const Finding& f) {
    return std::pair(window.end, window.start) < std::pair(f.window_end, f.window_start);
  });
  if (at == windows.end() || at->end != finding.window_end || at->start != finding.window_start) {
    at = windows.insert(at, {finding.window_start, finding.window_end, {}});
  }
  at->cells[key] = judgement;
  const size_t keep = static_cast<size_t>(std::max(rule.breaches_of, rule.clears_needed)) + RuleTrack::kLateWindows;
  while (windows.size() > keep) windows.pop_front();
}

void AlertEngine::State::Step(const AlertRule& rule, const std::string& model, TimeUs now, std::vector<AlertChange>* changes) {
  RuleTrack& track = tracks[{rule.name, model}];
  if (track.windows.empty()) return;
  const auto& windows = track.windows;
  if (!track.firing) {
    const int m = std::min(static_cast<int>(windows.size()), rule.breaches_of);
    const int breaches = static_cast<int>(
        std::count_if(windows.end() - m, windows.end(), [&](const JudgedWindow& window) { return window.Breaches(rule.columns_min); }));
    if (breaches >= rule.breaches_needed && now >= track.quiet_until) Fire(rule, model, &track, now, changes);
    return;
  }
  if (windows.back().Breaches(rule.columns_min)) Refresh(rule, model, windows.back(), changes);
  const int needed = rule.clears_needed;
  if (static_cast<int>(windows.size()) >= needed &&
      std::all_of(windows.end() - needed, windows.end(), [](const JudgedWindow& window) { return window.Clear(); })) {
    Clear(rule, model, &track, now, changes);
  }
}

void AlertEngine::State::Fire(const AlertRule& rule, const std::string& model, RuleTrack* track, TimeUs now,
                              std::vector<AlertChange>* changes) {
  track->firing = true;
  const int m = std::min(static_cast<int>(track->windows.size()), rule.breaches_of);
  const auto first =
      std::find_if(track->windows.end() - m, track->windows.end(), [&](const JudgedWindow& w) { return w.Breaches(rule.columns_min); });
  const auto last =
      std::find_if(track->windows.rbegin(), track->windows.rend(), [&](const JudgedWindow& w) { return w.Breaches(rule.columns_min); });
  Incident& incident = incidents[{GroupOf(rule), model}];
  const bool same_cause =
      incident.on || (!incident.symptoms.empty() && first->start < incident.covers_to && last->end > incident.covers_from);
  if (!same_cause) {
    incident = {};
    incident.covers_from = first->start;
    incident.covers_to = last->end;
    incident.alert.id = absl::StrFormat("%012x", StableHash(absl::StrCat(GroupOf(rule), "\n", model, "\n", now, "\n", ++fired)) >> 16);
    incident.alert.rule = rule.name;
    incident.alert.model = model;
    incident.alert.severity = rule.severity;
    incident.alert.labels["alertname"] = GroupOf(rule);
    incident.alert.started = first->start;
    incident.alert.fired = now;
  }
  incident.on = true;
  incident.alert.state = AlertState::kFiring;
  incident.alert.ended = 0;
  incident.symptoms[rule.name] = {};
  incident.symptoms[rule.name].firing = true;
  std::vector<AlertChange> refreshed;
  for (auto window = first; window != track->windows.end(); ++window) {
    if (window->Breaches(rule.columns_min)) Refresh(rule, model, *window, &refreshed);
  }
  changes->push_back({same_cause ? AlertChange::Kind::kUpdated : AlertChange::Kind::kFired, incident.alert});
}

void AlertEngine::State::Refresh(const AlertRule& rule, const std::string& model, const JudgedWindow& window,
                                 std::vector<AlertChange>* changes) {
  Incident& incident = incidents[{GroupOf(rule), model}];
  incident.covers_from = std::min(incident.covers_from, window.start);
  incident.covers_to = std::max(incident.covers_to, window.end);
  Symptom& symptom = incident.symptoms[rule.name];
  symptom.kind = rule.kind;
  symptom.severity = rule.severity;
  symptom.excess = -1;
  for (const auto& [key, cell] : window.cells) {
    if (cell.verdict != Verdict::kBreach) continue;
    double& worst = symptom.columns[key.second];
    worst = std::max(worst, cell.excess);
    if (cell.excess <= symptom.excess) continue;
    symptom.excess = cell.excess;
    symptom.value = cell.value;
    symptom.threshold = cell.threshold;
    symptom.version = key.first;
  }
  symptom.summary = SummaryOf(rule, model, symptom, window);
  if (Compose(&incident)) changes->push_back({AlertChange::Kind::kUpdated, incident.alert});
}

void AlertEngine::State::Clear(const AlertRule& rule, const std::string& model, RuleTrack* track, TimeUs now,
                               std::vector<AlertChange>* changes) {
  track->firing = false;
  track->quiet_until = now + rule.cooldown_us;
  track->windows.clear();
  Incident& incident = incidents[{GroupOf(rule), model}];
  incident.symptoms[rule.name].firing = false;
  const bool others = std::any_of(incident.symptoms.begin(), incident.symptoms.end(), [](const auto& s) { return s.second.firing; });
  if (others) {
    if (Compose(&incident)) changes->push_back({AlertChange::Kind::kUpdated, incident.alert});
    return;
  }
  incident.on = false;
  incident.alert.state = AlertState::kResolved;
  incident.alert.ended = now;
  changes->push_back({AlertChange::Kind::kResolved, incident.alert});
}

AlertEngine::AlertEngine(std::vector<AlertRule> rules) : state_(std::make_unique<State>()) { state_->rules = std::move(rules); }
AlertEngine::~AlertEngine() = default;

std::vector<AlertChange> AlertEngine::Evaluate(const std::vector<Finding>& findings, TimeUs now) {
  std::vector<const Finding*> order;
  for (const Finding& finding : findings) order.push_back(&finding);
  std::stable_sort(order.begin(), order.end(), [](const Finding* a, const Finding* b) { return a->window_end < b->window_end; });

  std::vector<AlertChange> changes;
  for (size_t begin = 0, end; begin < order.size(); begin = end) {
    // Everything about one window is taken in before any rule is asked: what breaches together is one alert.
    std::set<std::pair<const AlertRule*, std::string>> touched;
    for (end = begin; end < order.size() && order[end]->window_end == order[begin]->window_end; ++end) {
      for (const AlertRule& rule : state_->rules) {
        if (!Reads(rule, *order[end])) continue;
        state_->Note(rule, *order[end]);
        touched.insert({&rule, order[end]->model});
      }
    }
    for (const auto& [rule, model] : touched) state_->Step(*rule, model, now, &changes);
  }
  return changes;
}

std::vector<Alert> AlertEngine::Active() const {
  std::vector<Alert> active;
  for (const auto& [unused, incident] : state_->incidents) {
    if (incident.on) active.push_back(incident.alert);
  }
  std::sort(active.begin(), active.end(), [](const Alert& a, const Alert& b) { return std::tie(a.fired, a.id) < std::tie(b.fired, b.id); });
  return active;
}

StatusOr<Alert> AlertEngine::Acknowledge(const std::string& id, const std::string& by, TimeUs now) {
  for (auto& [unused, incident] : state_->incidents) {
    if (incident.alert.id != id) continue;
    incident.alert.acknowledged = now;
    incident.alert.acknowledged_by = by;
    return incident.alert;
  }
  return absl::NotFoundError(absl::StrCat("no alert \"", id, "\""));
}

StatusOr<Alert> AlertEngine::Silence(const std::string& id, TimeUs until) {
  for (auto& [unused, incident] : state_->incidents) {
    if (incident.alert.id != id) continue;
    incident.alert.silenced_until = until;
    return incident.alert;
  }
  return absl::NotFoundError(absl::StrCat("no alert \"", id, "\""));
}

}  // namespace vigil
