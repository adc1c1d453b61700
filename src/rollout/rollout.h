// Shadow, canary, A/B: pure policies. A rollout is a state machine that is shown evidence and the time and answers with its next state
// and the traffic plan that state wants; it touches neither clock, network nor registry.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "domain/route_hash.h"
#include "domain/traffic_plan.h"

namespace vigil {

enum class RolloutState : uint8_t { kPending, kShadowing, kRamping, kHolding, kPromoting, kPromoted, kRollingBack, kRolledBack, kFailed };
std::string_view RolloutStateName(RolloutState state);

struct RolloutStep {
  double share = 0;  // of entities to the candidate; 0: shadow only
  int64_t duration_min_us = 0;
  int64_t entities_min = 0;  // with a matured label, in each arm; while shadowing: paired observations
};
// Shadow for a day, 10 % for a day, 50 % for a day, each with entities enough to tell.
std::vector<RolloutStep> DefaultRolloutSteps();

struct RolloutOptions {
  std::vector<RolloutStep> steps;            // empty: DefaultRolloutSteps()
  double alpha = 0.05;                       // chance that an equal candidate is rolled back (or, at margin 0, promoted); over all steps
  double harm_margin = 0.0;                  // on the guardrail, in its units: harm beyond this rolls back
  int64_t n_star = 5000;                     // where the confidence sequence is tightest
  int64_t duration_max_us = 28 * kDayUs;     // then: keep the champion
  double error_share_max = 0.02;             // hard limit on failed scorings in the treatment, no statistics
  double latency_factor_max = 3.0;           // hard limit on p99 against control
  bool ab_test = false;                      // fixed split: steps[0].share until the test decides or time is up
  std::string guardrail = "log_loss";        // per entity loss: "log_loss", "brier", "absolute_error"
  int64_t burn_in_min = 100;                 // observations an arm before its variance is trusted: no statistical verdict earlier
  int64_t hard_limit_predictions_min = 100;  // predictions of the treatment before a hard limit speaks
  int64_t latency_floor_us = 1000;           // a treatment p99 below this never breaks the latency limit
  double sample_ratio_alpha = 0.001;         // sequential sample-ratio mismatch below this holds the rollout
};
// The steps it takes: its own, or the default's (an A/B test's: one half for at least a day).
std::vector<RolloutStep> RolloutSteps(const RolloutOptions& options);
// INVALID_ARGUMENT names the option: shares in (0, 1] and rising (0 only in front: shadow), alpha in (0, 1), ...
Status ValidateRolloutOptions(const RolloutOptions& options);
// Keys are the fields' names; spans of time are texts ("2d"). `where` names the document in errors, which suggest the nearest key.
StatusOr<RolloutOptions> RolloutOptionsFromJson(const Json& value, std::string_view where);
Json RolloutOptionsToJson(const RolloutOptions& options);

// Sums over entities of one arm since the step's cohort began; losses are means over an entity's matured predictions. Both arms are cut
// at the same prediction time, so that their labels are equally old.
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
  // Paired over identical rows while shadowing: loss difference (candidate - champion), one observation a row or, where rows of an
  // entity are alike, a mean an entity.
  int64_t paired_n = 0;
  double paired_sum = 0;
  double paired_sum_squares = 0;
  TimeUs cohort_started = 0;    // when the sums began; 0: with the step. Sums older than the step are no evidence for it.
  bool candidate_ready = true;  // loaded and warm: nothing is routed to it (or compared) before
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

// The next state. Idempotent for equal evidence and time. Pausing stops ramping and promotion, never protection. Two states wait for the
// caller, who changes roles and then confirms: kPromoting and kRollingBack.
Rollout Advance(Rollout rollout, const RolloutEvidence& evidence, TimeUs now);
// What a person may ask. FAILED_PRECONDITION when the rollout's state does not allow it.
StatusOr<Rollout> PauseRollout(Rollout rollout, const std::string& by, TimeUs now);
StatusOr<Rollout> ResumeRollout(Rollout rollout, const std::string& by, TimeUs now);
StatusOr<Rollout> AbortRollout(Rollout rollout, const std::string& by, TimeUs now);    // → kRollingBack
StatusOr<Rollout> PromoteRollout(Rollout rollout, const std::string& by, TimeUs now);  // → kPromoting, whatever the evidence
// What the caller tells after it changed the roles: kPromoting → kPromoted, kRollingBack → kRolledBack; with an error → kFailed (the
// champion moved meanwhile, say), which routes everything to whoever is champion.
Rollout ConfirmRollout(Rollout rollout, const Status& outcome, TimeUs now);
// Nothing more will happen: kPromoted, kRolledBack or kFailed.
bool RolloutEnded(const Rollout& rollout);

// What the router should do in this state. `salt` is of this experiment.
// The candidate owns [0, share), so a rising share moves each entity at most once and never back.
TrafficPlan PlanFor(const Rollout& rollout);
// The arm that owns `entity`; -1 when the plan has none.
int RouteEntity(const TrafficPlan& plan, std::string_view entity);

}  // namespace vigil
