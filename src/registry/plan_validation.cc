#include "registry/plan_validation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace vigil {
namespace {

Status CheckIntervals(const TrafficPlan& plan) {
  if (plan.arms.size() > kTrafficArmsMax) {
    return absl::InvalidArgumentError(absl::StrCat("traffic plan: ", plan.arms.size(), " arms; at most ", kTrafficArmsMax));
  }
  std::vector<const TrafficArm*> arms;
  for (const TrafficArm& arm : plan.arms) {
    if (arm.arm.empty()) return absl::InvalidArgumentError(absl::StrCat("traffic plan: the arm of version ", arm.version, " has no name"));
    // Also false for NaN.
    if (!(arm.begin >= 0 && arm.begin <= arm.end && arm.end <= 1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("traffic plan: arm ", arm.arm, ": [", NumberText(arm.begin), ", ", NumberText(arm.end), ") is no part of [0, 1)"));
    }
    if (arm.begin < arm.end) arms.push_back(&arm);
  }
  std::sort(arms.begin(), arms.end(), [](const TrafficArm* a, const TrafficArm* b) { return a->begin < b->begin; });
  double covered = 0;
  for (const TrafficArm* arm : arms) {
    if (arm->begin != covered) {
      return absl::InvalidArgumentError(absl::StrCat("traffic plan: arm ", arm->arm, " begins at ", NumberText(arm->begin),
                                                     ", but the arms ", arm->begin < covered ? "already cover" : "so far end at ",
                                                     NumberText(covered)));
    }
    covered = arm->end;
  }
  if (!plan.arms.empty() && covered != 1) {
    return absl::InvalidArgumentError(absl::StrCat("traffic plan: the arms end at ", NumberText(covered), ", not at 1"));
  }
  if (arms.size() > 1 && plan.salt.empty()) return absl::InvalidArgumentError("traffic plan: several arms need the experiment's salt");
  return absl::OkStatus();
}

Status CheckVersion(const ServedModel& model, const std::string& version, const std::string& where) {
  const std::shared_ptr<const ServedVersion> found = model.Find(version);
  if (found == nullptr) {
    std::vector<std::string> loaded;
    for (const auto& entry : model.versions) loaded.push_back(entry.first);
    return absl::FailedPreconditionError(
        absl::StrCat("traffic plan: ", where, ": version ", version, " of ", model.name, " is not loaded", DidYouMean(version, loaded)));
  }
  return FitBeside(*model.champion, *found).status();
}

}  // namespace

StatusOr<VersionFit> FitBeside(const ServedVersion& champion, const ServedVersion& other) {
  StatusOr<VersionFit> fit =
      FitVersion(champion.loaded->signature(), champion.loaded->table(), other.loaded->signature(), other.loaded->table(),
                 absl::StrCat("champion ", champion.facts.version), absl::StrCat("version ", other.facts.version));
  if (fit.ok()) return fit;
  return absl::FailedPreconditionError(absl::StrCat("model ", champion.facts.model, ": ", std::string(fit.status().message())));
}

void AddFits(ServedModel* model) {
  if (model->champion == nullptr) return;
  const std::shared_ptr<const LoadedModel>& champion = model->champion->loaded;
  std::vector<const ServedVersion*> versions;
  const auto add = [&](const std::shared_ptr<const ServedVersion>& version) {
    if (version == nullptr || version == model->champion) return;
    if (std::find(versions.begin(), versions.end(), version.get()) == versions.end()) versions.push_back(version.get());
  };
  for (const TrafficArm& arm : model->plan.arms) add(model->Find(arm.version));
  for (const std::string& shadow : model->plan.shadows) add(model->Find(shadow));
  add(model->shadow);
  std::vector<const ColumnFit*> fits;
  std::vector<const TableShape*> tables;
  for (const ServedVersion* version : versions) {
    // A shadow that was named before this champion came may not fit: it then gets no rows.
    StatusOr<VersionFit> fit = FitBeside(*model->champion, *version);
    if (!fit.ok()) continue;
    const VersionFit& kept = model->fits[version->facts.version] = *std::move(fit);
    fits.push_back(&kept.columns);
    tables.push_back(&version->loaded->table());
  }
  const TableShape& own = champion->table();
  TableShape widened = WidenedFor(own, fits, tables);
  if (SameStores(widened, own)) {
    model->table = std::shared_ptr<const TableShape>(champion, &own);
    return;
  }
  model->table = std::make_shared<const TableShape>(std::move(widened));
  // Who reads rows that are kept otherwise than its own must be told so, the champion included.
  if (StatusOr<ColumnFit> fit = FitColumns(*model->table, own); fit.ok())
    model->fits[model->champion->facts.version].columns = *std::move(fit);
  for (size_t i = 0; i < versions.size(); ++i) {
    const auto found = model->fits.find(versions[i]->facts.version);
    if (found == model->fits.end()) continue;
    ColumnFit& columns = found->second.columns;
    columns.same_stores = columns.in_place && SameStores(*model->table, versions[i]->loaded->table());
  }
}

Status CheckPlan(const ServedModel& model, const TrafficPlan& plan) {
  if (model.champion == nullptr) return absl::FailedPreconditionError(absl::StrCat("traffic plan: ", model.name, " has no champion"));
  VIGIL_RETURN_IF_ERROR(CheckIntervals(plan));
  for (const TrafficArm& arm : plan.arms) VIGIL_RETURN_IF_ERROR(CheckVersion(model, arm.version, absl::StrCat("arm ", arm.arm)));
  if (plan.shadows.size() > kTrafficShadowsMax) {
    return absl::InvalidArgumentError(absl::StrCat("traffic plan: ", plan.shadows.size(), " shadows; at most ", kTrafficShadowsMax));
  }
  for (size_t i = 0; i < plan.shadows.size(); ++i) {
    const std::string& shadow = plan.shadows[i];
    if (shadow == model.champion->facts.version ||
        std::find(plan.shadows.begin(), plan.shadows.begin() + i, shadow) != plan.shadows.begin() + i) {
      return absl::InvalidArgumentError(absl::StrCat("traffic plan: shadow ", shadow, " scores these rows already"));
    }
    VIGIL_RETURN_IF_ERROR(CheckVersion(model, shadow, "shadow"));
  }
  return absl::OkStatus();
}

}  // namespace vigil
