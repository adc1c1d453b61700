#include "frontends/graphql/shapes.h"

#include <optional>
#include <utility>

#include "base/text.h"
#include "frontends/graphql/ids.h"
#include "frontends/rest/series.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

std::string TextOf(const Json& object, const char* name) { return object.value(name, ""); }

void SetEnum(Json* object, const char* name) { (*object)[name] = EnumName(TextOf(*object, name)); }

// {"a":1} → [{"name":"a","value":1}].
Json Pairs(const Json& map) {
  Json list = Json::array();
  for (const auto& [name, value] : map.items()) list.push_back({{"name", name}, {"value", value}});
  return list;
}

// What belongs to a model: its name beside the fields that REST calls otherwise, and a global id by `key`.
Json OfModel(std::string_view type, const Json& object, const char* id_name) {
  Json out = CamelMembers(object);
  const std::string key = TextOf(object, "id");
  const std::string model = TextOf(object, "model");
  out["id"] = MakeId(type, {key});
  out[id_name] = key;
  out["modelName"] = model;
  out.erase("model");
  return out;
}

Json ListOf(const Json& list) {
  Json out = Json::array();
  for (const Json& item : list) out.push_back(CamelMembers(item));
  return out;
}

Json SignatureShape(const Json& signature) {
  if (signature.is_null()) return nullptr;
  Json out = CamelMembers(signature);
  SetEnum(&out, "task");
  Json columns = Json::array();
  for (size_t i = 0; i < signature["columns"].size(); ++i) {
    columns.push_back({{"name", signature["columns"][i]}, {"datatype", signature["column_types"][i]}});
  }
  out["columns"] = std::move(columns);
  return out;
}

}  // namespace

std::string Camel(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '_' && i + 1 < name.size() && IsLower(name[i + 1])) {
      out.push_back(static_cast<char>(name[++i] - 32));
    } else {
      out.push_back(name[i]);
    }
  }
  return out;
}

std::string Snake(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (IsUpper(c)) out.push_back('_');
    out.push_back(LowerAscii(c));
  }
  return out;
}

std::string EnumName(std::string_view word) {
  std::string out;
  for (const char c : word) out.push_back(IsLower(c) ? static_cast<char>(c - 32) : c);
  return out;
}

std::string EnumWord(std::string_view name) {
  std::string out;
  for (const char c : name) out.push_back(LowerAscii(c));
  return out;
}

Json CamelMembers(const Json& object) {
  Json out = Json::object();
  for (const auto& [name, value] : object.items()) out[Camel(name)] = value;
  return out;
}

Json RoleShape(std::string_view model, std::string_view role, const Json& assignment) {
  Json out = CamelMembers(assignment);
  out["role"] = EnumName(role);
  out["modelName"] = model;
  return out;
}

Json LabelShape(std::string_view model, std::string_view label, const Json& assignment) {
  Json out = CamelMembers(assignment);
  out["label"] = label;
  out["modelName"] = model;
  return out;
}

Json ModelShape(const Json& model) {
  const std::string name = TextOf(model, "name");
  Json out = CamelMembers(model);
  out["id"] = MakeId("Model", {name});
  out["championVersion"] = nullptr;
  Json roles = Json::array();
  for (const auto& [role, assignment] : model["roles"].items()) {
    roles.push_back(RoleShape(name, role, assignment));
    if (role == RoleName(Role::kChampion)) out["championVersion"] = assignment["version"];
  }
  out["roles"] = std::move(roles);
  Json labels = Json::array();
  for (const auto& [label, version] : model["labels"].items()) labels.push_back(LabelShape(name, label, {{"version", version}}));
  out["labels"] = std::move(labels);
  out["signature"] = SignatureShape(model["signature"]);
  out.erase("versions");  // a connection, which a resolver makes
  return out;
}

Json VersionShape(const Json& version) {
  Json out = CamelMembers(version);
  const std::string model = TextOf(version, "model");
  out["id"] = MakeId("Version", {model, TextOf(version, "version")});
  out["modelName"] = model;
  out.erase("model");
  SetEnum(&out, "state");
  out["metrics"] = Pairs(version["metrics"]);
  const bool known = version["training_rows"] != 0 || !version["training_to"].is_null() || !TextOf(version, "dataset_digest").empty();
  out["dataset"] = !known ? Json(nullptr)
                          : Json{{"from", version["training_from"]},
                                 {"to", version["training_to"]},
                                 {"asOf", version["as_of"]},
                                 {"rows", version["training_rows"]},
                                 {"digest", version["dataset_digest"]}};
  if (version.contains("engine")) out["engine"] = CamelMembers(version["engine"]);
  return out;
}

Json AlertShape(const Json& alert) {
  Json out = OfModel("Alert", alert, "alertId");
  SetEnum(&out, "state");
  SetEnum(&out, "severity");
  out["labels"] = Pairs(alert["labels"]);
  out["annotations"] = Pairs(alert["annotations"]);
  return out;
}

Json JobShape(const Json& job) {
  Json out = OfModel("Job", job, "jobId");
  SetEnum(&out, "state");
  return out;
}

Json RolloutShape(const Json& rollout) {
  Json out = OfModel("Rollout", rollout, "rolloutId");
  out["id"] = MakeId("Rollout", {TextOf(rollout, "model"), TextOf(rollout, "id")});
  SetEnum(&out, "state");
  SetEnum(&out, "guardrail");
  out["steps"] = ListOf(rollout["steps"]);
  if (!rollout["evidence"].is_null()) out["evidence"] = CamelMembers(rollout["evidence"]);
  return out;
}

Json EventShape(const Json& event) {
  Json out = event;
  out["id"] = MakeId("TimelineEvent", {event["sequence"].dump()});
  out["modelName"] = event["model"];
  out.erase("model");
  return out;
}

Json StatusShape(const Json& status) {
  Json out = CamelMembers(status);
  for (const char* part : {"log", "predictions", "net"}) out[part] = CamelMembers(status[part]);
  return out;
}

Json PredictShape(const Json& answer) {
  Json out = CamelMembers(answer);
  if (!out.contains("errors")) out["errors"] = Json::array();
  if (!out.contains("errorCount")) out["errorCount"] = 0;
  return out;
}

Json SeriesList(const std::vector<Finding>& findings) {
  const auto optional = [](const std::optional<double>& value) { return value.has_value() ? NumberJson(*value) : Json(nullptr); };
  Json list = Json::array();
  Json points = Json::array();
  const Finding* of = nullptr;
  const auto close = [&] {
    if (of == nullptr) return;
    list.push_back({{"version", of->version},
                    {"metric", of->metric},
                    {"column", of->column},
                    {"segment", of->segment},
                    {"points", std::exchange(points, Json::array())}});
  };
  for (const Finding& finding : findings) {
    if (of == nullptr || !SameSeries(*of, finding)) {
      close();
      of = &finding;
    }
    points.push_back({{"start", FormatTime(finding.window_start)},
                      {"end", FormatTime(finding.window_end)},
                      {"value", NumberJson(finding.value)},
                      {"n", finding.n},
                      {"pValue", optional(finding.p_value)},
                      {"baseline", optional(finding.baseline)},
                      {"maturity", NumberJson(finding.maturity)},
                      {"significant", finding.significant}});
  }
  close();
  return list;
}

}  // namespace vigil::graphql
