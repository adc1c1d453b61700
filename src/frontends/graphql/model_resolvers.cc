// Models, their versions, roles and signature, what served when, and how they are doing.
#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/graphql/api.h"
#include "frontends/graphql/connection.h"
#include "frontends/graphql/shapes.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/series.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr int64_t kPointsMax = 10'000;  // of one `monitoring` field

std::string Member(const FieldCall& call, const char* name) {
  const Json* const parent = call.parent().json();
  if (parent == nullptr) return "";
  const auto found = parent->find(name);
  return found == parent->end() || !found->is_string() ? std::string() : found->get<std::string>();
}

StatusOr<Value> Models(const FieldCall& call) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<ModelView> models, call.Context<Context>().operations.ListModels());
  std::vector<std::string> names;
  for (const ModelView& model : models) names.push_back(model.name);
  return Connection(call, names, [&](size_t i) { return ModelShape(ToJson(models[i])); });
}

StatusOr<Value> Versions(const FieldCall& call) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<VersionRecord> versions, call.Context<Context>().operations.ListVersions(Member(call, "name")));
  std::vector<std::string> names;
  for (const VersionRecord& version : versions) names.push_back(version.facts.version);
  return Connection(call, names, [&](size_t i) { return VersionShape(ToJson(versions[i])); });
}

// The version that a parent's member names; null when it names none.
template <const char* kModel, const char* kVersion>
StatusOr<Value> NamedVersion(const FieldCall& call) {
  const std::string version = Member(call, kVersion);
  if (version.empty()) return Value();
  return VersionByName(call.Context<Context>(), Member(call, kModel), version);
}

StatusOr<Value> ModelOf(const FieldCall& call) {
  const std::string name = Member(call, "modelName");
  if (name.empty()) return Value();
  return ModelByName(call.Context<Context>(), name);
}

StatusOr<Value> LabelsOf(const FieldCall& call) {
  if (!call.Selects("epoch") && !call.Selects("since") && !call.Selects("by") && !call.Selects("reason")) {
    return Value::Borrowed(&call.parent().json()->at("labels"));
  }
  const std::string model = Member(call, "name");
  VIGIL_ASSIGN_OR_RETURN(const auto labels, call.Context<Context>().operations.Labels(model));
  Json list = Json::array();
  for (const auto& [label, assignment] : labels) list.push_back(LabelShape(model, label, ToJson(assignment)));
  return Value(std::move(list));
}

StatusOr<TimeUs> TimeArgument(const FieldCall& call, const char* name, TimeUs absent) {
  const std::string text = TextArgument(call, name);
  if (text.empty()) return absent;
  return ParseTime(text);  // as the scalar wrote it
}

StatusOr<Value> Monitoring(const FieldCall& call) {
  SeriesQuery query;
  query.model = Member(call, "name");
  query.kind = EnumWord(TextArgument(call, "kind"));
  query.version = TextArgument(call, "version");
  query.segment = TextArgument(call, "segment");
  query.column = TextArgument(call, "column");
  const std::string window = TextArgument(call, "window");
  query.window = window == "MINUTE" ? Window::kMinute : window == "DAY" ? Window::kDay : Window::kHour;
  VIGIL_ASSIGN_OR_RETURN(query.from, TimeArgument(call, "from", INT64_MIN));
  VIGIL_ASSIGN_OR_RETURN(query.to, TimeArgument(call, "to", INT64_MAX));
  if (query.from > query.to) return Failure(ErrorCode::kInvalid, "is after \"to\"", "from");
  const Json* const points = call.Argument("points");
  const int64_t points_max = points == nullptr ? 1000 : points->get<int64_t>();
  if (points_max < 1 || points_max > kPointsMax) return Failure(ErrorCode::kInvalid, Concat("must be from 1 to ", kPointsMax), "points");
  query.points_max = static_cast<size_t>(points_max);
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Finding> findings,
                         FindSeries(call.Context<Context>().operations, query, TextArgument(call, "metric")));
  return Value(SeriesList(findings));
}

// {"champion":{...}} → [{"role":"CHAMPION",...}].
Json Served(const Json& map, const char* name, bool is_enum) {
  Json list = Json::array();
  for (const auto& [key, event] : map.items()) {
    Json entry = event;
    entry[name] = is_enum ? EnumName(key) : key;
    list.push_back(std::move(entry));
  }
  return list;
}

StatusOr<Value> ServedAtTime(const FieldCall& call) {
  ApiRequest request;
  request.params = {Member(call, "name")};
  request.query = Concat("at=", TextArgument(call, "time"));
  VIGIL_ASSIGN_OR_RETURN(const Reply reply, GetServedAt(call.Context<Context>().operations, request));
  VIGIL_ASSIGN_OR_RETURN(const Json served, ParseJson(reply.body, "what served"));
  return Value(Json{{"time", served["at"]},
                    {"roles", Served(served["roles"], "role", true)},
                    {"labels", Served(served["labels"], "label", false)},
                    {"traffic", served["traffic"]}});
}

StatusOr<Value> Status_(const FieldCall& call) {
  VIGIL_ASSIGN_OR_RETURN(const ServerStatus status, call.Context<Context>().operations.GetStatus());
  return Value(StatusShape(ToJson(status)));
}

constexpr char kNameMember[] = "name", kModelMember[] = "modelName", kVersionMember[] = "version", kChampionMember[] = "championVersion";

}  // namespace

std::string TextArgument(const FieldCall& call, const char* name) {
  const Json* const value = call.Argument(name);
  return value == nullptr ? std::string() : value->get<std::string>();
}

StatusOr<Value> ModelByName(Context& context, const std::string& name) {
  const StatusOr<ModelView> model = context.operations.GetModel(name);
  if (absl::IsNotFound(model.status())) return Value();
  if (!model.ok()) return model.status();
  return Value(ModelShape(ToJson(*model)));
}

StatusOr<Value> VersionByName(Context& context, const std::string& model, const std::string& version) {
  const StatusOr<VersionRecord> record = context.operations.GetVersion(model, version);
  if (absl::IsNotFound(record.status())) return Value();
  if (!record.ok()) return record.status();
  return Value(VersionShape(ToJson(*record)));
}

void AddModelResolvers(Resolvers* resolvers) {
  resolvers->Field("Query.models", Models)
      .Field("Query.model", [](const FieldCall& call) { return ModelByName(call.Context<Context>(), TextArgument(call, "name")); })
      .Field("Query.status", Status_)
      .Field("Model.champion", NamedVersion<kNameMember, kChampionMember>)
      .Field("Model.versions", Versions)
      .Field(
          "Model.version",
          [](const FieldCall& call) { return VersionByName(call.Context<Context>(), Member(call, "name"), TextArgument(call, "version")); })
      .Field("Model.labels", LabelsOf)
      .Field("Model.monitoring", Monitoring)
      .Field("Model.servedAt", ServedAtTime)
      .Field("RoleAssignment.assigned", NamedVersion<kModelMember, kVersionMember>)
      .Field("LabelAssignment.assigned", NamedVersion<kModelMember, kVersionMember>);
  for (const char* field : {"Version.model", "Alert.model", "Job.model", "Rollout.model", "TimelineEvent.model"}) {
    resolvers->Field(field, ModelOf);
  }
}

}  // namespace vigil::graphql
