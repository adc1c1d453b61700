// The engine's memory across restarts.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "alerting/alert_json.h"
#include "alerting/engine_state.h"

namespace vigil {
namespace {

constexpr int kStateVersion = 2;

Json TrackToJson(const RuleTrack& track) {
  Json windows = Json::array();
  for (const JudgedWindow& window : track.windows) {
    Json cells = Json::array();
    for (const auto& [key, cell] : window.cells) {
      cells.push_back({key.first, key.second, static_cast<int>(cell.verdict), cell.value, cell.threshold, cell.excess});
    }
    windows.push_back({{"start", window.start}, {"end", window.end}, {"cells", std::move(cells)}});
  }
  Json series = Json::array();
  for (const auto& [key, past] : track.series) {
    Json points = Json::array();
    for (const SeriesPast::Point& point : past.points) points.push_back({point.start, point.value});
    series.push_back({{"version", key.first},
                      {"column", key.second},
                      {"points", std::move(points)},
                      {"first", past.first},
                      {"first_newest", past.first_newest},
                      {"newest", past.newest},
                      {"baseline", past.baseline.has_value() ? Json(*past.baseline) : Json(nullptr)}});
  }
  return {{"firing", track.firing},
          {"quiet_until", track.quiet_until},
          {"first_seen", track.first_seen},
          {"windows", std::move(windows)},
          {"series", std::move(series)}};
}

RuleTrack TrackOf(const Json& j) {
  RuleTrack track;
  j.at("firing").get_to(track.firing);
  j.at("quiet_until").get_to(track.quiet_until);
  j.at("first_seen").get_to(track.first_seen);
  for (const Json& w : j.at("windows")) {
    JudgedWindow window{w.at("start").get<TimeUs>(), w.at("end").get<TimeUs>(), {}};
    for (const Json& c : w.at("cells")) {
      const int verdict = std::min(std::max(c.at(2).get<int>(), 0), static_cast<int>(Verdict::kClear));
      window.cells[{c.at(0).get<std::string>(), c.at(1).get<std::string>()}] = {static_cast<Verdict>(verdict), c.at(3).get<double>(),
                                                                                c.at(4).get<double>(), c.at(5).get<double>()};
    }
    track.windows.push_back(std::move(window));
  }
  for (const Json& s : j.at("series")) {
    SeriesPast past;
    for (const Json& p : s.at("points")) past.points.push_back({p.at(0).get<TimeUs>(), p.at(1).get<double>()});
    s.at("first").get_to(past.first);
    s.at("first_newest").get_to(past.first_newest);
    s.at("newest").get_to(past.newest);
    if (!s.at("baseline").is_null()) past.baseline = s.at("baseline").get<double>();
    track.series[{s.at("version").get<std::string>(), s.at("column").get<std::string>()}] = std::move(past);
  }
  return track;
}

Json IncidentToJson(const Incident& incident) {
  Json symptoms = Json::object();
  for (const auto& [rule, s] : incident.symptoms) {
    symptoms[rule] = {{"firing", s.firing},
                      {"kind", s.kind},
                      {"summary", s.summary},
                      {"version", s.version},
                      {"severity", static_cast<int>(s.severity)},
                      {"value", s.value},
                      {"threshold", s.threshold},
                      {"excess", s.excess},
                      {"columns", s.columns}};
  }
  return {{"on", incident.on},
          {"covers_from", incident.covers_from},
          {"covers_to", incident.covers_to},
          {"symptoms", std::move(symptoms)},
          {"alert", AlertToJson(incident.alert)}};
}

StatusOr<Incident> IncidentOf(const Json& j) {
  Incident incident;
  j.at("on").get_to(incident.on);
  j.at("covers_from").get_to(incident.covers_from);
  j.at("covers_to").get_to(incident.covers_to);
  VIGIL_ASSIGN_OR_RETURN(incident.alert, AlertFromJson(j.at("alert")));
  for (const auto& [rule, s] : j.at("symptoms").items()) {
    Symptom& symptom = incident.symptoms[rule];
    s.at("firing").get_to(symptom.firing);
    s.at("kind").get_to(symptom.kind);
    s.at("summary").get_to(symptom.summary);
    s.at("version").get_to(symptom.version);
    symptom.severity = static_cast<Severity>(std::min(std::max(s.at("severity").get<int>(), 0), static_cast<int>(Severity::kCritical)));
    s.at("value").get_to(symptom.value);
    s.at("threshold").get_to(symptom.threshold);
    s.at("excess").get_to(symptom.excess);
    s.at("columns").get_to(symptom.columns);
  }
  return incident;
}

}  // namespace

void AlertEngine::State::ForgetUnknownRules() {
  const auto watching = [&](const std::string& name, const std::string& model) {
    const AlertRule* rule = FindRule(name);
    return rule != nullptr && (rule->model.empty() || rule->model == model) ? rule : nullptr;
  };
  for (auto& [key, incident] : incidents) {
    std::erase_if(incident.symptoms, [&, &key = key](const auto& symptom) {
      const AlertRule* rule = watching(symptom.first, key.second);
      return rule == nullptr || GroupOf(*rule) != key.first;
    });
  }
  std::erase_if(incidents, [](const auto& incident) { return !incident.second.on && incident.second.symptoms.empty(); });
  std::erase_if(tracks, [&](const auto& track) { return watching(track.first.first, track.first.second) == nullptr; });
  // A rule that was moved to another group has no part in an incident there until it fires again.
  for (auto& [key, track] : tracks) {
    const auto incident = incidents.find({GroupOf(*FindRule(key.first)), key.second});
    track.firing = track.firing && incident != incidents.end() && incident->second.symptoms.count(key.first) != 0;
  }
}

void AlertEngine::SetRules(std::vector<AlertRule> rules) {
  state_->rules = std::move(rules);
  state_->ForgetUnknownRules();
}

std::vector<AlertChange> AlertEngine::EndOrphans(TimeUs now) {
  std::vector<AlertChange> changes;
  for (auto& [unused, incident] : state_->incidents) {
    const bool firing = std::any_of(incident.symptoms.begin(), incident.symptoms.end(), [](const auto& s) { return s.second.firing; });
    if (!incident.on || firing) continue;
    incident.on = false;
    incident.alert.state = AlertState::kResolved;
    incident.alert.ended = now;
    incident.alert.annotations["resolution"] = "no rule of the configuration watches it any more";
    changes.push_back({AlertChange::Kind::kResolved, incident.alert});
  }
  state_->ForgetUnknownRules();
  return changes;
}

Json AlertEngine::Save() const {
  Json tracks = Json::array();
  for (const auto& [key, track] : state_->tracks) {
    Json j = TrackToJson(track);
    j["rule"] = key.first;
    j["model"] = key.second;
    tracks.push_back(std::move(j));
  }
  Json incidents = Json::array();
  for (const auto& [key, incident] : state_->incidents) {
    Json j = IncidentToJson(incident);
    j["group"] = key.first;
    j["model"] = key.second;
    incidents.push_back(std::move(j));
  }
  return {{"version", kStateVersion}, {"fired", state_->fired}, {"tracks", std::move(tracks)}, {"incidents", std::move(incidents)}};
}

Status AlertEngine::Load(const Json& saved) {
  State next;
  try {
    if (saved.at("version").get<int>() != kStateVersion) return absl::FailedPreconditionError("alert state: written by another version");
    saved.at("fired").get_to(next.fired);
    for (const Json& j : saved.at("tracks")) {
      next.tracks[{j.at("rule").get<std::string>(), j.at("model").get<std::string>()}] = TrackOf(j);
    }
    for (const Json& j : saved.at("incidents")) {
      VIGIL_ASSIGN_OR_RETURN(Incident incident, IncidentOf(j));
      next.incidents[{j.at("group").get<std::string>(), j.at("model").get<std::string>()}] = std::move(incident);
    }
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(absl::StrCat("alert state: ", error.what()));
  }
  next.rules = std::move(state_->rules);
  *state_ = std::move(next);
  state_->ForgetUnknownRules();
  return absl::OkStatus();
}

}  // namespace vigil
