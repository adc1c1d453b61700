#include "service/retraining_service.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/retraining_work.h"

namespace vigil {
namespace {

constexpr char kJobKind[] = "job";
constexpr char kTriggerKind[] = "trigger";
constexpr char kActor[] = "retraining";
constexpr char kManual[] = "manual";

bool JobEnded(JobState state) { return state != JobState::kWaiting && state != JobState::kRunning; }

}  // namespace

struct RetrainingService::Model {
  std::string name;
  ModelPolicy policy;
  std::unique_ptr<TriggerPolicy> triggers;
  std::string triggers_saved;  // as the catalog has them
};

struct RetrainingService::Work {
  RetrainingInput input;
  RetrainingOutcome outcome;
  std::atomic<bool> cancel{false};
  std::atomic<bool> done{false};
  std::thread thread;

  ~Work() {
    cancel = true;
    if (thread.joinable()) thread.join();
  }
};

RetrainingService::RetrainingService(Registry& registry, const PredictionLog& log, Catalog& catalog, Journal& journal,
                                     const std::vector<std::unique_ptr<ModelLoader>>& loaders, Options options)
    : registry_(registry), log_(log), catalog_(catalog), journal_(journal), loaders_(loaders), options_(std::move(options)) {}

RetrainingService::~RetrainingService() = default;

RetrainingService::Model& RetrainingService::ModelOf(const std::string& name) {
  std::unique_ptr<Model>& model = models_[name];
  if (model == nullptr) {
    model = std::make_unique<Model>();
    model->name = name;
    model->triggers = std::make_unique<TriggerPolicy>(model->policy.retraining.triggers);
  }
  return *model;
}

void RetrainingService::SetPolicy(const std::string& name, const ModelPolicy& policy) {
  std::lock_guard lock(mutex_);
  Model& model = ModelOf(name);
  const Json memory = model.triggers->Save();
  model.policy = policy;
  model.triggers = std::make_unique<TriggerPolicy>(policy.retraining.triggers);
  (void)model.triggers->Load(memory);  // its own Save() always loads
}

Status RetrainingService::Restore() {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Job> jobs, Jobs(""));
  std::lock_guard lock(mutex_);
  for (Job job : jobs) {
    if (JobEnded(job.state)) continue;
    const bool ran = job.state == JobState::kRunning;
    const bool again = !ran || job.attempts < ModelOf(job.model).policy.retraining.attempts_max;
    job.state = again ? JobState::kWaiting : JobState::kFailed;
    if (ran) {
      job.message = absl::StrCat("the server stopped during attempt ", job.attempts);
      if (!again) job.ended = std::max(job.started, job.as_of);  // the stop itself was never written down
      journal_.Record(job.model, again ? "job.interrupted" : "job.failed", job.id,
                      absl::StrCat("retraining ", job.id, ": ", job.message, again ? "; it runs again" : ", the last"), kActor);
    }
    VIGIL_RETURN_IF_ERROR(SaveJob(job));
    if (again) asked_.push_back(std::move(job));
  }
  std::reverse(asked_.begin(), asked_.end());  // oldest first
  VIGIL_ASSIGN_OR_RETURN(const std::vector<CatalogEntry> entries, catalog_.List(kTriggerKind));
  for (const CatalogEntry& entry : entries) {
    VIGIL_ASSIGN_OR_RETURN(const Json memory, ParseJson(entry.value, absl::StrCat("catalog value trigger/", entry.key)));
    VIGIL_RETURN_IF_ERROR(ModelOf(entry.key).triggers->Load(memory));
    ModelOf(entry.key).triggers_saved = entry.value;
  }
  return absl::OkStatus();
}

void RetrainingService::OnAlert(const Alert& alert, TimeUs now) {
  std::lock_guard lock(mutex_);
  Model& model = ModelOf(alert.model);
  if (model.policy.retraining.enabled) model.triggers->OnAlert(alert, now);
}

void RetrainingService::OnLabels(const std::string& name, int64_t accepted, TimeUs now) {
  std::lock_guard lock(mutex_);
  Model& model = ModelOf(name);
  if (model.policy.retraining.enabled) model.triggers->OnLabels(accepted, now);
}

