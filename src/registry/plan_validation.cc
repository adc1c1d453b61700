#include "registry/plan_validation.h"

#include <algorithm>
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
  return CheckSameShape(*model.champion, *found);
}

}  // namespace

Status CheckSameShape(const ServedVersion& champion, const ServedVersion& other) {
  const TableShape& a = champion.loaded->table();
  const TableShape& b = other.loaded->table();
  const std::string versions =
      absl::StrCat("version ", other.facts.version, " and champion ", champion.facts.version, " of ", champion.facts.model);
  if (a.columns.size() != b.columns.size()) {
    return absl::FailedPreconditionError(absl::StrCat(versions, " take ", b.columns.size(), " and ", a.columns.size(), " columns"));
  }
  for (size_t i = 0; i < a.columns.size(); ++i) {
    if (a.names[i] != b.names[i]) {
      return absl::FailedPreconditionError(absl::StrCat(versions, " differ in column ", i, ": ", b.names[i], " and ", a.names[i]));
    }
    // A champion's rows are read once for all arms: one that keeps floats has no doubles or texts for another to score.
    if (a.columns[i].store != b.columns[i].store) {
      return absl::FailedPreconditionError(absl::StrCat(versions, " differ in the type of column ", a.names[i], ": ",
                                                        std::string(DTypeName(b.columns[i].dtype)), " and ",
                                                        std::string(DTypeName(a.columns[i].dtype))));
    }
  }
  if (a.score.width != b.score.width) {
    return absl::FailedPreconditionError(absl::StrCat(versions, " answer ", b.score.width, " and ", a.score.width, " numbers a row"));
  }
  const auto alike = [](const AnswerColumn& x, const AnswerColumn& y) {
    return x.name == y.name && x.dtype == y.dtype && x.output == y.output;
  };
  if (a.single_output != b.single_output ||
      (!a.single_output && !std::equal(a.answers.begin(), a.answers.end(), b.answers.begin(), b.answers.end(), alike))) {
    return absl::FailedPreconditionError(absl::StrCat(versions, " answer with different outputs"));
  }
  return absl::OkStatus();
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
