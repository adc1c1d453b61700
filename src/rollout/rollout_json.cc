// Rollouts and their options as JSON: configuration, and the catalog's values.
#include "absl/strings/str_cat.h"
#include "base/json_fields.h"
#include "rollout/rollout.h"

namespace vigil {
namespace {

const std::vector<std::string>& StateNames() {
  static const auto& names = *new std::vector<std::string>{"pending",  "shadowing",    "ramping",     "holding", "promoting",
                                                           "promoted", "rolling_back", "rolled_back", "failed"};
  return names;
}

StatusOr<RolloutStep> StepFromJson(const Json& value, const std::string& where) {
  RolloutStep step;
  JsonFields fields(value, where);
  fields.Read("share", &step.share);
  fields.ReadDuration("duration_min", &step.duration_min_us);
  fields.Read("entities_min", &step.entities_min);
  VIGIL_RETURN_IF_ERROR(fields.Finish());
  return step;
}

Json TimeJson(TimeUs time) { return time == 0 ? Json(nullptr) : Json(FormatTime(time)); }

Status Invalid(std::string_view option, std::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat("rollout.", std::string(option), ": ", std::string(wanted)));
}

}  // namespace

std::string_view RolloutStateName(RolloutState state) { return StateNames()[static_cast<size_t>(state)]; }

std::vector<RolloutStep> DefaultRolloutSteps() { return {{0.0, kDayUs, 500}, {0.1, kDayUs, 200}, {0.5, kDayUs, 500}}; }

std::vector<RolloutStep> RolloutSteps(const RolloutOptions& options) {
  if (!options.steps.empty()) return options.steps;
  return options.ab_test ? std::vector<RolloutStep>{{0.5, kDayUs, 500}} : DefaultRolloutSteps();
}

Status ValidateRolloutOptions(const RolloutOptions& options) {
  double previous = 0;
  for (size_t i = 0; i < options.steps.size(); ++i) {
    const RolloutStep& step = options.steps[i];
    const std::string where = absl::StrCat("steps[", i, "]");
    if (!(step.share >= 0 && step.share < 1)) return Invalid(where + ".share", "must be at least 0 and below 1");
    if (step.share == 0 && i > 0) return Invalid(where + ".share", "only the first step may be shadow (0)");
    if (i > 0 && step.share <= previous) return Invalid(where + ".share", "shares must rise from step to step");
    if (step.duration_min_us < 0) return Invalid(where + ".duration_min", "must not be negative");
    if (step.entities_min < 0) return Invalid(where + ".entities_min", "must not be negative");
    previous = step.share;
  }
  if (options.ab_test && !options.steps.empty() && !(options.steps.size() == 1 && options.steps[0].share > 0)) {
    return Invalid("steps", "an A/B test has one step, with a share above 0");
  }
  if (!(options.alpha > 0 && options.alpha < 1)) return Invalid("alpha", "must lie between 0 and 1");
  if (!(options.harm_margin >= 0)) return Invalid("harm_margin", "must not be negative");
  if (options.n_star < 1) return Invalid("n_star", "must be at least 1");
  if (options.duration_max_us <= 0) return Invalid("duration_max", "must be positive");
  if (!(options.error_share_max >= 0 && options.error_share_max <= 1)) return Invalid("error_share_max", "must lie in [0, 1]");
  if (!(options.latency_factor_max >= 1)) return Invalid("latency_factor_max", "must be at least 1");
  if (options.burn_in_min < 2) return Invalid("burn_in_min", "must be at least 2: a variance needs two observations");
  if (options.hard_limit_predictions_min < 1) return Invalid("hard_limit_predictions_min", "must be at least 1");
  if (!(options.sample_ratio_alpha >= 0 && options.sample_ratio_alpha < 1)) return Invalid("sample_ratio_alpha", "must lie in [0, 1)");
  const std::vector<std::string> guardrails{"log_loss", "brier", "absolute_error"};
  for (const std::string& known : guardrails) {
    if (options.guardrail == known) return absl::OkStatus();
  }
  return Invalid("guardrail", absl::StrCat("\"", options.guardrail, "\" is none of log_loss, brier, absolute_error",
                                           DidYouMean(options.guardrail, guardrails)));
}