StatusOr<Job> RetrainingService::RequestNow(const std::string& name, const std::string& reason, const std::string& by, TimeUs now) {
  VIGIL_RETURN_IF_ERROR(registry_.GetRole(name, Role::kChampion).status());
  std::lock_guard lock(mutex_);
  for (const Job& job : asked_) {
    if (job.model == name) return job;  // coalesced
  }
  VIGIL_ASSIGN_OR_RETURN(Job job, NewJob(name, kManual, reason.empty() ? absl::StrCat("asked for by ", by) : reason, now));
  VIGIL_RETURN_IF_ERROR(SaveJob(job));
  journal_.Record(name, "job.asked", job.id, absl::StrCat("retraining asked for by ", by, ": ", job.reason), by, now);
  asked_.push_back(job);
  return job;
}

StatusOr<Job> RetrainingService::NewJob(const std::string& model, const std::string& trigger, const std::string& reason, TimeUs now) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<CatalogEntry> entries, catalog_.List(kJobKind, "", "", 1'000'000));
  Job job;
  job.id = absl::StrFormat("j%06d", entries.size() + 1);
  job.model = model;
  job.trigger = trigger;
  job.reason = reason;
  job.created = now;
  return job;
}

StatusOr<std::vector<Job>> RetrainingService::Jobs(const std::string& model) const {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<CatalogEntry> entries, catalog_.List(kJobKind, "", "", 1'000'000));
  std::vector<Job> jobs;
  for (const CatalogEntry& entry : entries) {
    VIGIL_ASSIGN_OR_RETURN(const Json value, ParseJson(entry.value, absl::StrCat("catalog value job/", entry.key)));
    VIGIL_ASSIGN_OR_RETURN(Job job, JobFromJson(value));
    if (model.empty() || job.model == model) jobs.push_back(std::move(job));
  }
  std::reverse(jobs.begin(), jobs.end());
  return jobs;
}

bool RetrainingService::Busy() const {
  std::lock_guard lock(mutex_);
  return work_ != nullptr;
}

Status RetrainingService::SaveJob(const Job& job) {
  return catalog_.Apply({CatalogWrite{kJobKind, job.id, DumpJson(JobToJson(job)), CatalogWrite::kAnyEpoch}}).status();
}

Status RetrainingService::SaveTriggers(Model& model) {
  std::string text = DumpJson(model.triggers->Save());
  if (text == model.triggers_saved) return absl::OkStatus();
  VIGIL_RETURN_IF_ERROR(catalog_.Apply({CatalogWrite{kTriggerKind, model.name, text, CatalogWrite::kAnyEpoch}}).status());
  model.triggers_saved = std::move(text);
  return absl::OkStatus();
}

void RetrainingService::SaveTriggers() {
  std::lock_guard lock(mutex_);
  for (const auto& [name, model] : models_) {
    (void)SaveTriggers(*model);  // only memory of schedules and cool-downs, tried again soon; a restart without it is merely eager
  }
}

void RetrainingService::Tick(TimeUs now, const std::function<bool(const std::string&)>& experiment_busy,
                             const CandidateFunction& candidate) {
  FinishWork(now, candidate);
  std::lock_guard lock(mutex_);
  if (work_ != nullptr) return;
  for (auto it = asked_.begin(); it != asked_.end(); ++it) {
    if (experiment_busy(it->model)) continue;
    Model& model = ModelOf(it->model);
    if (it->trigger == kManual && it->attempts == 0) {
      // Through the policy, so that it answers what else was asked for and counts as this model's latest training.
      model.triggers->RequestNow(it->reason);
      const std::optional<TriggerPolicy::Ask> ask = model.triggers->Due(now, false);
      if (!ask) return;  // before the first event
      it->reason = ask->reason;
    }
    Job job = std::move(*it);
    asked_.erase(it);
    Start(model, std::move(job), now);
    return;
  }
  for (const auto& [name, model] : models_) {
    if (!model->policy.retraining.enabled) continue;
    const std::optional<TriggerPolicy::Ask> ask = model->triggers->Due(now, experiment_busy(name));
    if (!ask) continue;
    StatusOr<Job> job = NewJob(name, ask->trigger, ask->reason, now);
    if (job.ok()) Start(*model, *std::move(job), now);
    return;
  }
}

