// A control plane that remembers what it was asked and answers what the test put there.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "service/operations.h"

namespace vigil::testing {

class FakeOperations final : public Operations {
 public:
  StatusOr<std::vector<ModelView>> ListModels() override {
    if (!fail.ok()) return fail;
    return std::vector<ModelView>{model};
  }
  StatusOr<ModelView> GetModel(const std::string& name) override {
    if (!fail.ok()) return fail;
    if (name != model.name) return absl::NotFoundError("no model \"" + name + "\" (did you mean \"" + model.name + "\"?)");
    return model;
  }
  StatusOr<std::vector<VersionRecord>> ListVersions(const std::string& name) override {
    if (name != model.name) return absl::NotFoundError("no model \"" + name + "\"");
    return std::vector<VersionRecord>{version};
  }
  StatusOr<VersionRecord> GetVersion(const std::string&, const std::string& name) override {
    if (name != version.facts.version) return absl::NotFoundError("no version \"" + name + "\"");
    return version;
  }
  StatusOr<VersionRecord> RegisterVersion(const RegisterRequest& request) override {
    registered = request;
    return version;
  }
  StatusOr<VersionRecord> ServeModel(const RegisterRequest& request) override {
    if (!fail.ok()) return fail;
    if (request.model == model.name && model.ready) return absl::AlreadyExistsError("model \"" + model.name + "\" is served already");
    model.name = request.model;
    model.ready = true;
    model.roles[Role::kChampion] = RoleAssignment{version.facts.version, 1, 1, request.by, ""};
    version.facts.uri = request.uri;
    registered = request;
    return version;
  }
  Status WithdrawModel(const std::string& name, const std::string&) override {
    if (name != model.name || !model.ready) return absl::NotFoundError("no model \"" + name + "\"");
    model.ready = false;
    model.roles.clear();
    return absl::OkStatus();
  }
  StatusOr<RoleAssignment> SetRole(const SetRoleRequest& request) override {
    role = request;
    if (request.expected_epoch.has_value() && *request.expected_epoch != 7) return absl::AbortedError("epoch is 7, not the one expected");
    return RoleAssignment{request.version, 8, 1, request.by, request.reason};
  }
  StatusOr<RoleAssignment> Rollback(const std::string&, const std::string& by, const std::string& reason) override {
    return RoleAssignment{"2", 9, 1, by, reason};
  }
  Status LoadModel(const std::string& name, const std::string&) override { return SetLoaded(name, true); }
  Status UnloadModel(const std::string& name, const std::string&) override { return SetLoaded(name, false); }
  StatusOr<std::vector<Finding>> Series(const SeriesQuery& query) override {
    series = query;
    return findings;
  }
  StatusOr<std::vector<Alert>> Alerts(const AlertQuery& query) override {
    alert_query = query;
    return std::vector<Alert>{alert};
  }
  StatusOr<Alert> AcknowledgeAlert(const std::string& id, const std::string& by) override {
    if (id != alert.id) return absl::NotFoundError("no alert \"" + id + "\"");
    alert.acknowledged_by = by;
    return alert;
  }
  StatusOr<Alert> SilenceAlert(const std::string&, TimeUs until, const std::string&) override {
    alert.silenced_until = until;
    return alert;
  }
  StatusOr<std::vector<Rollout>> Rollouts(const std::string&) override { return std::vector<Rollout>{rollout}; }
  StatusOr<Rollout> GetRollout(const std::string&, const std::string& id) override {
    if (id != rollout.id) return absl::NotFoundError("no rollout \"" + id + "\"");
    return rollout;
  }
  StatusOr<Rollout> CreateRollout(const CreateRolloutRequest& request) override {
    created = request;
    return rollout;
  }
  StatusOr<Rollout> ChangeRollout(const std::string&, const std::string&, RolloutAction wanted, const std::string&) override {
    action = wanted;
    return rollout;
  }
  StatusOr<Job> Retrain(const std::string& name, const std::string& reason, const std::string& by) override {
    Job asked = job;
    asked.model = name;
    asked.reason = reason;
    asked.trigger = by;
    return asked;
  }
  StatusOr<std::vector<Job>> Jobs(const JobQuery& query) override {
    job_query = query;
    return std::vector<Job>{job};
  }
  StatusOr<Job> GetJob(const std::string& id) override {
    if (id != job.id) return absl::NotFoundError("no job \"" + id + "\"");
    return job;
  }
  StatusOr<std::vector<TimelineEvent>> Timeline(const TimelineQuery& query) override {
    std::vector<TimelineEvent> page;
    for (int64_t sequence = query.before == 0 ? 5 : query.before - 1; sequence >= 1 && page.size() < query.limit; --sequence) {
      TimelineEvent event;
      event.sequence = sequence;
      event.kind = "role.changed";
      page.push_back(event);
    }
    return page;
  }
  StatusOr<std::map<std::string, RoleAssignment>> Labels(const std::string& name) override {
    if (name != model.name) return absl::NotFoundError("no model \"" + name + "\"");
    std::map<std::string, RoleAssignment> found;
    for (const auto& [label, of] : model.labels) found[label].version = of;
    return found;
  }
  Status ServeBasePaths(const std::vector<BasePathModel>& models, const std::string&) override {
    if (!fail.ok()) return fail;
    base_paths = models;
    return absl::OkStatus();
  }
  StatusOr<LabelCounts> ImportLabels(const std::vector<Label>& imported) override {
    labels = imported;
    return LabelCounts{static_cast<int64_t>(imported.size()), 2, 1};
  }
  StatusOr<ServerStatus> GetStatus() override { return status; }

  Status fail;
  ModelView model;
  VersionRecord version;
  Alert alert;
  Rollout rollout;
  Job job;
  ServerStatus status;
  std::vector<Finding> findings;
  RegisterRequest registered;
  std::vector<BasePathModel> base_paths;
  SetRoleRequest role;
  SeriesQuery series;
  AlertQuery alert_query;
  CreateRolloutRequest created;
  RolloutAction action = RolloutAction::kPause;
  JobQuery job_query;
  std::vector<Label> labels;

 private:
  Status SetLoaded(const std::string& name, bool loaded) {
    if (name != model.name) return absl::NotFoundError("no model \"" + name + "\"");
    version.loaded = loaded;
    return absl::OkStatus();
  }
};

}  // namespace vigil::testing
