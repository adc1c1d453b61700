#include "base/json.h"

#include "absl/strings/str_cat.h"

namespace vigil {

StatusOr<Json> ParseJson(std::string_view text, std::string_view what) {
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(what), ": ", error.what()));
  }
}

std::string DumpJson(const Json& value, int indent) { return value.dump(indent, ' ', false, Json::error_handler_t::replace); }

}  // namespace vigil
