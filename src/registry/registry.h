// Versions, roles and the live snapshot. Loading happens on the caller's (control) thread; serving threads see only published snapshots.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/published.h"
#include "base/status.h"
#include "domain/model_version.h"
#include "domain/profile.h"
#include "domain/schema.h"
#include "domain/table_fit.h"
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
  uint32_t slot = 0;                                  // small; of one (model, version, schema, reference) in this process, never reused
};

// What a model's requests are routed by.
struct ServedModel {
  std::string name;
  TrafficPlan plan;
  std::map<std::string, std::shared_ptr<const ServedVersion>, std::less<>> versions;  // loaded ones
  std::shared_ptr<const ServedVersion> champion;                                      // may be null: not ready
  std::shared_ptr<const ServedVersion> challenger;
  std::shared_ptr<const ServedVersion> shadow;
  // What requests are read into: the champion's table, with doubles too where another version of the plan wants them. Null: no champion.
  std::shared_ptr<const TableShape> table;
  // How each version that the plan or the shadow's role names reads that table and answers for the champion; the champion's own stands here
  // only where the table is not its own.
  std::map<std::string, VersionFit, std::less<>> fits;
  // Null: the version reads the rows as they lie, and answers as the champion does.
  const VersionFit* FitOf(std::string_view version) const {
    const auto found = fits.find(version);
    return found == fits.end() ? nullptr : &found->second;
  }
  std::shared_ptr<const ServedVersion> Find(std::string_view version) const;
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

inline constexpr size_t kModelNameBytesMax = 128;  // also of a version's name
inline constexpr size_t kTrafficArmsMax = 16;      // of one plan
inline constexpr size_t kTrafficShadowsMax = 4;

struct RegistryOptions {
  size_t warm_previous_max = 1;     // former champions kept loaded, so that rollback is one swap
  size_t loaded_per_model_max = 8;  // beyond it the version loaded longest ago that nothing needs is unloaded
  std::string default_model;
};

// How the registry learns a version's log schema number without knowing the log: given by app, which also tells the monitor there.
// Called each time that a version has been loaded, before any request can reach it; an error makes the load fail.
using SchemaRegistrar = std::function<StatusOr<uint32_t>(const ServedVersion& version)>;

// Any thread may call; calls that change something are serialised and may take as long as loading a model does. A version stays loaded
// while a role, a warm former champion or the plan needs it, and from its registration until it loses its last role, is rejected or
// retired, or is pushed out by newer ones. Everything that changes is in the catalog, with its timeline event, before it is published.
class Registry {
 public:
  static constexpr int64_t kAnyEpoch = CatalogWrite::kAnyEpoch;

  // All references outlive the registry.
  Registry(Catalog& catalog, const Clock& clock, const std::vector<std::unique_ptr<ModelLoader>>& loaders, SchemaRegistrar registrar,
           RegistryOptions options);
  ~Registry();

  // Reads the catalog and loads what roles point to, and the former champions that are kept warm. A version that no longer loads (or
  // whose artefact is another one now) is reported in the timeline, never fatal. Traffic plans are their rollout's to publish again.
  Status Restore();

  // Loads, self-checks and registers an artefact. facts.version empty: the version that has this digest, else the next number.
  // ALREADY_EXISTS for a used (model, version) with another digest; the same digest again is that version (its facts stay; where it is,
  // and a schema or reference given now, replace the old ones). The first version of a model becomes champion when `make_champion`, and
  // so does one whose model has a champion that does not load.
  StatusOr<std::shared_ptr<const ServedVersion>> Register(VersionFacts facts, const LoadOptions& load, std::shared_ptr<const Schema> schema,
                                                          std::shared_ptr<const ReferenceProfile> reference, bool make_champion);

  // Compare-and-set. ABORTED when `expected_epoch` is stale (0: not assigned; kAnyEpoch: whatever it is). Loads the version first if need
  // be; when that fails nothing has changed. Promoting a champion keeps the former one warm, sends all traffic to the new one and
  // takes other roles away from it, in one transaction. FAILED_PRECONDITION for a version that was rejected, retired or deleted.
  StatusOr<RoleAssignment> SetRole(const std::string& model, Role role, const std::string& version, int64_t expected_epoch,
                                   const std::string& by, const std::string& reason);
  // OK when the role is not assigned.
  Status ClearRole(const std::string& model, Role role, int64_t expected_epoch, const std::string& by, const std::string& reason);
  // Champion back to the version before, in one step. FAILED_PRECONDITION when there is none.
  StatusOr<RoleAssignment> Rollback(const std::string& model, const std::string& by, const std::string& reason);
  // NOT_FOUND when nobody has it.
  StatusOr<RoleAssignment> GetRole(const std::string& model, Role role) const;

