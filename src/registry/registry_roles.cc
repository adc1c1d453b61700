// Roles, states and plans: what changes by compare-and-set, in one catalog transaction with its timeline events.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "registry/plan_validation.h"
#include "registry/registry_state.h"
#include "registry/version_states.h"

namespace vigil {
namespace {

// 0 means "not assigned", whatever epoch clearing left behind.
Status CheckEpoch(const std::string& model, Role role, const RoleAssignment& now, int64_t expected) {
  if (expected == Registry::kAnyEpoch || expected == now.epoch || (expected == 0 && now.version.empty())) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat("role ", model, "/", std::string(RoleName(role)), " is at epoch ", now.epoch,
                                         now.version.empty() ? " (not assigned)" : absl::StrCat(" (version ", now.version, ")"),
                                         ", not at ", expected));
}

}  // namespace

Status Registry::CheckServable(const ModelEntry& model, const VersionEntry& entry, Role role) const {
  const std::string& version = entry.facts.version;
  if (!IsServable(entry.state)) {
    return absl::FailedPreconditionError(absl::StrCat("version ", version, " of ", model.name, " is ",
                                                      std::string(VersionStateName(entry.state)), " and cannot be ",
                                                      std::string(RoleName(role))));
  }
  if (role != Role::kChampion && model.champion() == version) {
    return absl::FailedPreconditionError(
        absl::StrCat("version ", version, " of ", model.name, " is the champion and cannot be its own ", std::string(RoleName(role))));
  }
  return absl::OkStatus();
}

// Appends to `change` that `version` (empty: nobody) takes `role`. `back`: a step back to the champion before.
void Registry::ChangeRole(const ModelEntry& model, Role role, const std::string& version, bool back, const std::string& by,
                          const std::string& reason, Change* change) const {
  const StoredRole& now = model.role(role);
  StoredRole next;
  next.assignment = {version, now.assignment.epoch + 1, clock_.NowUs(), by, reason};
  if (role == Role::kChampion) {
    next.previous = now.previous;
    if (!back && !now.assignment.version.empty()) next.previous.insert(next.previous.begin(), now.assignment.version);
    std::erase(next.previous, version);
    if (next.previous.size() > kPreviousChampionsMax) next.previous.resize(kPreviousChampionsMax);
  }
  const std::string role_name(RoleName(role));
  const std::string& from = now.assignment.version;
  std::string summary = version.empty() ? absl::StrCat("version ", from, " is no longer ", role_name)
                                        : absl::StrCat("version ", version, " is ", role_name,
                                                       from.empty() ? "" : absl::StrCat(back ? " again instead of " : " after ", from));
  if (!reason.empty()) absl::StrAppend(&summary, ": ", reason);
  TimelineEvent event =
      MakeEvent(clock_, model.name, back ? "role.rolled_back" : "role.changed", version.empty() ? from : version, std::move(summary), by);
  event.time = next.assignment.since;  // one moment, so that asking for it finds this change
  event.detail = DumpJson({{"role", role_name}, {"from", from}, {"to", version}, {"epoch", next.assignment.epoch}});
  change->writes.push_back({kRoleKind, CatalogKey(model.name, role_name), RoleToText(next), now.assignment.epoch});
  change->events.push_back(std::move(event));
  change->roles.emplace_back(role, std::move(next));
}

// Writes `change` and then makes what it says the model's. Nothing has changed when it fails.
Status Registry::Commit(ModelEntry& model, const Change& change) {
  if (change.writes.empty() && change.events.empty()) return absl::OkStatus();
  VIGIL_ASSIGN_OR_RETURN(const std::vector<int64_t> epochs, catalog_.Apply(change.writes, change.events));
  if (epochs.size() != change.writes.size()) return absl::InternalError("catalog: not one epoch a write");
  Apply(model, change);
  return absl::OkStatus();
}

// What has been written is in force. A compare-and-set that succeeded left the entry one epoch further.
void Registry::Apply(ModelEntry& model, const Change& change) {
  std::lock_guard lock(mutex_);
  for (const auto& [role, next] : change.roles) {
    if (VersionEntry* former = model.Find(model.role(role).assignment.version)) former->kept = false;
    model.role(role) = next;
    if (role == Role::kChampion) {
      model.plan = TrafficPlan();
      model.plan.epoch = next.assignment.epoch;
    }
  }
  for (const auto& [entry, state] : change.states) {
    entry->state = state;
    ++entry->epoch;
  }
  for (const auto& [label, assignment] : change.labels) model.labels[label] = assignment;
}

