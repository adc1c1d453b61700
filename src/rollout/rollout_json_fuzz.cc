// Any JSON as rollout options and as a stored rollout: refused naming a place, or what is written back the same, within bounds, and can be
// advanced and routed by.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "rollout/rollout.h"

using namespace vigil;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = ParseJson({reinterpret_cast<const char*>(data), size}, "rollout");
  if (!json.ok()) return 0;
  if (const auto options = RolloutOptionsFromJson(*json, "rollout"); options.ok()) {
    if (!ValidateRolloutOptions(*options).ok()) std::abort();
    const Json written = RolloutOptionsToJson(*options);
    const auto again = RolloutOptionsFromJson(written, "again");
    if (!again.ok() || RolloutOptionsToJson(*again) != written) std::abort();
  } else if (options.status().message().find("rollout") != 0) {
    std::abort();
  }
  const auto rollout = Rollout::FromJson(*json);
  if (!rollout.ok()) {
    if (rollout.status().message().find("rollout") != 0) std::abort();
    return 0;
  }
  const Json written = rollout->ToJson();
  const auto again = Rollout::FromJson(written);
  if (!again.ok() || again->ToJson() != written) std::abort();
  RolloutEvidence evidence;
  evidence.control = evidence.treatment = {1000, 100, 20, 5000, 10, 900, 1000};
  const TimeUs now = rollout->step_started + 2 * kDayUs;
  const Rollout next = Advance(*rollout, evidence, now);
  if (Advance(*rollout, evidence, now).ToJson() != next.ToJson()) std::abort();
  const TrafficPlan plan = PlanFor(next);
  const int arm = RouteEntity(plan, "entity");
  if (arm < -1 || arm >= static_cast<int>(plan.arms.size())) std::abort();
  return 0;
}
