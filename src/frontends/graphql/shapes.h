// REST's JSON of domain values (frontends/rest/api_json.h) in the graph's shape: members in camel case, enums by their names, maps as
// lists, global ids. Members that no field reads are what resolvers of further fields go by.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "domain/finding.h"
#include "frontends/rest/api_json.h"

namespace vigil::graphql {

// "created_by" → "createdBy", and back; of an object its own members alone.
std::string Camel(std::string_view name);
std::string Snake(std::string_view name);
Json CamelMembers(const Json& object);
// "not_ready" → "NOT_READY", and back.
std::string EnumName(std::string_view word);
std::string EnumWord(std::string_view name);

// All take what ToJson gives.
Json ModelShape(const Json& model);      // Model: "name", "championVersion"
Json VersionShape(const Json& version);  // Version: "modelName"
Json RoleShape(std::string_view model, std::string_view role, const Json& assignment);
Json LabelShape(std::string_view model, std::string_view label, const Json& assignment);
Json AlertShape(const Json& alert);
Json JobShape(const Json& job);
Json RolloutShape(const Json& rollout);
Json EventShape(const Json& event);
Json StatusShape(const Json& status);
Json PredictShape(const Json& answer);  // of REST's predict route

// Findings, in order of their series, as a list of Series.
Json SeriesList(const std::vector<Finding>& findings);

}  // namespace vigil::graphql
