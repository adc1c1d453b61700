#include "base/json.h"

#include "absl/strings/str_cat.h"

namespace vigil {

namespace {

// Copying, comparing and writing a value recurse as deep as it is nested; parsing does not, so the limit stands before it.
constexpr int kDepthMax = 128;

// Where `text` is nested deeper than that; npos where it nowhere is. Brackets inside texts do not count.
size_t FindTooDeep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDepthMax) return i;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return std::string_view::npos;
}

}  // namespace

StatusOr<Json> ParseJson(std::string_view text, std::string_view what) {
  if (const size_t deep = FindTooDeep(text); deep != std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(what), ": byte ", deep, ": nested deeper than ", kDepthMax, " lists and objects"));
  }
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(what), ": ", error.what()));
  }
}

std::string DumpJson(const Json& value, int indent) { return value.dump(indent, ' ', false, Json::error_handler_t::replace); }

}  // namespace vigil
