// What a model's margins mean: the transform from margin to prediction, and XGBoost's objectives, each with the link that turns the
// file's base_score into a margin. Source: XGBoost 3.2 src/objective/*.cc (PredTransform, ProbToMargin), checked against the library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/types/span.h"
#include "base/status.h"
#include "domain/schema.h"

namespace vigil::trees {

enum class Transform : uint8_t {
  kIdentity,
  kSigmoid,  // of slope * margin
  kExp,
  kHinge,
  kSoftmax,
  kArgmax,
  kSignedSquare,   // margin * |margin|: LightGBM's reg_sqrt
  kLog1pExp,       // log(1 + exp(margin)): LightGBM's cross_entropy_lambda
  kSorted,         // a row's outputs in rising order: XGBoost's reg:quantileerror from 3.4 on
  kSoftplusSteps,  // the first margin, then each output one 1e-6 + log(1 + exp(margin)) above the last: XGBoost's reg:expectileerror
  kMeanVariance,   // of two margins: the first, and exp(2 * the second): CatBoost's RMSEWithUncertainty
};
enum class Link : uint8_t { kIdentity, kLogit, kLog, kSoftplusSteps };

struct Objective {
  std::string_view name;
  Transform transform = Transform::kIdentity;
  Link link = Link::kIdentity;
  Task task = Task::kOther;
  double slope = 1;  // of kSigmoid
};

// INVALID_ARGUMENT naming the nearest known objective when there is none of this name.
StatusOr<Objective> FindObjective(std::string_view name);

// Base scores, one an output, in the units of the prediction, become margins, in place. INVALID_ARGUMENT when one is not finite (a
// probability of 1, a rate of 0).
Status BaseMargins(Link link, absl::Span<float> scores);

// Numbers a row of the prediction.
inline size_t PredictionWidth(Transform transform, size_t outputs) { return transform == Transform::kArgmax ? 1 : outputs; }

// margins: [rows][outputs]; predictions: [rows][PredictionWidth]. They may be the same memory. In the type of the forest's sums.
void ApplyTransform(const Objective& objective, const float* margins, size_t rows, size_t outputs, float* predictions);
void ApplyTransform(const Objective& objective, const double* margins, size_t rows, size_t outputs, double* predictions);

}  // namespace vigil::trees