StatusOr<RolloutOptions> RolloutOptionsFromJson(const Json& value, std::string_view where) {
  RolloutOptions options;
  JsonFields fields(value, where);
  if (const Json* steps = fields.Find("steps"); steps != nullptr) {
    if (!steps->is_array()) fields.Set(absl::StrCat(fields.Path("steps"), ": expected a list"));
    for (size_t i = 0; steps->is_array() && i < steps->size(); ++i) {
      VIGIL_ASSIGN_OR_RETURN(options.steps.emplace_back(), StepFromJson((*steps)[i], absl::StrCat(fields.Path("steps"), "[", i, "]")));
    }
  }
  fields.Read("alpha", &options.alpha);
  fields.Read("harm_margin", &options.harm_margin);
  fields.Read("n_star", &options.n_star);
  fields.ReadDuration("duration_max", &options.duration_max_us);
  fields.Read("error_share_max", &options.error_share_max);
  fields.Read("latency_factor_max", &options.latency_factor_max);
  fields.Read("ab_test", &options.ab_test);
  fields.Read("guardrail", &options.guardrail);
  fields.Read("burn_in_min", &options.burn_in_min);
  fields.Read("hard_limit_predictions_min", &options.hard_limit_predictions_min);
  fields.ReadDuration("latency_floor", &options.latency_floor_us);
  fields.Read("sample_ratio_alpha", &options.sample_ratio_alpha);
  VIGIL_RETURN_IF_ERROR(fields.Finish());
  VIGIL_RETURN_IF_ERROR(ValidateRolloutOptions(options));
  return options;
}

Json RolloutOptionsToJson(const RolloutOptions& options) {
  Json steps = Json::array();
  for (const RolloutStep& step : options.steps) {
    steps.push_back({{"share", step.share}, {"duration_min", FormatDuration(step.duration_min_us)}, {"entities_min", step.entities_min}});
  }
  return {{"steps", steps},
          {"alpha", options.alpha},
          {"harm_margin", options.harm_margin},
          {"n_star", options.n_star},
          {"duration_max", FormatDuration(options.duration_max_us)},
          {"error_share_max", options.error_share_max},
          {"latency_factor_max", options.latency_factor_max},
          {"ab_test", options.ab_test},
          {"guardrail", options.guardrail},
          {"burn_in_min", options.burn_in_min},
          {"hard_limit_predictions_min", options.hard_limit_predictions_min},
          {"latency_floor", FormatDuration(options.latency_floor_us)},
          {"sample_ratio_alpha", options.sample_ratio_alpha}};
}

Json Rollout::ToJson() const {
  return {{"id", id},
          {"model", model},
          {"candidate", candidate},
          {"champion", champion},
          {"champion_epoch", champion_epoch},
          {"options", RolloutOptionsToJson(options)},
          {"state", RolloutStateName(state)},
          {"step", step},
          {"started", TimeJson(started)},
          {"step_started", TimeJson(step_started)},
          {"ended", TimeJson(ended)},
          {"paused", paused},
          {"reason", reason},
          {"difference", difference},
          {"low", low_high_known ? Json(low) : Json(nullptr)},
          {"high", low_high_known ? Json(high) : Json(nullptr)},
          {"p_value", p_value}};
}

StatusOr<Rollout> Rollout::FromJson(const Json& value) {
  Rollout rollout;
  JsonFields fields(value, "rollout");
  fields.Read("id", &rollout.id);
  fields.Read("model", &rollout.model);
  fields.Read("candidate", &rollout.candidate);
  fields.Read("champion", &rollout.champion);
  fields.Read("champion_epoch", &rollout.champion_epoch);
  if (const Json* options = fields.Find("options"); options != nullptr) {
    VIGIL_ASSIGN_OR_RETURN(rollout.options, RolloutOptionsFromJson(*options, "rollout.options"));
  }
  int state = 0;
  fields.ReadChoice("state", StateNames(), &state);
  rollout.state = static_cast<RolloutState>(state);
  fields.Read("step", &rollout.step);
  fields.ReadTime("started", &rollout.started);
  fields.ReadTime("step_started", &rollout.step_started);
  fields.ReadTime("ended", &rollout.ended);
  fields.Read("paused", &rollout.paused);
  fields.Read("reason", &rollout.reason);
  fields.Read("difference", &rollout.difference);
  const bool low_known = fields.Read("low", &rollout.low);
  rollout.low_high_known = fields.Read("high", &rollout.high) && low_known;
  fields.Read("p_value", &rollout.p_value);
  VIGIL_RETURN_IF_ERROR(fields.Finish());
  const int steps = static_cast<int>(RolloutSteps(rollout.options).size());
  if (rollout.step < 0 || rollout.step >= steps) {
    return absl::InvalidArgumentError(absl::StrCat("rollout.step: ", rollout.step, " of ", steps, " steps"));
  }
  return rollout;
}

}  // namespace vigil
