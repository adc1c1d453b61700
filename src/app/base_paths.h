// Models that TensorFlow Serving's own configuration lists (a models.config file, or a request to reload one): each a base path with a
// folder a version.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "base/status.h"
#include "service/operations.h"

namespace vigil {

inline constexpr size_t kBasePathsMax = 10'000;

// A ModelServerConfig in protocol buffers' text form. INVALID_ARGUMENT names `file`, the line and the nearest known name; UNIMPLEMENTED a
// custom configuration.
StatusOr<std::vector<BasePathModel>> ParseModelServerConfig(std::string_view text, const std::string& file);
// The same of a file; NOT_FOUND when it cannot be read.
StatusOr<std::vector<BasePathModel>> ReadModelServerConfig(const std::string& file);

// What no configuration may say: no name or one twice, a base path that is not absolute, a version policy that is none; and, against
// `before`, another platform of a model that is served. INVALID_ARGUMENT.
Status CheckBasePaths(const std::vector<BasePathModel>& models, const std::vector<BasePathModel>& before);

// As an entry of our own configuration, every other setting at its default.
ModelConfig ModelOfBasePath(const BasePathModel& model);

}  // namespace vigil
