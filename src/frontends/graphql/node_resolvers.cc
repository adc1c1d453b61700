// Any node by its global id.
#include <charconv>

#include "frontends/errors.h"
#include "frontends/graphql/api.h"
#include "frontends/graphql/ids.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr size_t kNodesMax = 100;

StatusOr<Value> Find(Context& context, const GlobalId& id) {
  const std::vector<std::string>& parts = id.parts;
  if (id.type == "Model" && parts.size() == 1) return ModelByName(context, parts[0]);
  if (id.type == "Version" && parts.size() == 2) return VersionByName(context, parts[0], parts[1]);
  StatusOr<Json> found = Failure(ErrorCode::kInvalid, "is not an id that this server gave", "id");
  if (id.type == "Alert" && parts.size() == 1) found = AlertById(context, parts[0]);
  if (id.type == "Job" && parts.size() == 1) found = JobById(context, parts[0]);
  if (id.type == "Rollout" && parts.size() == 2) found = RolloutById(context, parts[0], parts[1]);
  if (id.type == "TimelineEvent" && parts.size() == 1) {
    int64_t sequence = 0;
    const auto [stop, error] = std::from_chars(parts[0].data(), parts[0].data() + parts[0].size(), sequence);
    if (error == std::errc() && stop == parts[0].data() + parts[0].size() && sequence > 0 && sequence < INT64_MAX) {
      found = EventBySequence(context, sequence);
    }
  }
  if (absl::IsNotFound(found.status())) return Value();
  if (!found.ok()) return found.status();
  return Value(*std::move(found));
}

StatusOr<Value> FindNamed(Context& context, const std::string& text) {
  VIGIL_ASSIGN_OR_RETURN(const GlobalId id, ReadId(text));
  VIGIL_ASSIGN_OR_RETURN(const Value found, Find(context, id));
  if (found.json() == nullptr) return Value();
  Json node = *found.json();
  node["__typename"] = id.type;
  return Value(std::move(node));
}

StatusOr<Value> Nodes(const FieldCall& call) {
  const Json& ids = *call.Argument("ids");
  if (ids.size() > kNodesMax) return Failure(ErrorCode::kInvalid, Concat("at most ", kNodesMax, " ids at once"), "ids");
  std::vector<Value> nodes;
  for (const Json& id : ids) {
    VIGIL_ASSIGN_OR_RETURN(Value node, FindNamed(call.Context<Context>(), id.get<std::string>()));
    nodes.push_back(std::move(node));
  }
  return Value(std::move(nodes));
}

}  // namespace

void AddNodeResolvers(Resolvers* resolvers) {
  resolvers->Field("Query.node", [](const FieldCall& call) { return FindNamed(call.Context<Context>(), TextArgument(call, "id")); })
      .Field("Query.nodes", Nodes);
}

}  // namespace vigil::graphql
