// Predictions, labels, versions, roles, memory.
#include "frontends/errors.h"
#include "frontends/graphql/api.h"
#include "frontends/graphql/mutation_calls.h"
#include "frontends/graphql/shapes.h"
#include "frontends/rest/handlers.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

StatusOr<Value> Predict(const FieldCall& call) {
  Context& context = call.Context<Context>();
  VIGIL_RETURN_IF_ERROR(context.Demand(Permission::kPredict));
  if (context.predictor == nullptr) return absl::FailedPreconditionError("nothing is predicted here");
  const Json& input = *call.Argument("input");
  PredictAsk ask;
  ask.model = TextMember(input, "model");
  ask.version = TextMember(input, "version");
  ask.label = TextMember(input, "label");
  if (!ask.version.empty() && !ask.label.empty()) return Failure(ErrorCode::kInvalid, "give a version or a label, not both", "label");
  Json body = BodyOf(input, {"rows", "ids", "entities", "times"});
  if (const auto partial = input.find("partial"); partial != input.end() && *partial == true) body["partial"] = true;
  ask.body = DumpJson(body);
  VIGIL_ASSIGN_OR_RETURN(const Json answer, context.predictor->Predict(ask));
  return Value(PredictShape(answer));
}

StatusOr<Value> ImportGivenLabels(const FieldCall& call) {
  Json labels = Json::array();
  for (const Json& label : *call.Argument("labels")) labels.push_back(BodyOf(label, {"predictionId", "id", "label", "observedAt"}));
  VIGIL_ASSIGN_OR_RETURN(const Json counts,
                         CallOperation(call.Context<Context>(), Permission::kLabel, ImportLabels, {}, Json{{"labels", std::move(labels)}}));
  return Value(counts);
}

StatusOr<Value> Register(const FieldCall& call) {
  const Json& input = *call.Argument("input");
  VIGIL_ASSIGN_OR_RETURN(const Json version,
                         CallOperation(call.Context<Context>(), Permission::kOperate, RegisterVersion, {TextMember(input, "model")},
                                       BodyOf(input, {"uri", "version", "referenceUri"})));
  return Value(VersionShape(version));
}

StatusOr<Value> AssignRole(const FieldCall& call, const std::string& role) {
  const Json& input = *call.Argument("input");
  const std::string model = TextMember(input, "model");
  VIGIL_ASSIGN_OR_RETURN(const Json assignment, CallOperation(call.Context<Context>(), Permission::kOperate, SetRole, {model, role},
                                                              BodyOf(input, {"version", "expectedEpoch", "reason"})));
  return Value(RoleShape(model, role, assignment));
}

StatusOr<Value> RollBack(const FieldCall& call) {
  const Json& input = *call.Argument("input");
  const std::string model = TextMember(input, "model");
  VIGIL_ASSIGN_OR_RETURN(const Json assignment,
                         CallOperation(call.Context<Context>(), Permission::kOperate, RollbackModel, {model}, BodyOf(input, {"reason"})));
  return Value(RoleShape(model, RoleName(Role::kChampion), assignment));
}

StatusOr<Value> ChangeLabel(const FieldCall& call, OperationHandler operation) {
  const Json& input = *call.Argument("input");
  const std::string model = TextMember(input, "model"), label = TextMember(input, "label");
  VIGIL_ASSIGN_OR_RETURN(const Json assignment, CallOperation(call.Context<Context>(), Permission::kOperate, operation, {model, label},
                                                              BodyOf(input, {"version", "expectedEpoch", "reason"})));
  return Value(LabelShape(model, label, assignment));
}

StatusOr<Value> MoveModel(const FieldCall& call, OperationHandler operation) {
  Context& context = call.Context<Context>();
  const std::string model = TextArgument(call, "model");
  VIGIL_RETURN_IF_ERROR(CallOperation(context, Permission::kOperate, operation, {model}, Json::object()).status());
  VIGIL_ASSIGN_OR_RETURN(const ModelView view, context.operations.GetModel(model));
  return Value(ModelShape(ToJson(view)));
}

}  // namespace

Json BodyOf(const Json& input, std::initializer_list<const char*> names) {
  Json body = Json::object();
  for (const char* name : names) {
    const auto found = input.find(name);
    if (found != input.end() && !found->is_null()) body[Snake(name)] = *found;
  }
  return body;
}

StatusOr<Json> CallOperation(Context& context, Permission permission, OperationHandler operation, std::vector<std::string> params,
                             const Json& body) {
  VIGIL_RETURN_IF_ERROR(context.Demand(permission));
  ApiRequest request;
  request.params = std::move(params);
  request.content_type = "application/json";
  request.body = DumpJson(body);
  request.principal = context.principal;
  request.request_id = context.request_id;
  VIGIL_ASSIGN_OR_RETURN(const Reply reply, operation(context.operations, request));
  return ParseJson(reply.body, "an operation's answer");
}

std::string TextMember(const Json& input, const char* name) {
  const auto found = input.find(name);
  return found == input.end() || found->is_null() ? std::string() : found->get<std::string>();
}

void AddMutations(Resolvers* resolvers) {
  resolvers->Field("Mutation.predict", Predict)
      .Field("Mutation.importLabels", ImportGivenLabels)
      .Field("Mutation.registerVersion", Register)
      .Field("Mutation.setRole",
             [](const FieldCall& call) { return AssignRole(call, EnumWord(TextMember(*call.Argument("input"), "role"))); })
      .Field("Mutation.promote", [](const FieldCall& call) { return AssignRole(call, std::string(RoleName(Role::kChampion))); })
      .Field("Mutation.rollback", RollBack)
      .Field("Mutation.setLabel", [](const FieldCall& call) { return ChangeLabel(call, SetLabel); })
      .Field("Mutation.clearLabel", [](const FieldCall& call) { return ChangeLabel(call, ClearLabel); })
      .Field("Mutation.loadModel", [](const FieldCall& call) { return MoveModel(call, OipRepositoryLoad); })
      .Field("Mutation.unloadModel", [](const FieldCall& call) { return MoveModel(call, OipRepositoryUnload); });
}

}  // namespace vigil::graphql
