// Labels, and models whose source has gone.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/registry_state.h"
#include "registry/version_states.h"

namespace vigil {

// Points `label` to `version`, or with an empty one to none.
Status Registry::ChangeLabel(ModelEntry& model, const std::string& label, const std::string& version, int64_t expected_epoch,
                             const std::string& by, const std::string& reason) {
  const auto known = model.labels.find(label);
  const RoleAssignment now = known == model.labels.end() ? RoleAssignment() : known->second;
  const bool stale = expected_epoch != kAnyEpoch && expected_epoch != now.epoch && !(expected_epoch == 0 && now.version.empty());
  if (stale) {
    return absl::AbortedError(absl::StrCat("label ", label, " of ", model.name, " is at epoch ", now.epoch,
                                           now.version.empty() ? " (not assigned)" : absl::StrCat(" (version ", now.version, ")"),
                                           ", not at ", expected_epoch));
  }
  if (now.version == version) return absl::OkStatus();
  StoredRole next;
  next.assignment = {version, now.epoch + 1, clock_.NowUs(), by, reason};
  std::string summary = version.empty() ? absl::StrCat("label ", label, " no longer points to version ", now.version)
                                        : absl::StrCat("label ", label, " points to version ", version,
                                                       now.version.empty() ? "" : absl::StrCat(" instead of ", now.version));
  if (!reason.empty()) absl::StrAppend(&summary, ": ", reason);
  TimelineEvent event = MakeEvent(clock_, model.name, "label.changed", version.empty() ? now.version : version, std::move(summary), by);
  event.time = next.assignment.since;  // one moment, so that asking for it finds this change
  event.detail = DumpJson({{"label", label}, {"from", now.version}, {"to", version}, {"epoch", next.assignment.epoch}});
  Change change;
  change.writes.push_back({kLabelKind, CatalogKey(model.name, label), RoleToText(next), now.epoch});
  change.events.push_back(std::move(event));
  change.labels.emplace_back(label, next.assignment);
  return Commit(model, change);
}

StatusOr<RoleAssignment> Registry::SetLabel(const std::string& model_name, const std::string& label, const std::string& version,
                                            int64_t expected_epoch, const std::string& by, const std::string& reason) {
  VIGIL_RETURN_IF_ERROR(CheckName(label, "label"));
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  VIGIL_ASSIGN_OR_RETURN(VersionEntry * entry, FindVersion(*model, version));
  if (!IsServable(entry->state)) {
    return absl::FailedPreconditionError(absl::StrCat("version ", version, " of ", model_name, " is ",
                                                      std::string(VersionStateName(entry->state)), " and cannot be labelled ", label));
  }
  if (model->labels.count(label) == 0 && model->labels.size() >= kLabelsMax) {
    return absl::ResourceExhaustedError(absl::StrCat("model ", model_name, " has ", kLabelsMax, " labels, and no room for another"));
  }
  if (!options_.on_demand) VIGIL_RETURN_IF_ERROR(EnsureLoaded(*entry));
  const Status changed = ChangeLabel(*model, label, version, expected_epoch, by, reason);
  ReleaseUnneeded(*model);
  Publish(*model);
  VIGIL_RETURN_IF_ERROR(changed);
  return model->labels.at(label);
}

Status Registry::ClearLabel(const std::string& model_name, const std::string& label, int64_t expected_epoch, const std::string& by,
                            const std::string& reason) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  std::vector<std::string> names;
  for (const auto& [name, assignment] : model->labels) {
    if (!assignment.version.empty()) names.push_back(name);
  }
  if (std::find(names.begin(), names.end(), label) == names.end()) {
    return absl::NotFoundError(absl::StrCat("model ", model_name, " has no label ", label, DidYouMean(label, names)));
  }
  VIGIL_RETURN_IF_ERROR(ChangeLabel(*model, label, "", expected_epoch, by, reason));
  ReleaseUnneeded(*model);
  Publish(*model);
  return absl::OkStatus();
}

StatusOr<std::map<std::string, RoleAssignment>> Registry::Labels(const std::string& model_name) const {
  std::lock_guard lock(mutex_);
  VIGIL_ASSIGN_OR_RETURN(const ModelEntry* model, FindModel(model_name));
  std::map<std::string, RoleAssignment> labels;
  for (const auto& [label, assignment] : model->labels) {
    if (!assignment.version.empty()) labels.emplace(label, assignment);
  }
  return labels;
}

Status Registry::Remove(const std::string& model_name, const std::string& by, const std::string& reason) {
  std::lock_guard change_lock(change_mutex_);
  VIGIL_ASSIGN_OR_RETURN(ModelEntry * model, FindModel(model_name));
  if (model->removed) return absl::OkStatus();
  Change change;
  for (const Role role : kRoles) {
    if (!model->role(role).assignment.version.empty()) ChangeRole(*model, role, "", false, by, reason, &change);
  }
  for (const auto& [label, assignment] : model->labels) {
    if (assignment.version.empty()) continue;
    StoredRole next;
    next.assignment = {"", assignment.epoch + 1, clock_.NowUs(), by, reason};
    change.writes.push_back({kLabelKind, CatalogKey(model_name, label), RoleToText(next), assignment.epoch});
    change.labels.emplace_back(label, next.assignment);
  }
  std::vector<std::string> retired;
  for (const auto& entry : model->versions) {
    if (!IsServable(entry->state)) continue;
    change.writes.push_back(VersionWrite(entry->facts, VersionState::kRetired, entry->epoch));
    change.states.emplace_back(entry.get(), VersionState::kRetired);
    retired.push_back(entry->facts.version);
  }
  change.writes.push_back({kTombstoneKind, model_name, TombstoneToText(retired, clock_.NowUs(), by, reason), CatalogWrite::kAnyEpoch});
  change.events.push_back(MakeEvent(clock_, model_name, "model.removed", "", absl::StrCat("model removed: ", reason), by));
  VIGIL_RETURN_IF_ERROR(Commit(*model, change));
  {
    std::lock_guard lock(mutex_);
    model->removed = true;
    model->retired_with_it = std::move(retired);
    for (const auto& entry : model->versions) {
      entry->kept = false;
      Retire(*entry);
    }
  }
  Publish(*model);
  return absl::OkStatus();
}

// A model that was removed and is there again: the versions that went with it may serve once more. In a transaction of its own, so that
// what follows is what it would be of any model without a champion.
Status Registry::Revive(ModelEntry& model, const std::string& by) {
  if (!model.removed) return absl::OkStatus();
  Change change;
  for (const std::string& version : model.retired_with_it) {
    VersionEntry* entry = model.Find(version);
    if (entry == nullptr || entry->state != VersionState::kRetired) continue;
    change.writes.push_back(VersionWrite(entry->facts, VersionState::kRegistered, entry->epoch));
    change.states.emplace_back(entry, VersionState::kRegistered);
  }
  change.writes.push_back({kTombstoneKind, model.name, std::nullopt, CatalogWrite::kAnyEpoch});
  change.events.push_back(MakeEvent(clock_, model.name, "model.returned", "", "the model is there again", by));
  VIGIL_RETURN_IF_ERROR(Commit(model, change));
  std::lock_guard lock(mutex_);
  model.removed = false;
  model.retired_with_it.clear();
  return absl::OkStatus();
}

}  // namespace vigil
