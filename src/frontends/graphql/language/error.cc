#include "frontends/graphql/language/error.h"

namespace vigil::graphql {

Json ToJson(const Error& error) {
  Json json = {{"message", error.message}};
  if (!error.locations.empty()) {
    Json& locations = json["locations"] = Json::array();
    for (const Location& place : error.locations) locations.push_back({{"line", place.line}, {"column", place.column}});
  }
  if (!error.path.is_null()) json["path"] = error.path;
  if (!error.extensions.is_null()) json["extensions"] = error.extensions;
  return json;
}

}  // namespace vigil::graphql
