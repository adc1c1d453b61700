// Runs a Triton configuration's warm-ups on a model before it is served.
#pragma once

#include <string>

#include "runtime/model.h"
#include "runtime/repository/triton_config.h"

namespace vigil::repository {

inline constexpr int64_t kWarmUpBytesMax = int64_t{64} << 20;  // of one tensor

// `folder` is the model's; `file` its configuration, for messages. Returns the number of calls made. INVALID_ARGUMENT when a warm-up does
// not fit the model or its data file has another size.
StatusOr<int64_t> RunWarmUps(const TritonConfig& config, const std::string& folder, const std::string& file, const LoadedModel& model);

}  // namespace vigil::repository
