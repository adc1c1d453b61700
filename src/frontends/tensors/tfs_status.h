// What TensorFlow Serving's two APIs tell of a model's versions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "service/operations.h"

namespace vigil {

// Of tensorflow.serving.ModelVersionStatus. START and LOADING are never seen: a version is registered when its artefact is there, and
// loading is over when it is published.
enum class TfsState : uint8_t { kAvailable = 30, kEnd = 50 };
std::string_view TfsStateName(TfsState state);
struct TfsVersion {
  std::string version;
  TfsState state = TfsState::kEnd;  // AVAILABLE: requests are answered by it, if need be after loading it
};

// The version asked for by its name or by a label, else all versions, the newest first. NOT_FOUND and INVALID_ARGUMENT in TensorFlow
// Serving's words.
StatusOr<std::vector<TfsVersion>> TfsVersions(Operations& operations, const std::string& model, const std::optional<std::string>& version,
                                              const std::optional<std::string>& label);

}  // namespace vigil