StatusOr<RoleAssignment> Registry::Assign(ModelEntry& model, Role role, const std::string& version, bool back, const std::string& by,
                                          const std::string& reason) {
  VIGIL_ASSIGN_OR_RETURN(VersionEntry * entry, FindVersion(model, version));
  VIGIL_RETURN_IF_ERROR(CheckServable(model, *entry, role));
  VIGIL_RETURN_IF_ERROR(EnsureLoaded(*entry));
  Status status;
  if (const VersionEntry* champion = model.Find(model.champion());
      role == Role::kShadow && champion != nullptr && champion->served != nullptr) {
    status = FitBeside(*champion->served, *entry->served).status();
  }
  if (status.ok() && model.role(role).assignment.version != version) {
    Change change;
    ChangeRole(model, role, version, back, by, reason, &change);
    for (Role other : {Role::kChallenger, Role::kShadow}) {
      if (role == Role::kChampion && model.role(other).assignment.version == version) {
        ChangeRole(model, other, "", false, by, "it became the champion", &change);
      }
    }
    status = Commit(model, change);
  }
  ReleaseUnneeded(model);
  if (!status.ok()) {
    ReapRetired();  // what was loaded for it has been in no snapshot
    return status;
  }
  Publish(model);
  return model.role(role).assignment;
}

StatusOr<RoleAssignment> Registry::SetRole(const std::string& model_name, Role role, const std::string& version, int64_t expected_epoch,
                                           const std::string& by, const std::string& reason) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  VIGIL_RETURN_IF_ERROR(CheckEpoch(model_name, role, model->role(role).assignment, expected_epoch));
  return Assign(*model, role, version, false, by, reason);
}

Status Registry::ClearRole(const std::string& model_name, Role role, int64_t expected_epoch, const std::string& by,
                           const std::string& reason) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  VIGIL_RETURN_IF_ERROR(CheckEpoch(model_name, role, model->role(role).assignment, expected_epoch));
  if (model->role(role).assignment.version.empty()) return absl::OkStatus();
  Change change;
  ChangeRole(*model, role, "", false, by, reason, &change);
  VIGIL_RETURN_IF_ERROR(Commit(*model, change));
  ReleaseUnneeded(*model);
  Publish(*model);
  return absl::OkStatus();
}

Status Registry::Withdraw(const std::string& model_name, const std::string& by, const std::string& reason) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  if (model->champion().empty()) return absl::NotFoundError(absl::StrCat("model ", model_name, " has no champion: it is not served"));
  Change change;
  for (const Role role : kRoles) {
    if (!model->role(role).assignment.version.empty()) ChangeRole(*model, role, "", false, by, reason, &change);
  }
  VIGIL_RETURN_IF_ERROR(Commit(*model, change));
  {
    std::lock_guard lock(mutex_);
    for (const auto& entry : model->versions) entry->kept = false;
  }
  ReleaseUnneeded(*model);
  Publish(*model);
  return absl::OkStatus();
}

StatusOr<RoleAssignment> Registry::Rollback(const std::string& model_name, const std::string& by, const std::string& reason) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  // Former champions that were rejected or retired since are no place to go back to.
  for (const std::string& version : model->role(Role::kChampion).previous) {
    const VersionEntry* entry = model->Find(version);
    if (entry == nullptr || !IsServable(entry->state)) continue;
    return Assign(*model, Role::kChampion, version, true, by, reason);
  }
  return absl::FailedPreconditionError(absl::StrCat("model ", model_name, " has no earlier champion to go back to"));
}

StatusOr<RoleAssignment> Registry::GetRole(const std::string& model_name, Role role) const {
  std::lock_guard lock(mutex_);
  VIGIL_ASSIGN_OR_RETURN(const ModelEntry* model, FindModel(model_name));
  const RoleAssignment& assignment = model->role(role).assignment;
  if (assignment.version.empty()) return absl::NotFoundError(absl::StrCat("model ", model_name, " has no ", std::string(RoleName(role))));
  return assignment;
}

