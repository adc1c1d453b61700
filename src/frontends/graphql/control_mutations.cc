// Rollouts, retraining, alerts.
#include "frontends/graphql/api.h"
#include "frontends/graphql/mutation_calls.h"
#include "frontends/graphql/shapes.h"
#include "frontends/rest/handlers.h"

namespace vigil::graphql {
namespace {

StatusOr<Value> Begin(const FieldCall& call) {
  const Json& input = *call.Argument("input");
  Json body = BodyOf(input, {"candidate", "alpha", "harmMargin", "abTest"});
  if (const std::string guardrail = TextMember(input, "guardrail"); !guardrail.empty()) body["guardrail"] = EnumWord(guardrail);
  if (const auto steps = input.find("steps"); steps != input.end() && steps->is_array()) {
    body["steps"] = Json::array();
    for (const Json& step : *steps) body["steps"].push_back(BodyOf(step, {"share", "durationMinS", "entitiesMin"}));
  }
  VIGIL_ASSIGN_OR_RETURN(const Json rollout,
                         CallOperation(call.Context<Context>(), Permission::kOperate, CreateRollout, {TextMember(input, "model")}, body));
  return Value(RolloutShape(rollout));
}

StatusOr<Value> Change(const FieldCall& call, const char* action) {
  VIGIL_ASSIGN_OR_RETURN(const Json rollout,
                         CallOperation(call.Context<Context>(), Permission::kOperate, ChangeRollout,
                                       {TextArgument(call, "model"), TextArgument(call, "rolloutId"), action}, Json::object()));
  return Value(RolloutShape(rollout));
}

StatusOr<Value> AskRetraining(const FieldCall& call) {
  VIGIL_ASSIGN_OR_RETURN(const Json job, CallOperation(call.Context<Context>(), Permission::kOperate, Retrain,
                                                       {TextArgument(call, "model")}, BodyOf(call.arguments(), {"reason"})));
  return Value(JobShape(job));
}

StatusOr<Value> Acknowledge(const FieldCall& call) {
  VIGIL_ASSIGN_OR_RETURN(const Json alert, CallOperation(call.Context<Context>(), Permission::kOperate, AcknowledgeAlert,
                                                         {TextArgument(call, "alertId")}, BodyOf(call.arguments(), {"by"})));
  return Value(AlertShape(alert));
}

StatusOr<Value> Silence(const FieldCall& call) {
  const Json& input = *call.Argument("input");
  VIGIL_ASSIGN_OR_RETURN(const Json alert, CallOperation(call.Context<Context>(), Permission::kOperate, SilenceAlert,
                                                         {TextMember(input, "alertId")}, BodyOf(input, {"until", "seconds", "by"})));
  return Value(AlertShape(alert));
}

}  // namespace

void AddControlMutations(Resolvers* resolvers) {
  resolvers->Field("Mutation.createRollout", Begin)
      .Field("Mutation.pauseRollout", [](const FieldCall& call) { return Change(call, "pause"); })
      .Field("Mutation.resumeRollout", [](const FieldCall& call) { return Change(call, "resume"); })
      .Field("Mutation.abortRollout", [](const FieldCall& call) { return Change(call, "abort"); })
      .Field("Mutation.promoteRollout", [](const FieldCall& call) { return Change(call, "promote"); })
      .Field("Mutation.retrain", AskRetraining)
      .Field("Mutation.acknowledgeAlert", Acknowledge)
      .Field("Mutation.silenceAlert", Silence);
}

}  // namespace vigil::graphql
