// What the closed loop does with one model: read from the configuration, else these defaults.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "retraining/retraining.h"
#include "rollout/rollout.h"
#include "validation/validation.h"

namespace vigil {

struct RetrainingPolicy {
  bool enabled = false;  // false: only when a person asks
  TriggerOptions triggers;
  DatasetOptions dataset;
  std::vector<std::string> command;                         // of the trainer; empty: this program's own `train`
  std::vector<std::pair<std::string, std::string>> params;  // of the built-in trainer, by XGBoost's own names
  int rounds = 200;
  int early_stopping_rounds = 0;         // 0: every round is kept
  int64_t deadline_ms = 15 * 60 * 1000;  // of the trainer's process
  int attempts_max = 3;                  // of a job whose trainer failed in a way that may pass
};

struct ModelPolicy {
  RetrainingPolicy retraining;
  GateOptions gate;
  RolloutOptions rollout;
  bool gate_bypassed = false;     // register a candidate that the gate refused, and let the rollout judge it
  bool rollout_automatic = true;  // a candidate that passed starts its rollout by itself
};

}  // namespace vigil
