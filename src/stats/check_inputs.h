// Shared argument checks of this module's metrics. Internal to stats.
#pragma once

#include <cmath>

#include "absl/strings/str_cat.h"
#include "stats/metrics.h"

namespace vigil::stats::internal {

inline Status CheckSizes(size_t rows, size_t other, const char* what) {
  if (rows == other) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(rows, " labels but ", other, " ", what));
}

inline Status CheckFinite(Values values, const char* what) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) return absl::InvalidArgumentError(absl::StrCat(what, " ", i, " is not a number"));
  }
  return absl::OkStatus();
}

inline Status CheckWeights(size_t rows, Values weights) {
  if (weights.empty()) return absl::OkStatus();
  VIGIL_RETURN_IF_ERROR(CheckSizes(rows, weights.size(), "weights"));
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] >= 0) || std::isinf(weights[i])) {
      return absl::InvalidArgumentError(absl::StrCat("weight ", i, " is ", weights[i], "; weights are finite and not negative"));
    }
  }
  return absl::OkStatus();
}

inline double WeightAt(Values weights, size_t i) { return weights.empty() ? 1.0 : weights[i]; }
// numerator / denominator, or `otherwise` where the denominator is 0.
inline double Ratio(double numerator, double denominator, double otherwise) {
  return denominator == 0 ? otherwise : numerator / denominator;
}

}  // namespace vigil::stats::internal
