// Shadow, canary, A/B: pure policies. A rollout is a state machine that is shown evidence and the time and answers with its next state
// and the traffic plan that state wants; it touches neither clock, network nor registry.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "domain/traffic_plan.h"

namespace vigil {

enum class RolloutState : uint8_t { kPending, kShadowing, kRamping, kHolding, kPromoting, kPromoted, kRollingBack, kRolledBack, kFailed };
std::string_view RolloutStateName(RolloutState state);

struct RolloutStep {
  double share = 0;  // of entities to the candidate; 0: shadow only
  int64_t duration_min_us = 0;
  int64_t entities_min = 0;  // with a matured label, in the treatment
};

struct RolloutOptions {
  std::vector<RolloutStep> steps;  // empty: shadow, then 10 %, then 50 %
  double alpha = 0.05;
  double harm_margin = 0.0;               // on the guardrail, in its units: harm beyond this rolls back
  int64_t n_star = 5000;                  // where the confidence sequence is tightest
  int64_t duration_max_us = 28 * kDayUs;  // then: keep the champion
  double error_share_max = 0.02;          // hard limit on failed scorings in the treatment, no statistics
  double latency_factor_max = 3.0;        // hard limit on p99 against control
  bool ab_test = false;                   // fixed split: steps[0].share until the test decides or time is up
  std::string guardrail = "log_loss";     // per entity loss: "log_loss", "brier", "absolute_error"
};

// Sums over entities of one arm since the step's cohort began; losses are means over an entity's matured predictions.
struct ArmEvidence {
  int64_t entities = 0;
  double sum = 0;  // of the entities' losses
  double sum_squares = 0;
  int64_t predictions = 0;
  int64_t failures = 0;
  double latency_p99_us = 0;
  int64_t assigned = 0;  // entities routed here, for the sample-ratio check
};

struct RolloutEvidence {
  ArmEvidence control;
  ArmEvidence treatment;
  // Paired over identical rows while shadowing: per-row loss difference (candidate - champion).
  int64_t paired_n = 0;
  double paired_sum = 0;
  double paired_sum_squares = 0;
};

struct Rollout {
  std::string id;
  std::string model;
  std::string candidate;
  std::string champion;  // when it began
  int64_t champion_epoch = 0;
  RolloutOptions options;
  RolloutState state = RolloutState::kPending;
  int step = 0;
  TimeUs started = 0, step_started = 0, ended = 0;
  bool paused = false;
  std::string reason;                                     // of the present state, in words with numbers
  double difference = 0, low = 0, high = 0, p_value = 1;  // running confidence sequence on harm
  bool low_high_known = false;

  Json ToJson() const;
  static StatusOr<Rollout> FromJson(const Json& value);
};

// The next state. Idempotent for equal evidence and time.
Rollout Advance(Rollout rollout, const RolloutEvidence& evidence, TimeUs now);
// What the router should do in this state. `salt` is of this experiment.
TrafficPlan PlanFor(const Rollout& rollout);
// The arm that owns `entity`; -1 when the plan has none.
int RouteEntity(const TrafficPlan& plan, std::string_view entity);

}  // namespace vigil