  // Publishes a plan; every version it names must be loaded and take and give what the champion does. ABORTED when plan.epoch is not the
  // champion's epoch. A plan that only withdraws (no arms, no shadows) is in force even when the catalog refuses its event.
  Status SetPlan(const std::string& model, TrafficPlan plan);
  // FAILED_PRECONDITION for a step that the state machine does not have, and for taking a version away that still serves.
  Status SetState(const std::string& model, const std::string& version, VersionState state, const std::string& by,
                  const std::string& reason);

  // Holds the model's loaded versions that take the schema's columns (null: every one) to it from the next request on.
  Status SetSchema(const std::string& model, const std::shared_ptr<const Schema>& schema, const std::string& by);

  // Brings a registered version (empty: everything that the model's roles name) into memory, or out of it: the roles stay, and a model
  // without its champion is not ready. Not remembered across a restart.
  Status Load(const std::string& model, const std::string& version = "");
  Status Unload(const std::string& model, const std::string& version = "");

  // NOT_FOUND, naming the nearest, for an unknown model or version. Versions in the order of their registration.
  StatusOr<std::vector<VersionRecord>> Versions(const std::string& model) const;
  StatusOr<VersionRecord> Version(const std::string& model, const std::string& version) const;
  std::vector<std::string> Models() const;

  // From now on models are read by a thread of the kernel's idle class, so that loading takes only what serving leaves. Not at a start,
  // where nothing is served yet.
  void LoadWhenIdle() { load_when_idle_ = true; }

  // Destroys what has been unloaded and no request uses any more, and gives its memory back to the machine. Every change does; call it now
  // and then as well, since a serving thread lets go of a version only when it next looks.
  void Reap();

  const Published<RegistrySnapshot>& snapshot() const { return snapshot_; }

 private:
  struct VersionEntry;
  struct ModelEntry;
  struct Change;

  StatusOr<ModelEntry*> FindModel(const std::string& model) const;
  StatusOr<VersionEntry*> FindVersion(const ModelEntry& model, const std::string& version) const;
  StatusOr<std::shared_ptr<ServedVersion>> LoadArtefact(const VersionFacts& facts, const LoadOptions& options) const;
  Status Attach(VersionEntry& entry, std::shared_ptr<ServedVersion> served);
  Status EnsureLoaded(VersionEntry& entry);
  StatusOr<VersionEntry*> FindSame(const ModelEntry& model, VersionFacts* facts) const;
  StatusOr<VersionEntry*> AddVersion(ModelEntry& model, VersionFacts facts, std::shared_ptr<ServedVersion> served,
                                     std::shared_ptr<const Schema> schema, std::shared_ptr<const ReferenceProfile> reference,
                                     Change change);
  Status RefreshVersion(ModelEntry& model, VersionEntry& entry, const std::string& uri, std::shared_ptr<ServedVersion> served,
                        std::shared_ptr<const Schema> schema, std::shared_ptr<const ReferenceProfile> reference, Change change);
  Status RestoreEntries();
  void LoadOrReport(ModelEntry& model, const std::string& version);
  void LoadRoles(ModelEntry& model);
  Status CheckServable(const ModelEntry& model, const VersionEntry& entry, Role role) const;
  void ChangeRole(const ModelEntry& model, Role role, const std::string& version, bool back, const std::string& by,
                  const std::string& reason, Change* change) const;
  StatusOr<RoleAssignment> Assign(ModelEntry& model, Role role, const std::string& version, bool back, const std::string& by,
                                  const std::string& reason);
  Status Commit(ModelEntry& model, const Change& change);
  static VersionRecord RecordOf(const VersionEntry& entry);
  std::string Needs(const ModelEntry& model, const std::string& version) const;
  void ReleaseUnneeded(ModelEntry& model);
  void Publish(const ModelEntry& model);
  void ReapRetired();

  Catalog& catalog_;
  const Clock& clock_;
  const std::vector<std::unique_ptr<ModelLoader>>& loaders_;
  const SchemaRegistrar registrar_;
  const RegistryOptions options_;
  std::atomic<bool> load_when_idle_{false};

  std::mutex change_mutex_;  // held through a whole change, loading and catalog included; taken before mutex_
  uint32_t next_slot_ = 0;   // guarded by change_mutex_
  uint64_t loads_ = 0;
  // Unloaded, perhaps still in use. Held here so that the last to let go, who pays for destroying it, is never a serving thread. Guarded by
  // change_mutex_.
  std::vector<std::shared_ptr<const ServedVersion>> retired_;
  // Written under both mutexes, so that whoever holds either may read: queries never wait for a model to load.
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<ModelEntry>, std::less<>> models_;

  Published<RegistrySnapshot> snapshot_;
};

}  // namespace vigil
