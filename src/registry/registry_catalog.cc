#include "registry/registry_catalog.h"

#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "domain/profile_json.h"

namespace vigil {
namespace {

// What is not of the wanted type is thrown with its key, which nlohmann's own message lacks.
template <typename T>
T As(const Json& value, std::string_view key) {
  if constexpr (std::is_same_v<T, int64_t>) {
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX)) {
      throw std::invalid_argument(absl::StrCat(std::string(key), ": no whole number of 64 bits"));
    }
  }
  try {
    return value.get<T>();
  } catch (const nlohmann::json::exception& error) {
    throw std::invalid_argument(absl::StrCat(std::string(key), ": ", error.what()));
  }
}

template <typename T>
void Read(const Json& object, const char* key, T* out) {
  if (const auto found = object.find(key); found != object.end()) *out = As<T>(*found, key);
}

// The same for what must be there.
template <typename T>
void ReadNeeded(const Json& object, const char* key, T* out) {
  *out = As<T>(object.at(key), key);
}

void ReadOptional(const Json& object, const char* key, std::optional<double>* out) {
  if (const auto found = object.find(key); found != object.end()) *out = As<double>(*found, key);
}

// JSON has no form for what is not finite: null, read back as NaN.
double Number(const Json& value, std::string_view key) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : As<double>(value, key);
}

// Parses `text` and hands it to `read`, which may throw what nlohmann throws.
template <typename T, typename ReadFn>
StatusOr<T> FromText(std::string_view text, std::string_view what, ReadFn read) {
  StatusOr<Json> parsed = ParseJson(text, what);
  if (!parsed.ok()) return absl::DataLossError(absl::StrCat("catalog: ", std::string(parsed.status().message())));
  try {
    T value;
    read(*parsed, value);
    return value;
  } catch (const std::exception& error) {
    return absl::DataLossError(absl::StrCat("catalog: ", std::string(what), ": ", error.what()));
  }
}

CleanPolicy ReadPolicy(const Json& rule, const char* key) {
  const auto found = rule.find(key);
  if (found == rule.end()) return CleanPolicy::kReject;
  const std::string name = As<std::string>(*found, key);
  for (CleanPolicy policy : {CleanPolicy::kReject, CleanPolicy::kImpute, CleanPolicy::kClamp, CleanPolicy::kFlag}) {
    if (CleanPolicyName(policy) == name) return policy;
  }
  throw std::invalid_argument(absl::StrCat(key, ": no policy is called ", name));
}

void WritePolicy(Json& rule, const char* key, CleanPolicy policy) {
  if (policy != CleanPolicy::kReject) rule[key] = std::string(CleanPolicyName(policy));
}

}  // namespace

std::string VersionToText(const StoredVersion& version) {
  const VersionFacts& facts = version.facts;
  Json json = {{"model", facts.model},
               {"version", facts.version},
               {"state", std::string(VersionStateName(version.state))},
               {"uri", facts.uri},
               {"digest", facts.digest},
               {"format", facts.format},
               {"created", facts.created},
               {"created_by", facts.created_by},
               {"parent", facts.parent},
               {"training_from", facts.training_from},
               {"training_to", facts.training_to},
               {"as_of", facts.as_of},
               {"training_rows", facts.training_rows},
               {"dataset_digest", facts.dataset_digest},
               {"trigger", facts.trigger}};
  Json metrics = Json::object();
  for (const auto& [name, value] : facts.metrics) metrics[name] = value;
  json["metrics"] = std::move(metrics);
  if (!facts.gate_report.empty()) json["gate_report"] = facts.gate_report;
  return DumpJson(json);
}

StatusOr<StoredVersion> VersionFromText(std::string_view text, std::string_view what) {
  return FromText<StoredVersion>(text, what, [](const Json& json, StoredVersion& version) {
    VersionFacts& facts = version.facts;
    ReadNeeded(json, "model", &facts.model);
    ReadNeeded(json, "version", &facts.version);
    const std::string state = As<std::string>(json.at("state"), "state");
    const std::optional<VersionState> parsed = ParseVersionState(state);
    if (!parsed) throw std::invalid_argument(absl::StrCat("state: no state is called ", state));
    version.state = *parsed;
    ReadNeeded(json, "uri", &facts.uri);
    ReadNeeded(json, "digest", &facts.digest);
    Read(json, "format", &facts.format);
    Read(json, "created", &facts.created);
    Read(json, "created_by", &facts.created_by);
    Read(json, "parent", &facts.parent);
    Read(json, "training_from", &facts.training_from);
    Read(json, "training_to", &facts.training_to);
    Read(json, "as_of", &facts.as_of);
    Read(json, "training_rows", &facts.training_rows);
    Read(json, "dataset_digest", &facts.dataset_digest);
    Read(json, "trigger", &facts.trigger);
    if (const auto metrics = json.find("metrics"); metrics != json.end()) {
      for (const auto& [name, value] : metrics->items()) facts.metrics[name] = Number(value, name);
    }
    Read(json, "gate_report", &facts.gate_report);
  });
}

