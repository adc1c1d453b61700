// Rollouts: shadow, canary, A/B.
#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr size_t kStepsMax = 20;

StatusOr<double> StepNumber(const Json& step, const char* name, double absent, std::string_view path) {
  const auto found = step.find(name);
  if (found == step.end() || found->is_null()) return absent;
  if (!found->is_number() || found->get<double>() < 0)
    return Failure(ErrorCode::kInvalid, "must be a number, at least 0", Concat(path, ".", name));
  return found->get<double>();
}

// [{"share":0.1,"duration_min_s":3600,"entities_min":500}, ...]
Status ReadSteps(const Json& list, RolloutOptions* options) {
  if (!list.is_array() || list.size() > kStepsMax)
    return Failure(ErrorCode::kInvalid, Concat("must be a list of at most ", kStepsMax, " steps"), "steps");
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string path = Concat("steps[", i, "]");
    if (!list[i].is_object()) return Failure(ErrorCode::kInvalid, "must be an object", path);
    for (const auto& [key, value] : list[i].items()) {
      if (key != "share" && key != "duration_min_s" && key != "entities_min") {
        return Failure(ErrorCode::kInvalid,
                       Concat("unknown member \"", key, "\"", DidYouMean(key, {"share", "duration_min_s", "entities_min"})), path);
      }
    }
    VIGIL_ASSIGN_OR_RETURN(const double share, StepNumber(list[i], "share", 0, path));
    VIGIL_ASSIGN_OR_RETURN(const double seconds, StepNumber(list[i], "duration_min_s", 0, path));
    VIGIL_ASSIGN_OR_RETURN(const double entities, StepNumber(list[i], "entities_min", 0, path));
    if (share > 1 || seconds > 1e9 || entities > 1e12)
      return Failure(ErrorCode::kInvalid, "a share is at most 1, a duration at most 1e9 s", path);
    options->steps.push_back({share, static_cast<int64_t>(seconds * 1e6), static_cast<int64_t>(entities)});
  }
  return absl::OkStatus();
}

Status ReadOptions(const JsonBody& body, RolloutOptions* options) {
  if (const Json* steps = body.Find("steps")) VIGIL_RETURN_IF_ERROR(ReadSteps(*steps, options));
  VIGIL_ASSIGN_OR_RETURN(const std::optional<double> alpha, body.Number("alpha"));
  if (alpha.has_value()) options->alpha = *alpha;
  if (!(options->alpha > 0 && options->alpha < 1)) return Failure(ErrorCode::kInvalid, "must lie between 0 and 1", "alpha");
  VIGIL_ASSIGN_OR_RETURN(const std::optional<double> margin, body.Number("harm_margin"));
  if (margin.has_value()) options->harm_margin = *margin;
  VIGIL_ASSIGN_OR_RETURN(options->ab_test, body.Flag("ab_test", options->ab_test));
  VIGIL_ASSIGN_OR_RETURN(const std::string guardrail, body.Text("guardrail"));
  if (!guardrail.empty()) {
    if (guardrail != "log_loss" && guardrail != "brier" && guardrail != "absolute_error") {
      return Failure(ErrorCode::kInvalid,
                     Concat("must be log_loss, brier or absolute_error", DidYouMean(guardrail, {"log_loss", "brier", "absolute_error"})),
                     "guardrail");
    }
    options->guardrail = guardrail;
  }
  return absl::OkStatus();
}

}  // namespace

StatusOr<Reply> ListRollouts(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Rollout> rollouts, operations.Rollouts(request.params[0]));
  Json list = Json::array();
  for (const Rollout& rollout : rollouts) list.push_back(ToJson(rollout));
  return JsonReply({{"rollouts", std::move(list)}});
}

StatusOr<Reply> GetRollout(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const Rollout rollout, operations.GetRollout(request.params[0], request.params[1]));
  return JsonReply(ToJson(rollout));
}

StatusOr<Reply> CreateRollout(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::Read(request, "candidate steps alpha harm_margin ab_test guardrail"));
  CreateRolloutRequest wanted;
  wanted.model = request.params[0];
  wanted.by = request.principal;
  VIGIL_ASSIGN_OR_RETURN(wanted.candidate, body.Required("candidate"));
  VIGIL_RETURN_IF_ERROR(ReadOptions(body, &wanted.options));
  VIGIL_ASSIGN_OR_RETURN(const Rollout rollout, operations.CreateRollout(wanted));
  return JsonReply(ToJson(rollout), 201);
}

StatusOr<Reply> ChangeRollout(Operations& operations, const ApiRequest& request) {
  static constexpr std::pair<std::string_view, RolloutAction> kActions[] = {{"pause", RolloutAction::kPause},
                                                                            {"resume", RolloutAction::kResume},
                                                                            {"abort", RolloutAction::kAbort},
                                                                            {"promote", RolloutAction::kPromote}};
  for (const auto& [name, action] : kActions) {
    if (request.params[2] != name) continue;
    VIGIL_ASSIGN_OR_RETURN(const Rollout rollout,
                           operations.ChangeRollout(request.params[0], request.params[1], action, request.principal));
    return JsonReply(ToJson(rollout));
  }
  return absl::NotFoundError(
      Concat("no action \"", request.params[2], "\"", DidYouMean(request.params[2], {"pause", "resume", "abort", "promote"})));
}

}  // namespace vigil