namespace {

bool SamePlan(const TrafficPlan& a, const TrafficPlan& b) {
  return a.epoch == b.epoch && a.experiment == b.experiment && a.salt == b.salt && a.shadows == b.shadows &&
         std::equal(a.arms.begin(), a.arms.end(), b.arms.begin(), b.arms.end(), [](const TrafficArm& x, const TrafficArm& y) {
           return x.version == y.version && x.arm == y.arm && x.begin == y.begin && x.end == y.end;
         });
}

// What an operator should know of versions of another make.
Json PlanNotes(const ServedModel& model, const TrafficPlan& plan) {
  std::vector<std::string> versions = plan.shadows;
  for (const TrafficArm& arm : plan.arms) versions.push_back(arm.version);
  Json notes = Json::array();
  for (size_t i = 0; i < versions.size(); ++i) {
    const auto version = model.Find(versions[i]);
    if (version == nullptr || version == model.champion ||
        std::find(versions.begin(), versions.begin() + i, versions[i]) != versions.begin() + i)
      continue;
    const StatusOr<VersionFit> fit = FitBeside(*model.champion, *version);
    if (!fit.ok()) continue;
    for (const std::string& note : fit->notes) notes.push_back(note);
  }
  return notes;
}

TimelineEvent PlanEvent(const Clock& clock, const ServedModel& model, const TrafficPlan& plan) {
  Json arms = Json::array();
  std::string summary;
  for (const TrafficArm& arm : plan.arms) {
    arms.push_back({{"version", arm.version}, {"arm", arm.arm}, {"begin", arm.begin}, {"end", arm.end}});
    absl::StrAppend(&summary, summary.empty() ? "" : ", ", arm.arm, " ", 100 * (arm.end - arm.begin), " % to version ", arm.version);
  }
  if (summary.empty()) summary = "all traffic to the champion";
  for (const std::string& shadow : plan.shadows) absl::StrAppend(&summary, ", version ", shadow, " in the shadow");
  Json notes = PlanNotes(model, plan);
  for (const Json& note : notes) absl::StrAppend(&summary, "; ", note.get<std::string>());
  TimelineEvent event = MakeEvent(clock, model.name, "traffic.changed", plan.experiment, std::move(summary), plan.experiment);
  event.detail = DumpJson(
      {{"epoch", plan.epoch}, {"salt", plan.salt}, {"arms", std::move(arms)}, {"shadows", plan.shadows}, {"notes", std::move(notes)}});
  return event;
}

}  // namespace

// A plan's versions stay in memory while it is in force; of a model that is loaded on demand they may have to come back first.
Status Registry::LoadForPlan(ModelEntry& model, const TrafficPlan& plan) {
  if (!options_.on_demand || (plan.arms.empty() && plan.shadows.empty())) return absl::OkStatus();
  std::vector<std::string> versions = plan.shadows;
  versions.push_back(model.champion());
  for (const TrafficArm& arm : plan.arms) versions.push_back(arm.version);
  for (const std::string& version : versions) {
    VersionEntry* entry = model.Find(version);
    if (entry != nullptr) VIGIL_RETURN_IF_ERROR(EnsureLoaded(*entry));
  }
  Publish(model);
  return absl::OkStatus();
}

Status Registry::SetPlan(const std::string& model_name, TrafficPlan plan) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  const int64_t epoch = model->role(Role::kChampion).assignment.epoch;
  if (plan.epoch != epoch) {
    return absl::AbortedError(
        absl::StrCat("traffic plan of ", model_name, " was made at epoch ", plan.epoch, "; the champion is at epoch ", epoch));
  }
  if (model->removed) return absl::NotFoundError(absl::StrCat("model ", model_name, " was removed"));
  VIGIL_RETURN_IF_ERROR(LoadForPlan(*model, plan));
  const std::shared_ptr<const ServedModel> served = snapshot_.Load()->models.at(model_name);
  VIGIL_RETURN_IF_ERROR(CheckPlan(*served, plan));
  if (SamePlan(plan, model->plan)) return absl::OkStatus();
  const bool withdraws = plan.arms.empty() && plan.shadows.empty();
  Change change;
  change.events.push_back(PlanEvent(clock_, *served, plan));
  const Status recorded = Commit(*model, change);
  if (!recorded.ok() && !withdraws) return recorded;
  {
    std::lock_guard lock(mutex_);
    model->plan = std::move(plan);
  }
  ReleaseUnneeded(*model);
  Publish(*model);
  return recorded;
}

