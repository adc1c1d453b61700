// From a rollout's state to who answers whom.
#include "absl/strings/str_cat.h"
#include "rollout/rollout.h"

namespace vigil {
namespace {

// Never the rollout's bare id: the split of a training set may be salted with that.
std::string SaltOf(const Rollout& rollout) { return absl::StrCat("rollout/", rollout.id); }

}  // namespace

TrafficPlan PlanFor(const Rollout& rollout) {
  TrafficPlan plan;
  plan.epoch = rollout.champion_epoch;
  switch (rollout.state) {
    case RolloutState::kPending:
    case RolloutState::kPromoted:
    case RolloutState::kRollingBack:
    case RolloutState::kRolledBack:
    case RolloutState::kFailed: return plan;  // everything to the champion of the roles
    case RolloutState::kShadowing:
    case RolloutState::kRamping:
    case RolloutState::kHolding:
    case RolloutState::kPromoting:  // nobody moves until the roles have
      break;
  }
  // Stored before its first step was entered (promoted by hand while pending): nobody was ever routed.
  if (rollout.started == 0) return plan;
  plan.experiment = rollout.id;
  plan.salt = SaltOf(rollout);
  const double share = RolloutSteps(rollout.options)[static_cast<size_t>(rollout.step)].share;
  if (share == 0) {
    plan.shadows.push_back(rollout.candidate);
    return plan;
  }
  const bool ab = rollout.options.ab_test;
  plan.arms.push_back({rollout.candidate, ab ? "b" : "canary", 0, share});
  plan.arms.push_back({rollout.champion, ab ? "a" : "champion", share, 1});
  return plan;
}

int RouteEntity(const TrafficPlan& plan, std::string_view entity) {
  if (plan.arms.empty()) return -1;
  const double point = EntityPoint(plan.salt, entity);
  for (size_t i = 0; i < plan.arms.size(); ++i) {
    if (point >= plan.arms[i].begin && point < plan.arms[i].end) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace vigil
