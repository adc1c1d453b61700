// Whether a traffic plan can be obeyed: its intervals cover the unit line once, and every version in it is loaded and takes and gives
// what the champion does, because rows are parsed and validated once, as the champion's.
#pragma once

#include "base/status.h"
#include "domain/traffic_plan.h"
#include "registry/registry.h"

namespace vigil {

// INVALID_ARGUMENT for a plan that is wrong in itself, FAILED_PRECONDITION for one that does not fit `model`. Needs a champion.
Status CheckPlan(const ServedModel& model, const TrafficPlan& plan);

// FAILED_PRECONDITION, naming the first column (or the output) in which `other` differs from `champion`.
Status CheckSameShape(const ServedVersion& champion, const ServedVersion& other);

}  // namespace vigil
