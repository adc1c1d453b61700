#include "rollout/harm.h"

#include <algorithm>
#include <cmath>

namespace vigil {
namespace {

struct Look {
  double difference = 0, half_width = 0, p_value = 1;
  bool known = false;
};

double SampleVariance(int64_t n, double sum, double sum_squares) {
  const double count = static_cast<double>(n);
  return std::max(0.0, (sum_squares - sum * sum / count) / (count - 1));
}

Look LookAt(double difference, double variance, double n, double alpha, int64_t n_star) {
  Look look;
  if (!(variance > 0) || !std::isfinite(difference) || !std::isfinite(variance)) return look;
  const double l = -2 * std::log(alpha);
  const double tau2 = (l + std::log(l + 1)) / static_cast<double>(n_star) * n * variance;
  const double total = variance + tau2;
  look.half_width = std::sqrt(variance * total / tau2 * (l + std::log(total / variance)));
  const double log_ratio = 0.5 * std::log(variance / total) + tau2 * difference * difference / (2 * variance * total);
  look.p_value = std::min(1.0, std::exp(-log_ratio));
  look.difference = difference;
  look.known = true;
  return look;
}

}  // namespace

int64_t Observations(const RolloutStep& step, const RolloutEvidence& evidence) {
  return step.share == 0 ? evidence.paired_n : std::min(evidence.control.entities, evidence.treatment.entities);
}

void ObserveHarm(const RolloutStep& step, const RolloutEvidence& evidence, int looks, Rollout* rollout) {
  if (Observations(step, evidence) < std::max<int64_t>(2, rollout->options.burn_in_min)) return;
  const double alpha = rollout->options.alpha / looks;
  Look look;
  if (step.share == 0) {
    const double n = static_cast<double>(evidence.paired_n);
    look = LookAt(evidence.paired_sum / n, SampleVariance(evidence.paired_n, evidence.paired_sum, evidence.paired_sum_squares) / n, n,
                  alpha, rollout->options.n_star);
  } else {
    const ArmEvidence& c = evidence.control;
    const ArmEvidence& t = evidence.treatment;
    const double nc = static_cast<double>(c.entities), nt = static_cast<double>(t.entities);
    look = LookAt(t.sum / nt - c.sum / nc,
                  SampleVariance(c.entities, c.sum, c.sum_squares) / nc + SampleVariance(t.entities, t.sum, t.sum_squares) / nt, nc + nt,
                  alpha, rollout->options.n_star);
  }
  if (!look.known) return;
  rollout->difference = look.difference;
  rollout->p_value = std::min(rollout->p_value, look.p_value);
  const double low = look.difference - look.half_width, high = look.difference + look.half_width;
  rollout->low = rollout->low_high_known ? std::max(rollout->low, low) : low;
  rollout->high = rollout->low_high_known ? std::min(rollout->high, high) : high;
  rollout->low_high_known = true;
}

double SampleRatioP(const RolloutStep& step, const RolloutEvidence& evidence) {
  const double n[2] = {static_cast<double>(evidence.control.assigned), static_cast<double>(evidence.treatment.assigned)};
  if (step.share == 0 || n[0] + n[1] <= 0) return 1;
  const double theta[2] = {1 - step.share, step.share};
  constexpr double kStrength = 100;
  double log_factor = 0;
  for (int i = 0; i < 2; ++i)
    log_factor += std::lgamma(kStrength * theta[i] + n[i]) - std::lgamma(kStrength * theta[i]) - n[i] * std::log(theta[i]);
  log_factor -= std::lgamma(kStrength + n[0] + n[1]) - std::lgamma(kStrength);
  return std::min(1.0, std::exp(-log_factor));
}

}  // namespace vigil
