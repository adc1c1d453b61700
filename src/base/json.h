// JSON for control paths (configuration, catalog values, jobs, alerts). The request path has its own parser in frontends/rest.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/status.h"

namespace vigil {

// Keeps the order of keys.
using Json = nlohmann::ordered_json;

// `what` names the document in the error ("result.json", "catalog value model/fraud"); the message gives the byte offset.
StatusOr<Json> ParseJson(std::string_view text, std::string_view what);

// Compact text; bytes that are not UTF-8 are replaced, never thrown upon.
std::string DumpJson(const Json& value, int indent = -1);

}  // namespace vigil