Status Registry::SetState(const std::string& model_name, const std::string& version, VersionState state, const std::string& by,
                          const std::string& reason) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  VIGIL_ASSIGN_OR_RETURN(VersionEntry * entry, FindVersion(*model, version));
  if (entry->state == state) return absl::OkStatus();
  const std::string name = absl::StrCat("version ", version, " of ", model_name);
  const std::string state_name(VersionStateName(state));
  if (!MayFollow(entry->state, state)) {
    return absl::FailedPreconditionError(
        absl::StrCat(name, " is ", std::string(VersionStateName(entry->state)), " and cannot become ", state_name));
  }
  if (const std::string need = Needs(*model, version); !IsServable(state) && !need.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(name, " cannot become ", state_name, ": ", need));
  }
  Change change;
  change.writes.push_back(VersionWrite(entry->facts, state, entry->epoch));
  change.states.emplace_back(entry, state);
  if (state == VersionState::kDeleted) {
    for (const char* kind : {kVersionSchemaKind, kVersionReferenceKind}) {
      const bool has = kind == kVersionSchemaKind ? entry->schema != nullptr : entry->reference != nullptr;
      if (has) change.writes.push_back({kind, CatalogKey(model_name, version), std::nullopt, CatalogWrite::kAnyEpoch});
    }
  }
  std::string summary = absl::StrCat("version ", version, " is ", state_name, reason.empty() ? "" : ": ", reason);
  change.events.push_back(MakeEvent(clock_, model_name, "model.state", version, std::move(summary), by));
  VIGIL_RETURN_IF_ERROR(Commit(*model, change));
  ReleaseUnneeded(*model);
  Publish(*model);
  return absl::OkStatus();
}

Status Registry::Load(const std::string& model_name, const std::string& version) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  Status status;
  if (version.empty()) {
    {
      std::lock_guard lock(mutex_);
      for (const auto& entry : model->versions) entry->unloaded = false;
    }
    LoadRoles(*model, true);
    const VersionEntry* champion = model->Find(model->champion());
    if (champion != nullptr && champion->served == nullptr) {
      status = absl::FailedPreconditionError(
          absl::StrCat("champion ", champion->facts.version, " of ", model_name, " does not load; the timeline says why"));
    }
  } else {
    VIGIL_ASSIGN_OR_RETURN(VersionEntry * entry, FindVersion(*model, version));
    VIGIL_RETURN_IF_ERROR(EnsureLoaded(*entry));
    std::lock_guard lock(mutex_);
    entry->kept = true;
  }
  ReleaseUnneeded(*model);
  Publish(*model);
  return status;
}

Status Registry::Unload(const std::string& model_name, const std::string& version) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  if (!version.empty()) {
    VIGIL_ASSIGN_OR_RETURN(VersionEntry * entry, FindVersion(*model, version));
    if (const std::string need = Needs(*model, version); !need.empty()) {
      return absl::FailedPreconditionError(absl::StrCat("version ", version, " of ", model_name, " cannot be unloaded: ", need));
    }
    std::lock_guard lock(mutex_);
    entry->kept = false;
    entry->unloaded = true;
    Retire(*entry);
  } else {
    std::lock_guard lock(mutex_);
    for (const auto& entry : model->versions) {
      entry->kept = false;
      entry->unloaded = true;
      Retire(*entry);
    }
    const int64_t epoch = model->plan.epoch;
    model->plan = TrafficPlan();
    model->plan.epoch = epoch;
  }
  Publish(*model);
  return absl::OkStatus();
}

StatusOr<std::vector<VersionRecord>> Registry::Versions(const std::string& model_name) const {
  std::lock_guard lock(mutex_);
  VIGIL_ASSIGN_OR_RETURN(const ModelEntry* model, FindModel(model_name));
  std::vector<VersionRecord> records;
  for (const auto& entry : model->versions) records.push_back(RecordOf(*entry));
  return records;
}

StatusOr<VersionRecord> Registry::Version(const std::string& model_name, const std::string& version) const {
  std::lock_guard lock(mutex_);
  VIGIL_ASSIGN_OR_RETURN(const ModelEntry* model, FindModel(model_name));
  VIGIL_ASSIGN_OR_RETURN(const VersionEntry* entry, FindVersion(*model, version));
  return RecordOf(*entry);
}

VersionRecord Registry::RecordOf(const VersionEntry& entry) {
  VersionRecord record{entry.facts, entry.state, entry.epoch, entry.served != nullptr, {}, 0};
  if (record.loaded) {
    record.info = entry.served->loaded->info();
    record.memory_bytes = entry.served->memory_bytes;
  }
  return record;
}

std::vector<std::string> Registry::Models() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, model] : models_) {
    if (!model->removed) names.push_back(name);
  }
  return names;
}

}  // namespace vigil
