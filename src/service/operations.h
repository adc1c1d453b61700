// Every use case of the control plane, once, free of any transport: what the frontends (REST, later gRPC and GraphQL) translate to and
// from, and the command line asks a running server for. The frontends decide nothing; whoever implements this does.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "domain/alert.h"
#include "domain/finding.h"
#include "domain/job.h"
#include "domain/label.h"
#include "domain/model_version.h"
#include "domain/schema.h"
#include "domain/traffic_plan.h"
#include "monitoring/monitor.h"
#include "net/server.h"
#include "prediction/pipeline.h"
#include "registry/registry.h"
#include "rollout/rollout.h"
#include "storage/prediction_log.h"

namespace vigil {

// A model as the outside sees it.
struct ModelView {
  std::string name;
  bool ready = false;        // its champion is loaded, or will be when asked for
  bool loaded = false;       // its champion is
  bool on_demand = false;    // versions that are not in memory are loaded when a request asks for one
  int64_t memory_bytes = 0;  // of all its loaded versions, as the memory budget counts them
  std::map<std::string, std::string> labels;
  std::map<Role, RoleAssignment> roles;  // the roles that are taken, with their epochs
  TrafficPlan plan;
  std::vector<std::string> versions;   // registered ones, in order of registration
  std::optional<Signature> signature;  // the champion's, when loaded
};

struct RegisterRequest {
  std::string model;
  std::string version;        // empty: the next number
  std::string uri;            // a path or URL that the server can read
  std::string reference_uri;  // reference profile; empty: none
  std::string by;
};

struct SetRoleRequest {
  std::string model;
  Role role = Role::kChampion;
  std::string version;
  std::optional<int64_t> expected_epoch;  // nothing: whatever it is
  std::string by;
  std::string reason;
};

// A folder of numbered versions as a model: an entry of TensorFlow Serving's ModelServerConfig.
struct BasePathModel {
  std::string name;
  std::string base_path;
  std::string platform;                   // empty: whatever the files are
  std::string versions;                   // a version policy as vigil.yaml has it: "latest 2", "all", "1 3"; empty: the latest
  std::map<std::string, int64_t> labels;  // label → version
};

struct SetLabelRequest {
  std::string model, label;
  std::string version;  // empty: clear
  std::optional<int64_t> expected_epoch;
  std::string by;
  std::string reason;
};

// What a model answered with at some time, and the events that made it so.
struct ServedAt {
  std::map<std::string, TimelineEvent> roles;   // by role: the change in force
  std::map<std::string, TimelineEvent> labels;  // by label, likewise
  std::optional<TimelineEvent> traffic;         // the plan in force; nothing: all to the champion
};

struct CreateRolloutRequest {
  std::string model;
  std::string candidate;
  RolloutOptions options;
  std::string by;
};
enum class RolloutAction : uint8_t { kPause, kResume, kAbort, kPromote };

struct JobQuery {
  std::string model;  // empty: all
  std::optional<JobState> state;
  size_t limit = 100;  // newest first
};

struct AlertQuery {
  std::string model;  // empty: all
  std::optional<AlertState> state;
  size_t limit = 500;  // newest first
};

struct TimelineQuery {
  std::string model;   // empty: all
  int64_t before = 0;  // sequence; 0: from the newest
  size_t limit = 100;  // newest first
};

struct ServerStatus {
  std::string version;
  std::string clock;  // "wall" or "event"
  TimeUs started = 0;
  int64_t uptime_us = 0;
  TimeUs now = 0;           // wall clock
  TimeUs event_time = 0;    // newest event time seen; 0: none
  TimeUs control_time = 0;  // time up to which the control loop has finished: every window closed by then is judged
  int64_t alerts_firing = 0;
  int64_t jobs_running = 0;
  int64_t rollouts_running = 0;
  LogCounters log;
  RegistryCounters registry;
  PipelineCounters predictions;  // summed over serving threads
  net::ServerCounters net;
  std::vector<std::pair<std::string, int64_t>> counters;  // further ones, by name
};

// Any thread may call; any call may block on disk or on a lock, so serving threads never do (see frontends/rest/offload.h). Errors:
// NOT_FOUND names the nearest thing; ABORTED: a stale epoch; ALREADY_EXISTS, FAILED_PRECONDITION: against the present state;
// INVALID_ARGUMENT: what was asked makes no sense; UNAVAILABLE: not now.
class Operations {
 public:
  virtual ~Operations() = default;

