#include "service/control_loop.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "alerting/alert_json.h"
#include "base/text.h"
#include "storage/whole_file.h"

namespace vigil {
namespace {

constexpr char kStateKind[] = "state";
constexpr char kAlertsKey[] = "alerts";
constexpr char kAlertKind[] = "alert";
constexpr int64_t kStateBytesMax = int64_t{1} << 32;
constexpr char kActor[] = "alerting";
constexpr size_t kSeriesMax = 20'000;  // of the latest findings kept for /metrics

std::string SeriesKey(const Finding& f) {
  return absl::StrCat(f.model, "\x1f", f.version, "\x1f", f.kind, "\x1f", f.metric, "\x1f", f.column, "\x1f", f.segment);
}

}  // namespace

ControlLoop::ControlLoop(Monitor& monitor, AlertEngine& alerts, RetrainingService& retraining, RolloutService& rollouts, PredictionLog& log,
                         Catalog& catalog, Journal& journal, const Clock& control_clock, SteppedClock* stepped, NotifyFunction notify,
                         ControlLoopOptions options)
    : monitor_(monitor),
      alerts_(alerts),
      retraining_(retraining),
      rollouts_(rollouts),
      log_(log),
      catalog_(catalog),
      journal_(journal),
      clock_(control_clock),
      stepped_(stepped),
      notify_(std::move(notify)),
      options_(std::move(options)) {}

ControlLoop::~ControlLoop() { Stop(); }

Status ControlLoop::Restore() {
  const StatusOr<CatalogEntry> alerts = catalog_.Get(kStateKind, kAlertsKey);
  if (alerts.ok()) {
    VIGIL_ASSIGN_OR_RETURN(const Json state, ParseJson(alerts->value, "catalog value state/alerts"));
    std::lock_guard lock(mutex_);
    const Status loaded = alerts_.Load(state);
    if (absl::IsFailedPrecondition(loaded)) {  // another version of Vigil's: incidents begin anew, like windows below
      journal_.Record("", "alerting.state_lost", "", absl::StrCat("alerts of the last run cannot be read: ", std::string(loaded.message())),
                      "control loop");
    } else if (!loaded.ok()) {
      return loaded;
    }
  } else if (!absl::IsNotFound(alerts.status())) {
    return alerts.status();
  }
  if (options_.state_file.empty()) return absl::OkStatus();
  const StatusOr<std::string> bytes = ReadWholeFile(options_.state_file, kStateBytesMax);
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (const Status restored = bytes.ok() ? monitor_.Restore(*bytes) : bytes.status(); !restored.ok()) {
    journal_.Record("", "monitoring.state_lost", "",
                    absl::StrCat("windows of the last run cannot be read: ", std::string(restored.message())), "control loop");
  }
  return absl::OkStatus();
}

void ControlLoop::Start() {
  thread_ = std::thread([this] { Run(); });
}

void ControlLoop::Stop() {
  {
    std::lock_guard lock(stop_mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  stop_signal_.notify_all();
  if (thread_.joinable()) thread_.join();
  SaveState();
}

void ControlLoop::Run() {
  std::unique_lock lock(stop_mutex_);
  while (!stopping_) {
    lock.unlock();
    Turn();
    lock.lock();
    stop_signal_.wait_for(lock, std::chrono::milliseconds(options_.turn_ms), [this] { return stopping_; });
  }
}

void ControlLoop::Turn() {
  const TimeUs target = clock_.NowUs();
  TimeUs at = control_time_.load(std::memory_order_relaxed);
  if (target == 0) return;  // an event clock before the first event
  if (at == 0 || target <= at) {
    Step(std::max(at, target));
  } else {
    // Whole steps end on multiples of the step, so that the same stream is judged at the same times however it was sent.
    const int64_t step = std::max(options_.step_us, (target - at) / options_.steps_max);
    while (at < target) {
      at = std::min(target, (at / step + 1) * step);
      Step(at);
      std::lock_guard lock(stop_mutex_);
      if (stopping_) return;
    }
  }
  const int64_t now_ns = clock_.MonotonicNs();
  if (now_ns - maintained_ns_ >= options_.maintain_every_ms * 1'000'000) {
    maintained_ns_ = now_ns;
    if (const Status kept = log_.Maintain(); !kept.ok()) {
      journal_.Record("", "log.maintenance_failed", "", std::string(kept.message()), "control loop", target);
    }
    SaveState();
  }
}

void ControlLoop::Step(TimeUs now) {
  if (stepped_ != nullptr) stepped_->Set(now);
  const std::vector<Finding> findings = monitor_.Advance(now);
  Remember(findings);
  Judge(findings, now);
  const auto busy = [this](const std::string& model) { return rollouts_.Busy(model); };
  const auto candidate = [&](const Job& job) { StartRollout(job, now); };
  do {
    retraining_.Tick(now, busy, candidate);
    if (options_.wait_for_jobs && retraining_.Busy()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::lock_guard lock(stop_mutex_);
    if (stopping_) return;
  } while (options_.wait_for_jobs && retraining_.Busy());
  rollouts_.Tick(now, labels_seen_.load(std::memory_order_relaxed));
  control_time_.store(now, std::memory_order_release);
}

void ControlLoop::Judge(const std::vector<Finding>& findings, TimeUs now) {
  std::vector<AlertChange> changes;
  {
    std::lock_guard lock(mutex_);
    changes = TakeNewRules(now);
    for (AlertChange& change : alerts_.Evaluate(findings, now)) changes.push_back(std::move(change));
    if (!changes.empty()) {
      // A restart that forgets an alert would fire it twice; so its memory is written before anyone hears of it.
      const Status saved = SaveAlerts();
      if (!saved.ok()) journal_.Record("", "alerts.not_saved", "", std::string(saved.message()), kActor, now);
    }
  }
  for (const AlertChange& change : changes) OnAlertChange(change, now);
}

std::vector<AlertChange> ControlLoop::TakeNewRules(TimeUs now) {
  if (!rules_changed_) return {};
  rules_changed_ = false;
  if (new_rules_.has_value()) alerts_.SetRules(*std::exchange(new_rules_, std::nullopt));
  std::vector<AlertChange> ended = alerts_.EndOrphans(now);
  for (const Alert& alert : alerts_.Active()) retraining_.OnAlert(alert, now);
  return ended;
}

void ControlLoop::SetAlertRules(std::vector<AlertRule> rules) {
  std::lock_guard lock(mutex_);
  new_rules_ = std::move(rules);
  rules_changed_ = true;
}

void ControlLoop::OnAlertChange(const AlertChange& change, TimeUs now) {
  const Alert& alert = change.alert;
  const bool fired = change.kind == AlertChange::Kind::kFired;
  const bool resolved = change.kind == AlertChange::Kind::kResolved;
  (void)catalog_.Apply({CatalogWrite{kAlertKind, alert.id, DumpJson(AlertToJson(alert)),
                                     CatalogWrite::kAnyEpoch}});  // history; the state itself is saved above
  // An update may bring a symptom of another kind (performance, a week after drift), which may be what a retraining waits for.
  retraining_.OnAlert(alert, now);
  if (resolved) alert_kinds_.erase(alert.id);
  const bool grew = !resolved && KindsGrew(alert) && !fired;
  if (!fired && !resolved && !grew) return;
  const auto summary = alert.annotations.find("summary");
  const std::string text = summary == alert.annotations.end() ? alert.rule : summary->second;
  journal_.Record(alert.model,
                  fired      ? "alert.fired"
                  : resolved ? "alert.resolved"
                             : "alert.grew",
                  alert.id,
                  absl::StrCat(fired      ? "alert: "
                               : resolved ? "resolved: "
                                          : "alert grew: ",
                               text),
                  kActor, now, DumpJson(AlertToJson(alert)));
  if (alert.silenced_until <= now) notify_({alert}, resolved);
}

bool ControlLoop::KindsGrew(const Alert& alert) {
  const auto kinds = alert.labels.find("kinds");
  if (kinds == alert.labels.end()) return false;
  std::string& known = alert_kinds_[alert.id];
  const bool grew = !known.empty() && kinds->second.size() > known.size();
  known = kinds->second;
  return grew;
}

void ControlLoop::StartRollout(const Job& job, TimeUs now) {
  RolloutChoice choice;
  {
    std::lock_guard lock(mutex_);
    const auto found = rollout_choices_.find(job.model);
    if (found != rollout_choices_.end()) choice = found->second;
  }
  if (!choice.automatic) {
    journal_.Record(job.model, "rollout.waits", job.candidate,
                    absl::StrCat("version ", job.candidate, " passed the gate and waits for a person to start its rollout"), "control loop",
                    now);
    return;
  }
  const StatusOr<Rollout> rollout = rollouts_.Create(job.model, job.candidate, choice.options, absl::StrCat("job/", job.id), now);
  if (!rollout.ok()) {
    journal_.Record(job.model, "rollout.refused", job.candidate,
                    absl::StrCat("rollout of version ", job.candidate, " could not start: ", std::string(rollout.status().message())),
                    "control loop", now);
  }
}

void ControlLoop::OnLabels(const std::string& model, int64_t accepted) {
  labels_seen_.fetch_add(accepted, std::memory_order_relaxed);
  retraining_.OnLabels(model, accepted, clock_.NowUs());
}

void ControlLoop::SetRolloutOptions(const std::string& model, const RolloutOptions& options, bool automatic) {
  std::lock_guard lock(mutex_);
  rollout_choices_[model] = RolloutChoice{options, automatic};
}

void ControlLoop::Remember(const std::vector<Finding>& findings) {
  std::lock_guard lock(mutex_);
  for (const Finding& finding : findings) {
    const std::string key = SeriesKey(finding);
    const auto found = latest_.find(key);
    if (found != latest_.end()) {
      if (finding.window_end >= found->second.window_end) found->second = finding;
    } else if (latest_.size() < kSeriesMax) {
      latest_.emplace(key, finding);
    }
  }
}

std::vector<Finding> ControlLoop::latest_findings() const {
  std::lock_guard lock(mutex_);
  std::vector<Finding> findings;
  findings.reserve(latest_.size());
  for (const auto& [key, finding] : latest_) findings.push_back(finding);
  return findings;
}

std::vector<Alert> ControlLoop::ActiveAlerts() const {
  std::lock_guard lock(mutex_);
  return alerts_.Active();
}

Status ControlLoop::Acknowledge(const std::string& id, const std::string& by) {
  const TimeUs now = clock_.NowUs();
  std::lock_guard lock(mutex_);
  VIGIL_ASSIGN_OR_RETURN(const Alert alert, alerts_.Acknowledge(id, by, now));
  return KeepAlert(alert, "alert.acknowledged", absl::StrCat("alert ", id, " acknowledged by ", by), by, now);
}

Status ControlLoop::Silence(const std::string& id, TimeUs until, const std::string& by) {
  std::lock_guard lock(mutex_);
  VIGIL_ASSIGN_OR_RETURN(const Alert alert, alerts_.Silence(id, until));
  return KeepAlert(alert, "alert.silenced", absl::StrCat("alert ", id, " silenced until ", FormatTime(until), " by ", by), by,
                   clock_.NowUs());
}

// What a person did to an alert: into the engine's memory and the alert's history, which outlives it.
Status ControlLoop::KeepAlert(const Alert& alert, const std::string& kind, const std::string& summary, const std::string& by, TimeUs now) {
  VIGIL_RETURN_IF_ERROR(SaveAlerts());
  VIGIL_RETURN_IF_ERROR(
      catalog_.Apply({CatalogWrite{kAlertKind, alert.id, DumpJson(AlertToJson(alert)), CatalogWrite::kAnyEpoch}}).status());
  journal_.Record(alert.model, kind, alert.id, summary, by, now, DumpJson(AlertToJson(alert)));
  return absl::OkStatus();
}

Status ControlLoop::SaveAlerts() {
  return catalog_.Apply({CatalogWrite{kStateKind, kAlertsKey, DumpJson(alerts_.Save()), CatalogWrite::kAnyEpoch}}).status();
}

void ControlLoop::SaveState() {
  retraining_.SaveTriggers();
  if (options_.state_file.empty()) return;
  if (const Status saved = WriteFileAtomically(options_.state_file, monitor_.Serialize()); !saved.ok()) {
    journal_.Record("", "monitoring.state_not_saved", "", std::string(saved.message()), "control loop");
  }
}

}  // namespace vigil
