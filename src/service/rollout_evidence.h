// Evidence for a rollout, read from the prediction log: losses by arm and entity on matured labels, and paired losses of a shadow. Read
// anew each time, so that a restart, a replaced label or a late one never leaves a stale sum behind.
#pragma once

#include <string>

#include "base/status.h"
#include "domain/schema.h"
#include "rollout/rollout.h"
#include "storage/prediction_log.h"

namespace vigil {

// The loss of one prediction by the rollout's guardrail: "log_loss" (natural logarithm, clipped at 1e-15), "brier", "absolute_error".
// Multiclass outputs are one probability a class. INVALID_ARGUMENT for another name.
StatusOr<double> PredictionLoss(const std::string& guardrail, Task task, absl::Span<const float> outputs, double label);

// Predictions of the rollout's present step: those made since it began, labels known by `now`. Entities count once, by the mean of
// their losses; rows without an entity are left out of the verdict and counted only as predictions.
StatusOr<RolloutEvidence> GatherEvidence(const PredictionLog& log, const Rollout& rollout, Task task, TimeUs now);

}  // namespace vigil