  virtual StatusOr<std::vector<ModelView>> ListModels() = 0;
  virtual StatusOr<ModelView> GetModel(const std::string& model) = 0;
  virtual StatusOr<std::vector<VersionRecord>> ListVersions(const std::string& model) = 0;
  virtual StatusOr<VersionRecord> GetVersion(const std::string& model, const std::string& version) = 0;
  virtual StatusOr<VersionRecord> RegisterVersion(const RegisterRequest& request) = 0;
  // Registers an artefact and serves it, in one step, as the champion of a model that none has yet. ALREADY_EXISTS when the model is
  // served; RESOURCE_EXHAUSTED when the artefact is larger than the memory that is left.
  virtual StatusOr<VersionRecord> ServeModel(const RegisterRequest& request) = 0;
  // Takes a model out of service and out of memory; see Registry::Withdraw. FAILED_PRECONDITION while a rollout runs.
  virtual Status WithdrawModel(const std::string& model, const std::string& by) = 0;
  virtual StatusOr<RoleAssignment> SetRole(const SetRoleRequest& request) = 0;
  // Champion back to the version before, in one step.
  virtual StatusOr<RoleAssignment> Rollback(const std::string& model, const std::string& by, const std::string& reason) = 0;

  // What the model's roles name, into memory or out of it; see Registry::Load and Unload.
  virtual Status LoadModel(const std::string& model, const std::string& by) = 0;
  virtual Status UnloadModel(const std::string& model, const std::string& by) = 0;
  // Labels by name; each moves by compare-and-set as a role does. An empty version clears it.
  virtual StatusOr<std::map<std::string, RoleAssignment>> Labels(const std::string& /*model*/) { return NotOffered(); }
  virtual StatusOr<RoleAssignment> SetLabel(const SetLabelRequest& /*request*/) { return NotOffered(); }
  // Makes the models that come from base paths those of the list: new ones are loaded, those that are not in it are removed, version
  // policies and labels become what it says. INVALID_ARGUMENT: the list makes no sense; FAILED_PRECONDITION: a model of it is the
  // configuration's, or a label points to a version that is not served. What a model cannot be loaded for is its own error; the others
  // stand.
  virtual Status ServeBasePaths(const std::vector<BasePathModel>& /*models*/, const std::string& /*by*/) { return NotOffered(); }
  // Who had which role and label, and how traffic was shared, at `time`, from the timeline; nothing after it counts.
  virtual StatusOr<ServedAt> WhatServed(const std::string& /*model*/, TimeUs /*time*/) { return NotOffered(); }

  // In order of version, metric, column, window_start.
  virtual StatusOr<std::vector<Finding>> Series(const SeriesQuery& query) = 0;

  virtual StatusOr<std::vector<Alert>> Alerts(const AlertQuery& query) = 0;
  virtual StatusOr<Alert> AcknowledgeAlert(const std::string& id, const std::string& by) = 0;
  virtual StatusOr<Alert> SilenceAlert(const std::string& id, TimeUs until, const std::string& by) = 0;

  virtual StatusOr<std::vector<Rollout>> Rollouts(const std::string& model) = 0;
  virtual StatusOr<Rollout> GetRollout(const std::string& model, const std::string& id) = 0;
  virtual StatusOr<Rollout> CreateRollout(const CreateRolloutRequest& request) = 0;
  virtual StatusOr<Rollout> ChangeRollout(const std::string& model, const std::string& id, RolloutAction action, const std::string& by) = 0;

  virtual StatusOr<Job> Retrain(const std::string& model, const std::string& reason, const std::string& by) = 0;
  virtual StatusOr<std::vector<Job>> Jobs(const JobQuery& query) = 0;
  virtual StatusOr<Job> GetJob(const std::string& id) = 0;

  virtual StatusOr<std::vector<TimelineEvent>> Timeline(const TimelineQuery& query) = 0;

  // Durable when it returns. Idempotent; a later label for the same prediction replaces the earlier.
  virtual StatusOr<LabelCounts> ImportLabels(const std::vector<Label>& labels) = 0;

  virtual StatusOr<ServerStatus> GetStatus() = 0;

 private:
  static Status NotOffered() { return absl::UnimplementedError("not offered here"); }
};

}  // namespace vigil
