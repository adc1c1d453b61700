// vigil.yaml as a document checked against its published schema (api/vigil.schema.json), with the line of every key, so that an error
// names file, line and the nearest right key. The schema is the only list of settings: defaults, environment names and limits are read
// from it.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "base/yaml.h"

namespace vigil {

// The published schema.
const Json& SettingsSchema();

// Unknown keys, wrong types, values out of range: INVALID_ARGUMENT "vigil.yaml:7: unknown key "htpp_port" in server (did you mean ...)".
Status CheckSettings(const YamlDocument& document, const std::string& file);

// Where a value came from: "default", "file", "environment VIGIL_HTTP_PORT", "flag --http-port".
struct EffectiveSettings {
  Json value;
  std::map<std::string, std::string> origins;  // of scalars, by pointer
};

// flag > environment > file > default. `flags` are pointer → text; a text that is not of the setting's type is INVALID_ARGUMENT.
StatusOr<EffectiveSettings> MergeSettings(const YamlDocument& document, const std::map<std::string, std::string>& environment,
                                          const std::vector<std::pair<std::string, std::string>>& flags);

}  // namespace vigil
