// XGBoost's gblinear.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/trees/document.h"
#include "runtime/trees/forest.h"

namespace vigil::trees {

// `model`: {"weights": [features + 1][outputs], the last row the bias, "boosted_rounds"}. A row's margin starts at bias + base margin and
// adds weight * value for each feature in order, in float32, leaving out what is missing: one linear leaf a feature and output, which is
// bit for bit what XGBoost computes. `base`: one margin an output; XGBoost 1.0 to 3.4 give every output the first.
StatusOr<Forest> ReadXgboostLinear(const DocumentCursor& model, std::string_view place, int32_t features, const std::vector<double>& base);

}  // namespace vigil::trees
