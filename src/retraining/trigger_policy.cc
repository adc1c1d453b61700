#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/json_fields.h"
#include "retraining/retraining.h"

namespace vigil {

struct TriggerPolicy::State {
  struct FiringAlert {
    std::string what;       // "alert/17: psi of amount is 0.9"
    TimeUs ready_at = 0;    // settled
    bool answered = false;  // a training was started for it
  };
  TriggerOptions options;
  std::map<std::string, FiringAlert> alerts;  // by id
  int64_t labels = 0;                         // since the last start
  std::optional<Ask> manual;
  std::optional<TimeUs> cron_next;
  bool cron_asked = false;
  std::optional<Ask> again;  // a job that was not ready
  TimeUs again_at = 0;
  std::optional<Ask> running;  // what was started last
  TimeUs last_start = INT64_MIN;
  TimeUs previous_start = INT64_MIN;  // the one before, for a job that cost nothing
  std::deque<TimeUs> starts;          // of the last day
  int rejected = 0;

  void LookAtSchedule(TimeUs now);
  std::vector<Ask> Asks(TimeUs now) const;
  bool Allowed(TimeUs now) const;
  void MarkStarted(const Ask& ask, TimeUs now);
};

StatusOr<TriggerOptions> TriggerOptionsFromJson(const Json& value, std::string_view where) {
  TriggerOptions options;
  JsonFields fields(value, where);
  if (fields.Read("cron", &options.cron) && !options.cron.empty()) {
    if (const auto next = NextCronTime(options.cron, 0); !next.ok())
      fields.Set(absl::StrCat(fields.Path("cron"), ": ", next.status().message()));
  }
  fields.Read("alert_kinds", &options.alert_kinds);
  fields.Read("new_labels_min", &options.new_labels_min);
  fields.ReadDuration("cooldown", &options.cooldown_us);
  fields.Read("runs_per_day_max", &options.runs_per_day_max);
  fields.Read("rejected_in_a_row_max", &options.rejected_in_a_row_max);
  fields.ReadDuration("settle", &options.settle_us);
  fields.Read("repeat_while_firing", &options.repeat_while_firing);
  fields.ReadDuration("not_ready_retry", &options.not_ready_retry_us);
  const std::vector<std::string> kinds{"traffic", "quality", "drift", "performance", "concept"};
  for (const std::string& kind : options.alert_kinds) {
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
      fields.Set(absl::StrCat(fields.Path("alert_kinds"), ": no kind \"", kind, "\"", DidYouMean(kind, kinds)));
    }
  }
  if (options.runs_per_day_max < 1) fields.Set(absl::StrCat(fields.Path("runs_per_day_max"), ": must be at least 1"));
  if (options.rejected_in_a_row_max < 1) fields.Set(absl::StrCat(fields.Path("rejected_in_a_row_max"), ": must be at least 1"));
  VIGIL_RETURN_IF_ERROR(fields.Finish());
  return options;
}

TriggerPolicy::TriggerPolicy(TriggerOptions options) : state_(std::make_unique<State>()) { state_->options = std::move(options); }
TriggerPolicy::~TriggerPolicy() = default;

void TriggerPolicy::OnAlert(const Alert& alert, TimeUs now) {
  if (alert.state == AlertState::kResolved) {
    state_->alerts.erase(alert.id);
    return;
  }
  const auto kinds = alert.labels.find("kinds");
  if (alert.state != AlertState::kFiring || kinds == alert.labels.end()) return;
  bool wanted = false;
  for (absl::string_view kind : absl::StrSplit(kinds->second, ',')) {
    const auto& accepted = state_->options.alert_kinds;
    wanted = wanted || std::find(accepted.begin(), accepted.end(), std::string(kind)) != accepted.end();
  }
  if (!wanted) return;
  const auto [it, is_new] = state_->alerts.try_emplace(alert.id);
  if (is_new) it->second.ready_at = now + state_->options.settle_us;
  const auto summary = alert.annotations.find("summary");
  it->second.what = summary == alert.annotations.end() ? alert.rule : summary->second;
}

void TriggerPolicy::OnLabels(int64_t accepted, TimeUs) { state_->labels += accepted; }

void TriggerPolicy::RequestNow(const std::string& reason) { state_->manual = Ask{"manual", reason}; }

void TriggerPolicy::OnJobEnded(const Job& job, TimeUs now) {
  State& s = *state_;
  switch (job.state) {
    case JobState::kDone: s.rejected = 0; break;
    case JobState::kRefused: ++s.rejected; break;
    case JobState::kNotReady:
      // It cost nothing: neither the cool-down nor the day's budget is spent.
      s.again = s.running;
      s.again_at = now + s.options.not_ready_retry_us;
      s.last_start = s.previous_start;
      if (!s.starts.empty()) s.starts.pop_back();
      break;
    case JobState::kFailed:
    case JobState::kWaiting:
    case JobState::kRunning: break;
  }
  s.running.reset();
}

bool TriggerPolicy::circuit_open() const { return state_->rejected >= state_->options.rejected_in_a_row_max; }

void TriggerPolicy::State::LookAtSchedule(TimeUs now) {
  if (options.cron.empty()) return;
  if (cron_next.has_value() && now < *cron_next) return;
  if (cron_next.has_value()) cron_asked = true;
  const auto next = NextCronTime(options.cron, now);
  cron_next = next.ok() ? *next : INT64_MAX;  // options were checked; an impossible schedule never runs
}

