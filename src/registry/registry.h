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

#include "absl/types/span.h"
#include "base/clock.h"
#include "base/published.h"
#include "base/status.h"
#include "domain/model_version.h"
#include "domain/profile.h"
#include "domain/schema.h"
#include "domain/traffic_plan.h"
#include "registry/demand_queue.h"
#include "registry/records.h"
#include "registry/snapshot.h"
#include "runtime/model.h"
#include "storage/catalog.h"

namespace vigil {

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

  // Takes a model out of service: no role, no traffic, nothing in memory, no place in the snapshot. Its versions stay registered, so that
  // it can be served again. NOT_FOUND when it has no champion.
  Status Withdraw(const std::string& model, const std::string& by, const std::string& reason);

  // ---- on demand (RegistryOptions::on_demand) ----

  // Registers what is there without loading it: only the files' digests are made. Up to kDeclareMax versions are written in one
  // transaction. The first that fails is returned with `failed` saying which; the others of its transaction are not registered.
  static constexpr size_t kDeclareMax = 512;
  Status Declare(std::vector<DeclaredVersion> versions, size_t* failed = nullptr);

  // Brings `version` (empty: the champion) of `model` into memory for a request, on a loading thread; others asking meanwhile share the
  // load. Least recently used versions go first where the budget wants room; none that has a role in a rollout. OK: `done` will be
  // called, perhaps before this returns. Else it is not called: NOT_FOUND, UNAVAILABLE when too many wait, FAILED_PRECONDITION for what
  // is not loaded on demand, and for some time after a load has failed its error. Takes locks, but never waits for a load.
  Status RequestLoad(std::string_view model, std::string_view version, DemandQueue::Done done);
  // No load begins any more; those that wait are told.
  void StopLoading() { demand_.Stop(); }
  RegistryCounters counters() const;

  // ---- labels: names of versions that move by compare-and-set, as in TensorFlow Serving's version_labels ----

  static constexpr size_t kLabelsMax = 64;  // of a model
  // ABORTED when `expected_epoch` is stale, as with roles. The version must be servable; where nothing is loaded on demand it is loaded.
  StatusOr<RoleAssignment> SetLabel(const std::string& model, const std::string& label, const std::string& version, int64_t expected_epoch,
                                    const std::string& by, const std::string& reason);
  Status ClearLabel(const std::string& model, const std::string& label, int64_t expected_epoch, const std::string& by,
                    const std::string& reason);
  StatusOr<std::map<std::string, RoleAssignment>> Labels(const std::string& model) const;

  // ---- models whose source has gone ----

  // Takes the model out of serving in one transaction: roles and labels are cleared, its versions retired, a tombstone and an event
  // written. A version registered or declared again brings it back. OK when it is gone already.
  Status Remove(const std::string& model, const std::string& by, const std::string& reason);

  // NOT_FOUND, naming the nearest, for an unknown model or version. Versions in the order of their registration.
  StatusOr<std::vector<VersionRecord>> Versions(const std::string& model) const;
  StatusOr<VersionRecord> Version(const std::string& model, const std::string& version) const;
  std::vector<std::string> Models() const;  // without those removed

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
  void LoadRoles(ModelEntry& model, bool champion_too);
  Status LoadForPlan(ModelEntry& model, const TrafficPlan& plan);
  Status CheckServable(const ModelEntry& model, const VersionEntry& entry, Role role) const;
  void ChangeRole(const ModelEntry& model, Role role, const std::string& version, bool back, const std::string& by,
                  const std::string& reason, Change* change) const;
  StatusOr<RoleAssignment> Assign(ModelEntry& model, Role role, const std::string& version, bool back, const std::string& by,
                                  const std::string& reason);
  Status Commit(ModelEntry& model, const Change& change);
  void Apply(ModelEntry& model, const Change& change);
  static VersionRecord RecordOf(const VersionEntry& entry);
  std::string Needs(const ModelEntry& model, const std::string& version) const;
  void ReleaseUnneeded(ModelEntry& model);
  void Publish(const ModelEntry& model);
  void AddToSnapshot(const ModelEntry& model, RegistrySnapshot* snapshot) const;
  void ReapRetired();
  void Retire(VersionEntry& entry);
  Status LoadOnDemand(const DemandQueue::Key& key);
  Status AttachOnDemand(const DemandQueue::Key& key, std::shared_ptr<ServedVersion> served);
  void RecordLoadFailure(const DemandQueue::Key& key, const Status& status);
  bool MakeRoom(int64_t bytes);
  int64_t RetiringBytes() const;
  void WaitForRetiring();
  bool MayEvict(const ModelEntry& model, const VersionEntry& entry) const;
  Status DeclareTogether(absl::Span<DeclaredVersion> versions, size_t* failed);
  Status Revive(ModelEntry& model, const std::string& by);
  void Redescribe(const DeclaredVersion& declared, VersionEntry* next, Change* change);
  StatusOr<std::shared_ptr<ServedVersion>> ReadArtefact(const VersionFacts& facts, const LoadOptions& options) const;
  StatusOr<std::string> DigestOfFile(const std::string& file, int64_t* bytes) const;
  Status ChangeLabel(ModelEntry& model, const std::string& label, const std::string& version, int64_t expected_epoch, const std::string& by,
                     const std::string& reason);
  static int64_t MemoryBytes(const LoadedModel& loaded);

  Catalog& catalog_;
  const Clock& clock_;
  const std::vector<std::unique_ptr<ModelLoader>>& loaders_;
  const SchemaRegistrar registrar_;
  const RegistryOptions options_;
  std::atomic<bool> load_when_idle_{false};

  std::mutex change_mutex_;  // held through a whole change, loading and catalog included; taken before mutex_
  uint32_t next_slot_ = 0;   // guarded by change_mutex_
  uint64_t loads_ = 0;
  // Unloaded, perhaps still in use. Held here so that the last to let go, who pays for destroying it, is never a serving thread. Written
  // under both mutexes.
  std::vector<std::shared_ptr<const ServedVersion>> retired_;
  // Written under both mutexes, so that whoever holds either may read: queries never wait for a model to load.
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<ModelEntry>, std::less<>> models_;

  std::atomic<int64_t> loads_on_demand_{0}, load_failures_{0}, load_ns_{0}, evictions_{0}, waits_{0};
  int64_t trimmed_ns_ = INT64_MIN / 2;  // when memory was last given back to the machine; guarded by change_mutex_
  bool trim_is_due_ = false;            // likewise

  Published<RegistrySnapshot> snapshot_;
  DemandQueue demand_;  // last: its threads use the rest
};

}  // namespace vigil
