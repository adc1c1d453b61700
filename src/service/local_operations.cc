#include "service/local_operations.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "alerting/alert_json.h"
#include "base/text.h"
#include "service/profile_file.h"
#include "service/served_at.h"

namespace vigil {
namespace {

// Of a file, or of everything in a directory; 0 where there is nothing to be read.
int64_t SizeOnDisk(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const uintmax_t bytes = fs::file_size(path, error);
    return error ? 0 : static_cast<int64_t>(bytes);
  }
  int64_t total = 0;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) total += static_cast<int64_t>(entry->file_size(ignored));
  }
  return total;
}

class LocalOperations final : public Operations {
 public:
  explicit LocalOperations(const LocalOperationsParts& parts)
      : p_(parts), started_(parts.wall_clock.NowUs()), started_ns_(parts.wall_clock.MonotonicNs()) {}

  StatusOr<std::vector<ModelView>> ListModels() override {
    std::vector<ModelView> views;
    for (const std::string& name : p_.registry.Models()) {
      VIGIL_ASSIGN_OR_RETURN(ModelView view, GetModel(name));
      views.push_back(std::move(view));
    }
    return views;
  }

  StatusOr<ModelView> GetModel(const std::string& model) override {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<VersionRecord> versions, p_.registry.Versions(model));
    ModelView view;
    view.name = model;
    for (const VersionRecord& record : versions) {
      view.versions.push_back(record.facts.version);
      view.memory_bytes += record.memory_bytes;
    }
    for (const Role role : {Role::kChampion, Role::kChallenger, Role::kShadow}) {
      StatusOr<RoleAssignment> assignment = p_.registry.GetRole(model, role);
      if (assignment.ok()) view.roles.emplace(role, *std::move(assignment));
    }
    const auto snapshot = p_.registry.snapshot().Load();
    const auto served = snapshot->models.find(model);
    if (served != snapshot->models.end()) {
      view.plan = served->second->plan;
      view.ready = served->second->ready();
      view.loaded = served->second->champion != nullptr;
      view.on_demand = served->second->on_demand;
      view.labels.insert(served->second->labels.begin(), served->second->labels.end());
      if (view.loaded) view.signature = served->second->champion->loaded->signature();
    }
    return view;
  }

  StatusOr<std::vector<VersionRecord>> ListVersions(const std::string& model) override { return p_.registry.Versions(model); }
  StatusOr<VersionRecord> GetVersion(const std::string& model, const std::string& version) override {
    return p_.registry.Version(model, version);
  }

  StatusOr<VersionRecord> RegisterVersion(const RegisterRequest& request) override {
    VIGIL_ASSIGN_OR_RETURN(const auto version, Add(request, false));
    // The column rules are the model's: its champion's hold for every version that takes the same columns.
    const auto snapshot = p_.registry.snapshot().Load();
    const auto served = snapshot->models.find(request.model);
    if (served != snapshot->models.end() && served->second->champion != nullptr && served->second->champion->schema != nullptr) {
      VIGIL_RETURN_IF_ERROR(p_.registry.SetSchema(request.model, served->second->champion->schema, request.by));
    }
    return p_.registry.Version(request.model, version->facts.version);
  }

  StatusOr<VersionRecord> ServeModel(const RegisterRequest& request) override {
    std::lock_guard lock(serve_mutex_);  // of two that ask for one name, the second hears that it is served
    const auto snapshot = p_.registry.snapshot().Load();
    const auto served = snapshot->models.find(request.model);
    if (served != snapshot->models.end() && served->second->champion != nullptr) {
      return absl::AlreadyExistsError(absl::StrCat("model ", request.model, " is served already"));
    }
    VIGIL_ASSIGN_OR_RETURN(const auto version, Add(request, true));
    return p_.registry.Version(request.model, version->facts.version);
  }
  Status WithdrawModel(const std::string& model, const std::string& by) override {
    if (p_.rollouts.Busy(model)) {
      return absl::FailedPreconditionError(absl::StrCat("a rollout of model ", model, " is running: abort it first"));
    }
    return p_.registry.Withdraw(model, by, "taken out of service");
  }

  StatusOr<RoleAssignment> SetRole(const SetRoleRequest& request) override {
    return p_.registry.SetRole(request.model, request.role, request.version, request.expected_epoch.value_or(CatalogWrite::kAnyEpoch),
                               request.by, request.reason);
  }
  StatusOr<RoleAssignment> Rollback(const std::string& model, const std::string& by, const std::string& reason) override {
    return p_.registry.Rollback(model, by, reason);
  }
  Status LoadModel(const std::string& model, const std::string&) override { return p_.registry.Load(model); }
  Status UnloadModel(const std::string& model, const std::string&) override { return p_.registry.Unload(model); }

  StatusOr<std::map<std::string, RoleAssignment>> Labels(const std::string& model) override { return p_.registry.Labels(model); }
  StatusOr<RoleAssignment> SetLabel(const SetLabelRequest& request) override {
    const int64_t epoch = request.expected_epoch.value_or(CatalogWrite::kAnyEpoch);
    if (!request.version.empty()) {
      return p_.registry.SetLabel(request.model, request.label, request.version, epoch, request.by, request.reason);
    }
    VIGIL_RETURN_IF_ERROR(p_.registry.ClearLabel(request.model, request.label, epoch, request.by, request.reason));
    return RoleAssignment();
  }
  Status ServeBasePaths(const std::vector<BasePathModel>& models, const std::string& by) override {
    return p_.serve_base_paths(models, by);
  }
  StatusOr<ServedAt> WhatServed(const std::string& model, TimeUs time) override {
    VIGIL_RETURN_IF_ERROR(p_.registry.Versions(model).status());
    return FoldTimeline(p_.catalog, model, time);
  }

  StatusOr<std::vector<Finding>> Series(const SeriesQuery& query) override {
    if (!query.model.empty()) VIGIL_RETURN_IF_ERROR(p_.registry.Versions(query.model).status());
    return p_.monitor.Series(query);
  }

  StatusOr<std::vector<Alert>> Alerts(const AlertQuery& query) override {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<CatalogEntry> entries, p_.catalog.List("alert", "", "", 1'000'000));
    std::map<std::string, Alert> alerts;
    for (const CatalogEntry& entry : entries) {
      VIGIL_ASSIGN_OR_RETURN(const Json value, ParseJson(entry.value, absl::StrCat("catalog value alert/", entry.key)));
      VIGIL_ASSIGN_OR_RETURN(Alert alert, AlertFromJson(value));
      alerts[alert.id] = std::move(alert);
    }
    for (Alert& alert : p_.loop.ActiveAlerts()) {  // newer than what the catalog holds: acknowledgements, silences, values
      const std::string id = alert.id;
      alerts[id] = std::move(alert);
    }
    std::vector<Alert> chosen;
    for (auto& [id, alert] : alerts) {
      if (!query.model.empty() && alert.model != query.model) continue;
      if (query.state && alert.state != *query.state) continue;
      chosen.push_back(std::move(alert));
    }
    std::stable_sort(chosen.begin(), chosen.end(), [](const Alert& a, const Alert& b) { return a.fired > b.fired; });
    if (chosen.size() > query.limit) chosen.resize(query.limit);
    return chosen;
  }

  StatusOr<Alert> AcknowledgeAlert(const std::string& id, const std::string& by) override {
    VIGIL_RETURN_IF_ERROR(p_.loop.Acknowledge(id, by));
    return FindAlert(id);
  }
  StatusOr<Alert> SilenceAlert(const std::string& id, TimeUs until, const std::string& by) override {
    VIGIL_RETURN_IF_ERROR(p_.loop.Silence(id, until, by));
    return FindAlert(id);
  }

  StatusOr<std::vector<Rollout>> Rollouts(const std::string& model) override {
    if (!model.empty()) VIGIL_RETURN_IF_ERROR(p_.registry.Versions(model).status());
    return p_.rollouts.List(model);
  }
  StatusOr<Rollout> GetRollout(const std::string& model, const std::string& id) override {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<Rollout> rollouts, Rollouts(model));
    for (const Rollout& rollout : rollouts) {
      if (rollout.id == id) return rollout;
    }
    return absl::NotFoundError(absl::StrCat("model ", model, " has no rollout ", id));
  }
  StatusOr<Rollout> CreateRollout(const CreateRolloutRequest& request) override {
    return p_.rollouts.Create(request.model, request.candidate, request.options, request.by, p_.control_clock.NowUs());
  }
  StatusOr<Rollout> ChangeRollout(const std::string& model, const std::string& id, RolloutAction action, const std::string& by) override {
    const TimeUs now = p_.control_clock.NowUs();
    switch (action) {
      case RolloutAction::kPause: VIGIL_RETURN_IF_ERROR(p_.rollouts.Pause(model, id, by)); break;
      case RolloutAction::kResume: VIGIL_RETURN_IF_ERROR(p_.rollouts.Resume(model, id, by)); break;
      case RolloutAction::kAbort: VIGIL_RETURN_IF_ERROR(p_.rollouts.Abort(model, id, by, now)); break;
      case RolloutAction::kPromote: VIGIL_RETURN_IF_ERROR(p_.rollouts.Promote(model, id, by, now)); break;
    }
    return GetRollout(model, id);
  }

  StatusOr<Job> Retrain(const std::string& model, const std::string& reason, const std::string& by) override {
    return p_.retraining.RequestNow(model, reason, by, p_.control_clock.NowUs());
  }
  StatusOr<std::vector<Job>> Jobs(const JobQuery& query) override {
    VIGIL_ASSIGN_OR_RETURN(std::vector<Job> jobs, p_.retraining.Jobs(query.model));
    if (query.state) std::erase_if(jobs, [&](const Job& job) { return job.state != *query.state; });
    if (jobs.size() > query.limit) jobs.resize(query.limit);
    return jobs;
  }
  StatusOr<Job> GetJob(const std::string& id) override {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<Job> jobs, p_.retraining.Jobs(""));
    for (const Job& job : jobs) {
      if (job.id == id) return job;
    }
    return absl::NotFoundError(absl::StrCat("no job ", id));
  }

  StatusOr<std::vector<TimelineEvent>> Timeline(const TimelineQuery& query) override {
    return p_.catalog.Timeline(query.model, query.before, query.limit);
  }

  StatusOr<LabelCounts> ImportLabels(const std::vector<Label>& labels) override {
    if (p_.log == nullptr) return absl::FailedPreconditionError("labels need the prediction log, which --no-log turned off");
    absl::flat_hash_map<uint32_t, int64_t> joined_by_schema;
    VIGIL_ASSIGN_OR_RETURN(const LabelCounts counts, p_.log->Join(labels, [&](const LabelledPrediction& joined) {
      p_.monitor.AddLabelled(joined);
      ++joined_by_schema[joined.schema];
    }));
    for (const auto& [schema, n] : joined_by_schema) {
      VIGIL_ASSIGN_OR_RETURN(const LogSchema found, p_.log->FindSchema(schema));
      p_.loop.OnLabels(found.model, n);
    }
    return counts;
  }

  StatusOr<ServerStatus> GetStatus() override {
    ServerStatus status;
    status.version = VIGIL_VERSION;
    status.clock = p_.event_clock ? "event" : "wall";
    status.started = started_;
    status.uptime_us = (p_.wall_clock.MonotonicNs() - started_ns_) / 1000;
    status.now = p_.wall_clock.NowUs();
    status.event_time = p_.event_clock ? p_.stream_clock.NowUs() : 0;
    status.control_time = p_.loop.control_time();
    const std::vector<Alert> alerts = p_.loop.ActiveAlerts();
    status.alerts_firing = std::count_if(alerts.begin(), alerts.end(), [](const Alert& a) { return a.state == AlertState::kFiring; });
    status.jobs_running = p_.retraining.Busy() ? 1 : 0;
    for (const std::string& model : p_.registry.Models()) status.rollouts_running += p_.rollouts.Busy(model) ? 1 : 0;
    if (p_.log != nullptr) status.log = p_.log->counters();
    status.registry = p_.registry.counters();
    status.predictions = p_.pipeline_counters();
    status.net = p_.net_counters();
    status.counters.emplace_back("timeline_lost", p_.journal.lost());
    return status;
  }

 private:
  StatusOr<Alert> FindAlert(const std::string& id) {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<Alert> alerts, Alerts(AlertQuery{.limit = SIZE_MAX}));
    for (const Alert& alert : alerts) {
      if (alert.id == id) return alert;
    }
    return absl::NotFoundError(absl::StrCat("no alert ", id));
  }

  // `serve`: as the champion of a model that has none, and only where it fits into memory, of which it takes at least its artefact's size.
  StatusOr<std::shared_ptr<const ServedVersion>> Add(const RegisterRequest& request, bool serve) {
    LocalOperationsParts::Artefact artefact{request.uri, nullptr};
    if (p_.fetch) {
      VIGIL_ASSIGN_OR_RETURN(artefact, p_.fetch(request.uri));
    }
    const int64_t bytes = serve ? SizeOnDisk(artefact.path) : 0, room = serve ? p_.memory_left() : 0;
    if (bytes > room) {
      return absl::ResourceExhaustedError(absl::StrCat("model ", request.uri, " has ", bytes, " bytes, and ", room, " are left in memory"));
    }
    VersionFacts facts;
    facts.model = request.model;
    facts.version = request.version;
    facts.uri = artefact.path;
    facts.created = p_.control_clock.NowUs();
    facts.created_by = request.by;
    facts.trigger = "manual";
    VIGIL_ASSIGN_OR_RETURN(const std::shared_ptr<const ReferenceProfile> reference, ReadProfileFile(request.reference_uri));
    return p_.registry.Register(facts, LoadOptions{}, nullptr, reference, serve);
  }

  const LocalOperationsParts p_;
  std::mutex serve_mutex_;
  const TimeUs started_;
  const int64_t started_ns_;
};

}  // namespace

std::unique_ptr<Operations> NewLocalOperations(const LocalOperationsParts& parts) { return std::make_unique<LocalOperations>(parts); }

}  // namespace vigil