std::vector<TriggerPolicy::Ask> TriggerPolicy::State::Asks(TimeUs now) const {
  std::vector<Ask> asks;
  for (const auto& [id, alert] : alerts) {
    if (now >= alert.ready_at && (!alert.answered || options.repeat_while_firing)) asks.push_back({"alert/" + id, alert.what});
  }
  if (options.new_labels_min > 0 && labels >= options.new_labels_min) asks.push_back({"labels", absl::StrCat(labels, " new labels")});
  if (cron_asked) asks.push_back({"cron", absl::StrCat("scheduled (", options.cron, ")")});
  if (again.has_value() && now >= again_at) asks.push_back(*again);
  return asks;
}

bool TriggerPolicy::State::Allowed(TimeUs now) const {
  if (rejected >= options.rejected_in_a_row_max) return false;
  if (last_start != INT64_MIN && now - last_start < options.cooldown_us) return false;
  const auto today = std::count_if(starts.begin(), starts.end(), [&](TimeUs start) { return now - start < kDayUs; });
  return today < options.runs_per_day_max;
}

void TriggerPolicy::State::MarkStarted(const Ask& ask, TimeUs now) {
  previous_start = last_start;
  last_start = now;
  while (!starts.empty() && now - starts.front() >= kDayUs) starts.pop_front();
  starts.push_back(now);
  for (auto& [unused, alert] : alerts) alert.answered = alert.answered || now >= alert.ready_at;
  labels = 0;
  cron_asked = false;
  manual.reset();
  again.reset();
  running = ask;
}

std::optional<TriggerPolicy::Ask> TriggerPolicy::Due(TimeUs now, bool busy) {
  State& s = *state_;
  if (now <= 0) return std::nullopt;
  s.LookAtSchedule(now);
  if (busy) return std::nullopt;
  std::vector<Ask> asks;
  if (s.manual.has_value()) {
    asks.push_back(*s.manual);
    s.rejected = 0;  // a person closes the circuit
  }
  if (s.manual.has_value() || s.Allowed(now)) {
    for (Ask& ask : s.Asks(now)) asks.push_back(std::move(ask));
  }
  if (asks.empty()) return std::nullopt;
  Ask due = asks[0];
  std::set<std::string> told{due.reason};
  for (const Ask& ask : asks) {
    if (told.insert(ask.reason).second) absl::StrAppend(&due.reason, "; ", ask.reason);
  }
  s.MarkStarted(due, now);
  return due;
}

namespace {

Json AskToJson(const std::optional<TriggerPolicy::Ask>& ask) {
  return ask.has_value() ? Json{{"trigger", ask->trigger}, {"reason", ask->reason}} : Json(nullptr);
}

std::optional<TriggerPolicy::Ask> AskOf(const Json& j) {
  if (j.is_null()) return std::nullopt;
  return TriggerPolicy::Ask{j.at("trigger").get<std::string>(), j.at("reason").get<std::string>()};
}

}  // namespace

Json TriggerPolicy::Save() const {
  const State& s = *state_;
  Json alerts = Json::object();
  for (const auto& [id, alert] : s.alerts) alerts[id] = {{"what", alert.what}, {"ready_at", alert.ready_at}, {"answered", alert.answered}};
  return {{"alerts", std::move(alerts)},
          {"labels", s.labels},
          {"manual", AskToJson(s.manual)},
          {"cron", s.options.cron},
          {"cron_next", s.cron_next.has_value() ? Json(*s.cron_next) : Json(nullptr)},
          {"cron_asked", s.cron_asked},
          {"again", AskToJson(s.again)},
          {"again_at", s.again_at},
          {"running", AskToJson(s.running)},
          {"last_start", s.last_start},
          {"previous_start", s.previous_start},
          {"starts", s.starts},
          {"rejected", s.rejected}};
}

Status TriggerPolicy::Load(const Json& saved) {
  State next;
  next.options = state_->options;
  try {
    for (const auto& [id, alert] : saved.at("alerts").items()) {
      next.alerts[id] = {alert.at("what").get<std::string>(), alert.at("ready_at").get<TimeUs>(), alert.at("answered").get<bool>()};
    }
    saved.at("labels").get_to(next.labels);
    next.manual = AskOf(saved.at("manual"));
    // A schedule that was changed meanwhile starts anew.
    if (saved.at("cron").get<std::string>() == next.options.cron) {
      if (!saved.at("cron_next").is_null()) next.cron_next = saved.at("cron_next").get<TimeUs>();
      saved.at("cron_asked").get_to(next.cron_asked);
    }
    next.again = AskOf(saved.at("again"));
    saved.at("again_at").get_to(next.again_at);
    next.running = AskOf(saved.at("running"));
    saved.at("last_start").get_to(next.last_start);
    saved.at("previous_start").get_to(next.previous_start);
    saved.at("starts").get_to(next.starts);
    saved.at("rejected").get_to(next.rejected);
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(absl::StrCat("trigger state: ", error.what()));
  }
  *state_ = std::move(next);
  return absl::OkStatus();
}

}  // namespace vigil
