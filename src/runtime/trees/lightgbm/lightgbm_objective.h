// The objective line of LightGBM's model text.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "runtime/trees/objective.h"

namespace vigil::trees {

// `line` is "binary sigmoid:1"; empty: a custom objective, whose prediction is its margin. `outputs`: margins a row, which the
// line's num_class must equal.
StatusOr<Objective> ReadLightgbmObjective(std::string_view line, int32_t outputs);

}  // namespace vigil::trees
