// YAML on control paths (vigil.yaml, an MLmodel file) as JSON values, within limits: size, depth, and the number of values once aliases are
// expanded, so that a bomb of aliases is refused before it is one.
#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "base/status.h"

namespace vigil {

// A document and where its keys stand. Paths are JSON pointers: "/server/http_port".
struct YamlDocument {
  Json value = Json::object();
  std::map<std::string, int> lines;
};

inline constexpr size_t kYamlBytesMax = 1 << 20;
inline constexpr size_t kYamlNodesMax = 100'000;  // after aliases are expanded

// INVALID_ARGUMENT names `file` and the line.
StatusOr<YamlDocument> ParseYaml(const std::string& text, const std::string& file);

}  // namespace vigil
