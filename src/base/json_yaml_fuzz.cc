// Any bytes as a JSON and as a YAML document: refused naming the document (and YAML's line), or a value shallow enough to be copied, whose
// JSON is read back as itself.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/yaml.h"

using namespace vigil;

namespace {

int DepthOf(const Json& value) {
  int deepest = 0;
  if (value.is_structured()) {
    for (const Json& item : value) deepest = std::max(deepest, 1 + DepthOf(item));
  }
  return deepest;
}

void CheckValue(const Json& value, int depth_max) {
  if (DepthOf(value) > depth_max) std::abort();
  const std::string text = DumpJson(value);
  const auto again = ParseJson(text, "again");
  if (!again.ok() || DumpJson(*again) != text) std::abort();
}

bool AllFinite(const Json& value) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) return false;
  if (value.is_structured()) {
    for (const Json& item : value) {
      if (!AllFinite(item)) return false;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto json = ParseJson(text, "doc.json"); json.ok()) {
    CheckValue(*json, 128);
  } else if (json.status().message().find("doc.json: ") != 0) {
    std::abort();
  }
  if (const auto yaml = ParseYaml(text, "doc.yaml"); yaml.ok()) {
    CheckValue(yaml->value, 33);
    if (!AllFinite(yaml->value)) std::abort();
    for (const auto& [pointer, line] : yaml->lines) {
      if (line < 1 || line > static_cast<int>(size) + 1) std::abort();
    }
  } else if (yaml.status().message().find("doc.yaml:") != 0) {
    std::abort();
  }
  return 0;
}
