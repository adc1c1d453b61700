#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "stats/check_inputs.h"
#include "stats/metrics.h"

namespace vigil::stats {
namespace {

using internal::Ratio;
using internal::WeightAt;

Status CheckRegression(Values targets, Values predictions, Values weights) {
  VIGIL_RETURN_IF_ERROR(internal::CheckSizes(targets.size(), predictions.size(), "predictions"));
  VIGIL_RETURN_IF_ERROR(internal::CheckFinite(targets, "target"));
  VIGIL_RETURN_IF_ERROR(internal::CheckFinite(predictions, "prediction"));
  return internal::CheckWeights(targets.size(), weights);
}

// The mean of the lower and upper weighted medians: the value where the cumulated weight reaches a half, and where it exactly does, the
// mean of it and the next of positive weight.
double WeightedMedian(std::vector<std::pair<double, double>> values) {  // (value, weight)
  std::erase_if(values, [](const auto& v) { return !(v.second > 0); });
  if (values.empty()) return kUndefined;
  std::sort(values.begin(), values.end());
  double total = 0;
  for (const auto& v : values) total += v.second;
  double below = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    below += values[i].second;
    const double rest = below - total / 2;
    if (std::abs(rest) <= 1e-15 * total && i + 1 < values.size()) return (values[i].first + values[i + 1].first) / 2;
    if (rest > 0) return values[i].first;
  }
  return values.back().first;
}

// 1 - residual / variation, with scikit-learn's convention for a constant target.
double Explained(double residual, double variation) {
  if (variation > 0) return 1 - residual / variation;
  return residual == 0 ? 1 : 0;
}

}  // namespace

StatusOr<RegressionMetrics> ComputeRegressionMetrics(Values targets, Values predictions, Values weights) {
  VIGIL_RETURN_IF_ERROR(CheckRegression(targets, predictions, weights));
  RegressionMetrics m;
  m.n = static_cast<int64_t>(targets.size());
  double total = 0, mean_target = 0, mean_error = 0;
  for (size_t i = 0; i < targets.size(); ++i) {
    const double w = WeightAt(weights, i);
    total += w;
    mean_target += w * targets[i];
    mean_error += w * (predictions[i] - targets[i]);
  }
  if (!(total > 0)) return m;
  mean_target /= total;
  mean_error /= total;
  double absolute = 0, squared = 0, relative = 0, variation = 0, error_variation = 0, log_squared = 0;
  bool logarithmic = true;
  std::vector<std::pair<double, double>> errors;
  errors.reserve(targets.size());
  m.max_error = 0;
  for (size_t i = 0; i < targets.size(); ++i) {
    const double w = WeightAt(weights, i), error = predictions[i] - targets[i];
    absolute += w * std::abs(error);
    squared += w * error * error;
    relative += w * std::abs(error) / std::max(std::abs(targets[i]), std::numeric_limits<double>::epsilon());
    variation += w * (targets[i] - mean_target) * (targets[i] - mean_target);
    error_variation += w * (error - mean_error) * (error - mean_error);
    m.max_error = std::max(m.max_error, std::abs(error));
    errors.emplace_back(std::abs(error), w);
    logarithmic = logarithmic && targets[i] > -1 && predictions[i] > -1;
    if (logarithmic) {
      const double d = std::log1p(predictions[i]) - std::log1p(targets[i]);
      log_squared += w * d * d;
    }
  }
  m.mae = absolute / total;
  m.mse = squared / total;
  m.rmse = std::sqrt(m.mse);
  m.mape = relative / total;
  m.mean_error = mean_error;
  m.median_absolute_error = WeightedMedian(std::move(errors));
  if (m.n >= 2) {
    m.r2 = Explained(squared, variation);
    m.explained_variance = Explained(error_variation, variation);
  }
  if (logarithmic) {
    m.msle = log_squared / total;
    m.rmsle = std::sqrt(m.msle);
  }
  return m;
}

StatusOr<double> PinballLoss(Values targets, Values predictions, double alpha, Values weights) {
  VIGIL_RETURN_IF_ERROR(CheckRegression(targets, predictions, weights));
  if (!(alpha >= 0 && alpha <= 1))
    return absl::InvalidArgumentError(absl::StrCat("pinball loss with alpha ", alpha, "; it lies in [0, 1]"));
  double loss = 0, total = 0;
  for (size_t i = 0; i < targets.size(); ++i) {
    const double w = WeightAt(weights, i), difference = targets[i] - predictions[i];
    loss += w * std::max(alpha * difference, (alpha - 1) * difference);
    total += w;
  }
  return Ratio(loss, total, kUndefined);
}

}  // namespace vigil::stats