void RetrainingService::Start(Model& model, Job job, TimeUs now) {
  auto snapshot = registry_.snapshot().Load();
  auto served = snapshot->models.find(model.name);
  if (served != snapshot->models.end() && served->second->on_demand && served->second->champion == nullptr) {
    registry_.Load(model.name).IgnoreError();  // not in memory now; what hinders it is told below
    snapshot = registry_.snapshot().Load();
    served = snapshot->models.find(model.name);
  }
  const StatusOr<RoleAssignment> role = registry_.GetRole(model.name, Role::kChampion);
  job.started = job.as_of = now;
  if (served == snapshot->models.end() || served->second->champion == nullptr || !role.ok()) {
    job.state = JobState::kFailed;
    job.ended = now;
    job.message = absl::StrCat("model ", model.name, " has no champion to retrain");
    (void)SaveJob(job);
    model.triggers->OnJobEnded(job, now);
    return;
  }
  job.parent = role->version;
  job.champion_epoch = role->epoch;
  job.state = JobState::kRunning;
  ++job.attempts;
  (void)SaveJob(job);  // a catalog that fails now fails again, visibly, when the job ends
  (void)SaveTriggers(model);
  journal_.Record(model.name, "job.started", job.id, absl::StrCat("retraining ", job.id, " started: ", job.reason), kActor, now);

  work_ = std::make_unique<Work>();
  work_->input =
      RetrainingInput{job, model.policy, served->second->champion, &log_, &loaders_, options_.trainer, options_.directory + "/" + job.id};
  work_->thread = std::thread([work = work_.get()] {
    work->outcome = RunRetraining(work->input, work->cancel);
    work->done.store(true, std::memory_order_release);
  });
}

// A candidate is kept whatever the gate said, so that a person can look at it; only one that passed goes on.
void RetrainingService::FinishWork(TimeUs now, const CandidateFunction& candidate) {
  std::unique_ptr<Work> finished;
  {
    std::lock_guard lock(mutex_);
    if (work_ == nullptr || !work_->done.load(std::memory_order_acquire)) return;
    finished = std::move(work_);
  }
  finished->thread.join();
  RetrainingOutcome& outcome = finished->outcome;
  Job& job = outcome.job;
  job.ended = now;
  const bool gated = job.state == JobState::kDone || job.state == JobState::kRefused;
  if (gated) {
    VersionFacts facts;
    facts.model = job.model;
    facts.uri = outcome.artefact;
    facts.created = now;
    facts.created_by = absl::StrCat("job/", job.id);
    facts.parent = job.parent;
    facts.training_from = outcome.dataset.from;
    facts.training_to = outcome.dataset.split_time;
    facts.as_of = outcome.dataset.as_of;
    facts.training_rows = outcome.dataset.train_rows;
    facts.dataset_digest = outcome.dataset.digest;
    facts.trigger = job.trigger;
    facts.metrics = {{outcome.gate.metric, outcome.gate.candidate}};
    facts.gate_report = job.gate_report;
    const auto registered = registry_.Register(facts, LoadOptions{}, finished->input.champion->schema, outcome.reference, false);
    if (registered.ok()) {
      job.candidate = (*registered)->facts.version;
      const bool passed = job.state == JobState::kDone || finished->input.policy.gate_bypassed;
      Status marked = registry_.SetState(job.model, job.candidate, VersionState::kValidating, kActor, absl::StrCat("gate of job ", job.id));
      if (marked.ok()) {
        marked =
            registry_.SetState(job.model, job.candidate, passed ? VersionState::kValidated : VersionState::kRejected, kActor, job.message);
      }
      if (!marked.ok()) job.message = absl::StrCat(job.message, "; ", std::string(marked.message()));
    } else {
      job.state = JobState::kFailed;
      job.message = std::string(registered.status().message());
    }
  }
  // The event first: whoever sees that the job has ended finds out why.
  journal_.Record(job.model, absl::StrCat("job.", std::string(JobStateName(job.state))), job.id,
                  absl::StrCat("retraining ", job.id, job.candidate.empty() ? "" : absl::StrCat(" made version ", job.candidate), ": ",
                               std::string(JobStateName(job.state)), " — ", job.message),
                  kActor, now, job.gate_report);
  {
    std::lock_guard lock(mutex_);
    Model& model = ModelOf(job.model);
    model.triggers->OnJobEnded(job, now);
    if (const Status saved = SaveJob(job); !saved.ok()) job.message = absl::StrCat(job.message, "; ", std::string(saved.message()));
    (void)SaveTriggers(model);
  }
  if (!job.candidate.empty() &&
      (job.state == JobState::kDone || (job.state == JobState::kRefused && finished->input.policy.gate_bypassed))) {
    candidate(job);
  }
}

}  // namespace vigil
