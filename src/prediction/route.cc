#include "prediction/route.h"

#include "domain/route_hash.h"

namespace vigil {

ArmCode ArmCodeOf(std::string_view arm) {
  if (arm == kShadowArm) return ArmCode::kShadow;
  return arm == kChampionArm || arm == "control" || arm == "a" ? ArmCode::kControl : ArmCode::kTreatment;
}

RouteTable::RouteTable(const ServedModel& model) : salt_(model.plan.salt) {
  // The registry publishes no plan whose versions are not loaded and whose arms do not cover the line.
  for (const TrafficArm& arm : model.plan.arms) {
    const auto found = model.versions.find(arm.version);
    if (found == model.versions.end() || arm.begin >= arm.end) continue;
    arms_.push_back({found->second.get(), model.FitOf(arm.version), arm.arm, ArmCodeOf(arm.arm), arm.begin, arm.end});
  }
  if (arms_.empty()) arms_.push_back({model.champion.get(), model.FitOf(model.champion->facts.version), kChampionArm});
}

RouteTable::RouteTable(const ServedModel& model, const ServedVersion& version) {
  arms_.push_back({&version, nullptr, kExplicitArm, &version == model.champion.get() ? ArmCode::kControl : ArmCode::kTreatment});
}

size_t RouteTable::Pick(std::string_view entity) const {
  if (arms_.size() == 1) return 0;
  const double point = EntityPoint(salt_, entity);
  for (size_t i = 0; i < arms_.size(); ++i) {
    if (point >= arms_[i].begin && point < arms_[i].end) return i;
  }
  return 0;
}

}  // namespace vigil
