#include "frontends/graphql/language/execute.h"

#include <utility>

#include "base/json.h"
#include "frontends/graphql/language/coerce.h"
#include "frontends/graphql/language/cost.h"
#include "frontends/graphql/language/execution.h"
#include "frontends/graphql/language/operation.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

Response Refuse(std::vector<Error> errors) {
  Response response;
  response.errors = std::move(errors);
  return response;
}

std::string ErrorMember(const std::vector<Error>& errors) {
  std::string out = "\"errors\":[";
  for (const Error& error : errors) Append(&out, &error == errors.data() ? "" : ",", DumpJson(ToJson(error)));
  return out.append("]");
}

}  // namespace

bool MakePlan(const Resolvers& resolvers, const Document& document, const ExecuteOptions& options, Plan* plan, Response* refusal) {
  const Ast& ast = document.ast();
  const TypeSystem& types = document.schema().types();
  FoundOperation found = FindOperation(ast, options.operation_name);
  if (found.operation == nullptr) {
    *refusal = Refuse({std::move(found.error)});
    return false;
  }
  plan->operation = found.operation;
  if (types.Root(found.operation->operation) == nullptr) {
    *refusal = Refuse({{Concat("Schema is not configured to execute ", OperationWord(found.operation->operation), " operation."),
                        {ast.source.Locate(found.operation->at)},
                        nullptr,
                        {{"code", kUnknownOperation}}}});
    return false;
  }
  const ScalarLookup scalars = LookupScalars(resolvers);
  std::vector<Error> errors =
      CoerceVariables(types, ast.source, *found.operation, options.variables, &scalars, options.limits.suggestions, &plan->variables);
  if (errors.empty()) {
    if (auto error = CheckCost(types, ast, *found.operation, plan->variables, options.limits)) errors.push_back(*std::move(error));
  }
  if (errors.empty()) return true;
  *refusal = Refuse(std::move(errors));
  return false;
}

Response Execute(const Resolvers& resolvers, const Document& document, const ExecuteOptions& options) {
  Plan plan;
  Response refusal;
  if (!MakePlan(resolvers, document, options, &plan, &refusal)) return refusal;
  if (plan.operation->operation == OperationKind::kSubscription) {
    return Refuse({{"A subscription is answered by a stream of events.", {}, nullptr, {{"code", kUnknownOperation}}}});
  }
  return Execution(resolvers, document, plan, options).Run(options.root);
}

std::string Response::Text() const {
  std::string out = "{";
  if (!errors.empty()) out.append(ErrorMember(errors));
  if (executed) Append(&out, errors.empty() ? "" : ",", "\"data\":", data);
  return out.append("}");
}

std::string ErrorsText(const std::vector<Error>& errors) { return Concat("{", ErrorMember(errors), "}"); }

struct Subscription::State {
  const Resolvers* resolvers;
  std::shared_ptr<const Document> document;
  Plan plan;
  std::string field;
  Json arguments;
};

Subscription::Subscription(std::unique_ptr<State> state) : state_(std::move(state)) {}
Subscription::~Subscription() = default;
Subscription::Subscription(Subscription&&) noexcept = default;
Subscription& Subscription::operator=(Subscription&&) noexcept = default;

std::string_view Subscription::field() const { return state_->field; }
const Json& Subscription::arguments() const { return state_->arguments; }

Response Subscription::Next(Value event, const ExecuteOptions& options) const {
  return Execution(*state_->resolvers, *state_->document, state_->plan, options).Run(event);
}

struct SubscriptionStart {
  static Subscribed Start(const Resolvers& resolvers, std::shared_ptr<const Document> document, const ExecuteOptions& options) {
    auto state = std::make_unique<Subscription::State>();
    state->resolvers = &resolvers;
    Response refusal;
    if (!MakePlan(resolvers, *document, options, &state->plan, &refusal)) return {std::nullopt, std::move(refusal)};
    if (state->plan.operation->operation != OperationKind::kSubscription) {
      return {std::nullopt, Refuse({{"The operation is no subscription.", {}, nullptr, {{"code", kUnknownOperation}}}})};
    }
    Execution execution(resolvers, *document, state->plan, options);
    Collected fields;
    if (auto error = execution.CollectRoot(&fields)) return {std::nullopt, Refuse({*std::move(error)})};
    if (fields.empty()) {  // left out by @skip or @include
      return {std::nullopt, Refuse({{"The subscription selects no field.", {}, nullptr, {{"code", kBadUserInput}}}})};
    }
    FieldGroup& root = fields.front();
    execution.PrepareField(*document->schema().types().subscription, &root);
    if (root.failure) {
      root.failure->path = Json::array({std::string(root.name)});
      return {std::nullopt, Refuse({*std::move(root.failure)})};
    }
    state->field = std::string(root.field->name);
    state->arguments = std::move(root.arguments);
    state->document = std::move(document);
    return {Subscription(std::move(state)), {}};
  }
};

Subscribed Subscribe(const Resolvers& resolvers, std::shared_ptr<const Document> document, const ExecuteOptions& options) {
  return SubscriptionStart::Start(resolvers, std::move(document), options);
}

}  // namespace vigil::graphql