std::string RoleToText(const StoredRole& role) {
  return DumpJson({{"version", role.assignment.version},
                   {"since", role.assignment.since},
                   {"by", role.assignment.by},
                   {"reason", role.assignment.reason},
                   {"previous", role.previous}});
}

StatusOr<StoredRole> RoleFromText(std::string_view text, std::string_view what) {
  return FromText<StoredRole>(text, what, [](const Json& json, StoredRole& role) {
    ReadNeeded(json, "version", &role.assignment.version);
    ReadNeeded(json, "since", &role.assignment.since);
    Read(json, "by", &role.assignment.by);
    Read(json, "reason", &role.assignment.reason);
    Read(json, "previous", &role.previous);
  });
}

std::string TombstoneToText(const std::vector<std::string>& versions, TimeUs at, const std::string& by, const std::string& reason) {
  return DumpJson({{"at", at}, {"by", by}, {"reason", reason}, {"versions", versions}});
}

StatusOr<std::vector<std::string>> TombstoneFromText(std::string_view text, std::string_view what) {
  return FromText<std::vector<std::string>>(
      text, what, [](const Json& json, std::vector<std::string>& versions) { json.at("versions").get_to(versions); });
}

std::string SchemaToText(const Schema& schema) {
  Json columns = Json::array();
  for (const ColumnRule& rule : schema.columns) {
    Json json = {{"name", rule.name}};
    if (!rule.nullable) json["nullable"] = false;
    if (rule.minimum) json["minimum"] = *rule.minimum;
    if (rule.maximum) json["maximum"] = *rule.maximum;
    if (!rule.categories.empty()) json["categories"] = rule.categories;
    if (!rule.texts.empty()) json["texts"] = rule.texts;
    if (rule.infinity_allowed) json["infinity_allowed"] = true;
    if (rule.sensitive) json["sensitive"] = true;
    WritePolicy(json, "on_missing", rule.on_missing);
    WritePolicy(json, "on_range", rule.on_range);
    WritePolicy(json, "on_category", rule.on_category);
    WritePolicy(json, "on_infinity", rule.on_infinity);
    if (rule.impute) json["impute"] = *rule.impute;
    if (!rule.impute_text.empty()) json["impute_text"] = rule.impute_text;
    columns.push_back(std::move(json));
  }
  return DumpJson({{"columns", std::move(columns)}});
}

StatusOr<Schema> SchemaFromText(std::string_view text, std::string_view what) {
  return FromText<Schema>(text, what, [](const Json& json, Schema& schema) {
    for (const Json& column : json.at("columns")) {
      ColumnRule rule;
      ReadNeeded(column, "name", &rule.name);
      Read(column, "nullable", &rule.nullable);
      ReadOptional(column, "minimum", &rule.minimum);
      ReadOptional(column, "maximum", &rule.maximum);
      Read(column, "categories", &rule.categories);
      Read(column, "texts", &rule.texts);
      Read(column, "infinity_allowed", &rule.infinity_allowed);
      Read(column, "sensitive", &rule.sensitive);
      rule.on_missing = ReadPolicy(column, "on_missing");
      rule.on_range = ReadPolicy(column, "on_range");
      rule.on_category = ReadPolicy(column, "on_category");
      rule.on_infinity = ReadPolicy(column, "on_infinity");
      ReadOptional(column, "impute", &rule.impute);
      Read(column, "impute_text", &rule.impute_text);
      schema.columns.push_back(std::move(rule));
    }
  });
}

std::string ReferenceToText(const ReferenceProfile& reference) { return ProfileToJson(reference, -1); }

StatusOr<ReferenceProfile> ReferenceFromText(std::string_view text, std::string_view what) {
  StatusOr<ReferenceProfile> reference = ProfileFromJson(text, what);
  if (!reference.ok()) return absl::DataLossError(absl::StrCat("catalog: ", std::string(reference.status().message())));
  return reference;
}

}  // namespace vigil
