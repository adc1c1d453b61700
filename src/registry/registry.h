// Versions, roles and the live snapshot. Loading happens on the caller's (control) thread; serving threads see only published snapshots.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/published.h"
#include "base/status.h"
#include "domain/model_version.h"
#include "domain/profile.h"
#include "domain/schema.h"
#include "domain/traffic_plan.h"
#include "runtime/model.h"
#include "storage/catalog.h"

namespace vigil {

// A version that is loaded and can be scored. Immutable; a snapshot pins it until the last request on it has ended.
struct ServedVersion {
  VersionFacts facts;
  std::shared_ptr<const LoadedModel> loaded;
  std::shared_ptr<const Schema> schema;               // tightened by a schema file or the reference profile; may be null
  std::shared_ptr<const ReferenceProfile> reference;  // may be null: then no drift and no outlier score
  uint32_t log_schema = 0;                            // number in the prediction log
  uint32_t slot = 0;                                  // small, unique in this process; indexes per-thread state
};

// What a model's requests are routed by.
struct ServedModel {
  std::string name;
  TrafficPlan plan;
  std::map<std::string, std::shared_ptr<const ServedVersion>> versions;  // loaded ones
  std::shared_ptr<const ServedVersion> champion;                         // may be null: not ready
  std::shared_ptr<const ServedVersion> challenger;
  std::shared_ptr<const ServedVersion> shadow;
  std::shared_ptr<const ServedVersion> Find(const std::string& version) const;
};

struct RegistrySnapshot {
  std::map<std::string, std::shared_ptr<const ServedModel>, std::less<>> models;
  std::string default_model;  // of routes that name none; empty: the only one
};

// What is known of a version, loaded or not.
struct VersionRecord {
  VersionFacts facts;
  VersionState state = VersionState::kRegistered;
  int64_t epoch = 0;
  bool loaded = false;
  ModelInfo info;  // when loaded
};

struct RegistryOptions {
  size_t warm_previous_max = 1;  // former champions kept loaded, so that rollback is one swap
  std::string default_model;
};

// How the registry learns its log schema number without knowing the log: given by app.
using SchemaRegistrar = std::function<StatusOr<uint32_t>(const ServedVersion& version)>;

// Any thread may call; calls that change something are serialised and may take as long as loading a model does.
class Registry {
 public:
  Registry(Catalog& catalog, const Clock& clock, const std::vector<std::unique_ptr<ModelLoader>>& loaders, SchemaRegistrar registrar,
           RegistryOptions options);

  // Reads the catalog and loads what roles point to. A version that no longer loads is reported in the timeline, never fatal.
  Status Restore();

  // Loads, self-checks and registers an artefact. facts.version empty: the next number. ALREADY_EXISTS for a used (model, version) with
  // another digest; the same digest again is that version. The first version of a model becomes champion when `make_champion`.
  StatusOr<std::shared_ptr<const ServedVersion>> Register(VersionFacts facts, const LoadOptions& load, std::shared_ptr<const Schema> schema,
                                                          std::shared_ptr<const ReferenceProfile> reference, bool make_champion);

  // Compare-and-set. ABORTED when `expected_epoch` is stale (kAnyEpoch: whatever it is). Promoting a champion keeps the former one warm.
  StatusOr<RoleAssignment> SetRole(const std::string& model, Role role, const std::string& version, int64_t expected_epoch,
                                   const std::string& by, const std::string& reason);
  Status ClearRole(const std::string& model, Role role, int64_t expected_epoch, const std::string& by, const std::string& reason);
  // Champion back to the version before, in one step.
  StatusOr<RoleAssignment> Rollback(const std::string& model, const std::string& by, const std::string& reason);
  StatusOr<RoleAssignment> GetRole(const std::string& model, Role role) const;

  // Publishes a plan; every version it names must be loaded. ABORTED when plan.epoch is not the champion's epoch.
  Status SetPlan(const std::string& model, TrafficPlan plan);
  Status SetState(const std::string& model, const std::string& version, VersionState state, const std::string& by,
                  const std::string& reason);

  StatusOr<std::vector<VersionRecord>> Versions(const std::string& model) const;
  StatusOr<VersionRecord> Version(const std::string& model, const std::string& version) const;
  std::vector<std::string> Models() const;

  const Published<RegistrySnapshot>& snapshot() const { return snapshot_; }

 private:
  Catalog& catalog_;
  const Clock& clock_;
  const std::vector<std::unique_ptr<ModelLoader>>& loaders_;
  SchemaRegistrar registrar_;
  RegistryOptions options_;
  mutable std::mutex mutex_;  // serialises changes
  uint32_t next_slot_ = 0;
  Published<RegistrySnapshot> snapshot_;
};

}  // namespace vigil
