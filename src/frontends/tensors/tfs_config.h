// A ReloadConfigRequest of TensorFlow Serving (api/proto/tensorflow_serving/model_service.proto) → the models that it lists.
#pragma once

#include <string_view>
#include <vector>

#include "base/status.h"
#include "service/operations.h"

namespace vigil {

inline constexpr size_t kReloadedModelsMax = 10'000;

// INVALID_ARGUMENT unless its configuration is a list of models; what the list says is checked by who serves it.
StatusOr<std::vector<BasePathModel>> ReadReloadConfig(std::string_view message);

}  // namespace vigil
