// What the evidence of one step says about harm: candidate's loss minus champion's, positive = worse. Internal to rollout.
#pragma once

#include <cstdint>

#include "rollout/rollout.h"

namespace vigil {

// How many observations the verdict of this step rests on: paired rows while shadowing, else entities of the smaller arm.
int64_t Observations(const RolloutStep& step, const RolloutEvidence& evidence);

// Adds one look to the running confidence sequence in `rollout` (difference, low, high, p_value); nothing while the burn-in lasts. Its
// level is alpha divided by `looks`, the number of steps that each have a sequence of their own.
void ObserveHarm(const RolloutStep& step, const RolloutEvidence& evidence, int looks, Rollout* rollout);

// Always-valid p-value of the split of entities being the planned one; 1 while shadowing.
double SampleRatioP(const RolloutStep& step, const RolloutEvidence& evidence);

}  // namespace vigil
