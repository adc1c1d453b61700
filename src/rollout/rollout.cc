// The state machine. One look at the evidence answers three questions in this order: is the candidate unsafe, may the evidence be
// trusted, and is there enough of it.
#include "rollout/rollout.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/text.h"
#include "rollout/harm.h"

namespace vigil {
namespace {

bool Watching(RolloutState state) {
  return state == RolloutState::kShadowing || state == RolloutState::kRamping || state == RolloutState::kHolding;
}

RolloutState MovingState(const RolloutStep& step) { return step.share == 0 ? RolloutState::kShadowing : RolloutState::kRamping; }

std::string Percent(double share) { return absl::StrFormat("%.4g %%", 100 * share); }

std::string StepName(const RolloutStep& step) { return step.share == 0 ? "shadow" : absl::StrCat("canary at ", Percent(step.share)); }

void Enter(Rollout* rollout, RolloutState state, std::string reason) {
  rollout->state = state;
  rollout->reason = std::move(reason);
}

void EnterStep(Rollout* rollout, int index, const RolloutStep& step, std::string reason, TimeUs now) {
  rollout->step = index;
  rollout->step_started = now;
  // The next step looks at a cohort of its own: its confidence sequence starts anew.
  rollout->difference = rollout->low = rollout->high = 0;
  rollout->p_value = 1;
  rollout->low_high_known = false;
  Enter(rollout, MovingState(step), std::move(reason));
}

// Failures and latency need no statistics, only enough predictions that one accident is not a share. Empty: within the limits.
std::string HardLimitBreach(const RolloutOptions& options, const RolloutEvidence& evidence) {
  const ArmEvidence& treatment = evidence.treatment;
  const int64_t attempts = treatment.predictions + treatment.failures;
  if (attempts < options.hard_limit_predictions_min) return "";
  const double failure_share = static_cast<double>(treatment.failures) / static_cast<double>(attempts);
  if (failure_share > options.error_share_max) {
    return absl::StrFormat("%d of %d scorings by the candidate failed (%s, limit %s)", treatment.failures, attempts, Percent(failure_share),
                           Percent(options.error_share_max));
  }
  const double control_p99 = evidence.control.latency_p99_us;
  const bool comparable = evidence.control.predictions >= options.hard_limit_predictions_min && control_p99 > 0;
  if (comparable && treatment.latency_p99_us > static_cast<double>(options.latency_floor_us) &&
      treatment.latency_p99_us > options.latency_factor_max * control_p99) {
    return absl::StrFormat("latency p99 %.0f us of the candidate against %.0f us (limit: %.3g times)", treatment.latency_p99_us,
                           control_p99, options.latency_factor_max);
  }
  return "";
}

std::string IntervalText(const Rollout& rollout) {
  if (!rollout.low_high_known) return absl::StrCat(rollout.options.guardrail, " shows no difference to measure");
  return absl::StrFormat("%s difference %.5g in [%.5g, %.5g]", rollout.options.guardrail, rollout.difference, rollout.low, rollout.high);
}

// What the step still lacks; empty: its minima are met.
std::string Missing(const Rollout& rollout, const RolloutStep& step, const RolloutEvidence& evidence, TimeUs now) {
  const TimeUs stayed = now - rollout.step_started;
  if (stayed < step.duration_min_us) {
    return absl::StrCat(FormatDuration(stayed / kSecondUs * kSecondUs), " of at least ", FormatDuration(step.duration_min_us));
  }
  const int64_t seen = Observations(step, evidence);
  const int64_t wanted = std::max(step.entities_min, rollout.options.burn_in_min);
  if (seen < wanted) {
    return absl::StrCat(seen, " of at least ", wanted,
                        step.share == 0 ? " paired labelled rows" : " entities with matured labels in each arm");
  }
  return "";
}

void AdvanceAbTest(Rollout* rollout, const RolloutStep& step, const RolloutEvidence& evidence, TimeUs now) {
  const std::string missing = Missing(*rollout, step, evidence, now);
  const bool decided = rollout->low_high_known && rollout->p_value < rollout->options.alpha;
  const std::string verdict = absl::StrFormat("%s, p = %.3g", IntervalText(*rollout), rollout->p_value);
  if (decided && rollout->difference > 0) {
    Enter(rollout, RolloutState::kRollingBack, absl::StrCat("the candidate is worse: ", verdict));
  } else if (decided && missing.empty() && !rollout->paused) {
    Enter(rollout, RolloutState::kPromoting, absl::StrCat("the candidate is better: ", verdict));
  } else if (!missing.empty()) {
    Enter(rollout, RolloutState::kRamping, absl::StrCat("A/B test at ", Percent(step.share), ": ", missing));
  } else {
    Enter(rollout, RolloutState::kHolding, absl::StrCat("no verdict yet: ", verdict));
  }
}

void AdvanceStep(Rollout* rollout, const std::vector<RolloutStep>& steps, const RolloutEvidence& evidence, TimeUs now) {
  const RolloutStep& step = steps[static_cast<size_t>(rollout->step)];
  const double margin = rollout->options.harm_margin;
  if (rollout->low_high_known && rollout->low > margin) {
    return Enter(rollout, RolloutState::kRollingBack,
                 absl::StrFormat("%s: the candidate does harm: %s, margin %.5g", StepName(step), IntervalText(*rollout), margin));
  }
  const std::string missing = Missing(*rollout, step, evidence, now);
  if (!missing.empty()) return Enter(rollout, MovingState(step), absl::StrCat(StepName(step), ": ", missing));
  if (!rollout->low_high_known || rollout->high >= margin) {
    return Enter(rollout, RolloutState::kHolding,
                 absl::StrFormat("%s: no verdict yet: %s, margin %.5g", StepName(step), IntervalText(*rollout), margin));
  }
  if (rollout->paused) return Enter(rollout, RolloutState::kHolding, absl::StrCat(StepName(step), " passed; paused"));
  const std::string passed = absl::StrFormat("%s passed: %s, margin %.5g", StepName(step), IntervalText(*rollout), margin);
  const int next = rollout->step + 1;
  if (next == static_cast<int>(steps.size())) return Enter(rollout, RolloutState::kPromoting, passed);
  EnterStep(rollout, next, steps[static_cast<size_t>(next)], passed, now);
}

}  // namespace

Rollout Advance(Rollout rollout, const RolloutEvidence& evidence, TimeUs now) {
  const std::vector<RolloutStep> steps = RolloutSteps(rollout.options);
  if (rollout.state == RolloutState::kPending) {
    if (rollout.paused) return rollout;
    if (!evidence.candidate_ready) {
      rollout.reason = absl::StrCat("waiting for version ", rollout.candidate, " to be loaded and warm");
      return rollout;
    }
    rollout.started = now;
    EnterStep(&rollout, 0, steps[0], absl::StrCat(StepName(steps[0]), " begins"), now);
    return rollout;
  }
  // A step is never judged in the instant it began: the same evidence would pass two steps.
  if (!Watching(rollout.state) || now <= rollout.step_started) return rollout;

  const RolloutStep& step = steps[static_cast<size_t>(rollout.step)];
  if (const std::string breach = HardLimitBreach(rollout.options, evidence); !breach.empty()) {
    Enter(&rollout, RolloutState::kRollingBack, absl::StrCat(StepName(step), ": ", breach));
    return rollout;
  }
  const bool of_this_step = evidence.cohort_started == 0 || evidence.cohort_started >= rollout.step_started;
  const double mismatch = of_this_step ? SampleRatioP(step, evidence) : 1;
  if (!of_this_step) {
    Enter(&rollout, MovingState(step), absl::StrCat(StepName(step), ": the evidence is of an earlier step"));
  } else if (mismatch < rollout.options.sample_ratio_alpha) {
    Enter(&rollout, RolloutState::kHolding,
          absl::StrFormat("%s: sample ratio mismatch: %d entities to the candidate, %d to the champion (p = %.2g)", StepName(step),
                          evidence.treatment.assigned, evidence.control.assigned, mismatch));
  } else {
    ObserveHarm(step, evidence, rollout.options.ab_test ? 1 : static_cast<int>(steps.size()), &rollout);
    if (rollout.options.ab_test) {
      AdvanceAbTest(&rollout, step, evidence, now);
    } else {
      AdvanceStep(&rollout, steps, evidence, now);
    }
  }
  if (Watching(rollout.state) && now - rollout.started >= rollout.options.duration_max_us) {
    Enter(
        &rollout, RolloutState::kRollingBack,
        absl::StrCat("no verdict within ", FormatDuration(rollout.options.duration_max_us), ": the champion stays (", rollout.reason, ")"));
  }
  return rollout;
}

namespace {

Status Refused(const Rollout& rollout, std::string_view action) {
  return absl::FailedPreconditionError(
      absl::StrCat("rollout ", rollout.id, " is ", std::string(RolloutStateName(rollout.state)), ": it cannot be ", std::string(action)));
}

}  // namespace

StatusOr<Rollout> PauseRollout(Rollout rollout, const std::string& by, TimeUs) {
  if (!Watching(rollout.state) && rollout.state != RolloutState::kPending) return Refused(rollout, "paused");
  rollout.paused = true;
  rollout.reason = absl::StrCat("paused by ", by);
  return rollout;
}

StatusOr<Rollout> ResumeRollout(Rollout rollout, const std::string& by, TimeUs) {
  if (!rollout.paused || RolloutEnded(rollout)) return Refused(rollout, "resumed");
  rollout.paused = false;
  rollout.reason = absl::StrCat("resumed by ", by);
  return rollout;
}

StatusOr<Rollout> AbortRollout(Rollout rollout, const std::string& by, TimeUs) {
  if (RolloutEnded(rollout) || rollout.state == RolloutState::kPromoting) return Refused(rollout, "aborted");
  if (rollout.state != RolloutState::kRollingBack) Enter(&rollout, RolloutState::kRollingBack, absl::StrCat("aborted by ", by));
  return rollout;
}

StatusOr<Rollout> PromoteRollout(Rollout rollout, const std::string& by, TimeUs) {
  if (!Watching(rollout.state) && rollout.state != RolloutState::kPending && rollout.state != RolloutState::kPromoting) {
    return Refused(rollout, "promoted");
  }
  if (rollout.state != RolloutState::kPromoting) Enter(&rollout, RolloutState::kPromoting, absl::StrCat("promoted by ", by));
  return rollout;
}

Rollout ConfirmRollout(Rollout rollout, const Status& outcome, TimeUs now) {
  const bool promoting = rollout.state == RolloutState::kPromoting;
  if (!promoting && rollout.state != RolloutState::kRollingBack) return rollout;
  rollout.ended = now;
  if (!outcome.ok()) {
    Enter(&rollout, RolloutState::kFailed,
          absl::StrCat(promoting ? "the promotion" : "the rollback", " was refused: ", std::string(outcome.message())));
  } else {
    Enter(&rollout, promoting ? RolloutState::kPromoted : RolloutState::kRolledBack, rollout.reason);
  }
  return rollout;
}

bool RolloutEnded(const Rollout& rollout) {
  return rollout.state == RolloutState::kPromoted || rollout.state == RolloutState::kRolledBack || rollout.state == RolloutState::kFailed;
}

}  // namespace vigil
