// ONNX's post_transform (ai.onnx.ml, TreeEnsembleClassifier): what makes scores of sums.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "runtime/onnx/tree_ensemble.h"

namespace vigil::onnx {

inline float Logistic(float x) {
  const float at_magnitude = 1.0f / (1.0f + std::exp(-std::abs(x)));
  return x < 0 ? 1.0f - at_magnitude : at_magnitude;
}

// The quantile of the standard normal distribution, by Winitzki's closed form of the inverse error function (a = 0.147), which is ONNX
// Runtime's: three correct digits or so.
inline float Probit(float p) {
  constexpr float kA = 0.147f, kPi = 3.14159265f, kSqrt2 = 1.41421356f;
  const float x = 2 * p - 1, sign = x < 0 ? -1.0f : 1.0f;
  const float log = std::log((1 - x) * (1 + x));
  const float half = 2 / (kPi * kA) + 0.5f * log;
  return kSqrt2 * sign * std::sqrt(-half + std::sqrt(half * half - log / kA));
}

template <typename T>
void ApplyPostTransform(PostTransform transform, T* scores, size_t n) {
  switch (transform) {
    case PostTransform::kNone: return;
    case PostTransform::kLogistic:
      for (size_t k = 0; k < n; ++k) scores[k] = static_cast<T>(Logistic(static_cast<float>(scores[k])));
      return;
    case PostTransform::kProbit:
      for (size_t k = 0; k < n; ++k) scores[k] = static_cast<T>(Probit(static_cast<float>(scores[k])));
      return;
    case PostTransform::kSoftmax:
    case PostTransform::kSoftmaxZero: break;
  }
  // SOFTMAX_ZERO keeps what is 0 at 0, and out of the sum.
  constexpr float kZero = 0.0000001f;
  const T most = *std::max_element(scores, scores + n);
  T sum = 0;
  for (size_t k = 0; k < n; ++k) {
    if (transform == PostTransform::kSoftmaxZero && std::abs(scores[k]) <= kZero) {
      scores[k] *= std::exp(-most);
    } else {
      scores[k] = std::exp(scores[k] - most);
      sum += scores[k];
    }
  }
  for (size_t k = 0; k < n; ++k) scores[k] /= sum;
}

}  // namespace vigil::onnx
