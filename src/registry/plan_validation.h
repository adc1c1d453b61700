// Whether a traffic plan can be obeyed: its intervals cover the unit line once, and every version in it is loaded, can read the champion's
// rows (which are parsed and validated once) and can answer in the champion's form.
#pragma once

#include "base/status.h"
#include "domain/traffic_plan.h"
#include "registry/registry.h"

namespace vigil {

// INVALID_ARGUMENT for a plan that is wrong in itself, FAILED_PRECONDITION for one that does not fit `model`. Needs a champion.
Status CheckPlan(const ServedModel& model, const TrafficPlan& plan);

// How `other` stands beside `champion`. FAILED_PRECONDITION, naming the column or the output that keeps it from that.
StatusOr<VersionFit> FitBeside(const ServedVersion& champion, const ServedVersion& other);

// Fills what requests of `model` are read into, and how each version of its plan and its shadow read that.
void AddFits(ServedModel* model);

}  // namespace vigil
