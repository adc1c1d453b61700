#include "stats/sequential.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "stats/special.h"

namespace vigil::stats {
namespace {

double SampleVariance(const ArmSums& arm) {
  const auto n = static_cast<double>(arm.n);
  return std::max(0.0, arm.sum_squares - arm.sum * arm.sum / n) / (n - 1);
}

}  // namespace

double MixingRatioForSampleSize(double n_star, double alpha) {
  const double l = -2 * std::log(alpha);
  return (l + std::log(l + 1)) / n_star;
}

StatusOr<SequentialDifference> CompareMeans(const ArmSums& control, const ArmSums& treatment, const MixtureOptions& options) {
  if (!(options.alpha > 0 && options.alpha < 1))
    return absl::InvalidArgumentError(absl::StrCat("alpha is ", options.alpha, "; it lies in (0, 1)"));
  if (!(options.tau2 > 0) && !(options.rho2 > 0)) return absl::InvalidArgumentError("a mixture needs rho2 or tau2 above 0");
  SequentialDifference r;
  if (control.n < 2 || treatment.n < 2) return r;
  r.difference = treatment.mean() - control.mean();
  r.variance = SampleVariance(control) / static_cast<double>(control.n) + SampleVariance(treatment) / static_cast<double>(treatment.n);
  if (!(r.variance > 0)) return r;
  const double v = r.variance, d = r.difference;
  r.tau2 = options.tau2 > 0 ? options.tau2 : options.rho2 * static_cast<double>(control.n + treatment.n) * v;
  r.log_likelihood_ratio = 0.5 * std::log(v / (v + r.tau2)) + r.tau2 * d * d / (2 * v * (v + r.tau2));
  r.p_value = std::min(1.0, std::exp(-r.log_likelihood_ratio));
  r.half_width = std::sqrt(v * (v + r.tau2) / r.tau2 * (2 * std::log(1 / options.alpha) + std::log((v + r.tau2) / v)));
  r.low = d - r.half_width;
  r.high = d + r.half_width;
  r.fixed_z = d / std::sqrt(v);
  r.fixed_p = 2 * NormalSf(std::abs(r.fixed_z));
  return r;
}

void RunningSequence::Look(const SequentialDifference& look) {
  ++looks_;
  p_value_ = std::min(p_value_, look.p_value);
  if (look.low > high_) {
    low_ = high_;
  } else if (look.high < low_) {
    high_ = low_;
  } else {
    low_ = std::max(low_, look.low);
    high_ = std::min(high_, look.high);
  }
}

StatusOr<SampleRatio> TestSampleRatio(absl::Span<const int64_t> counts, absl::Span<const double> shares, double k) {
  if (counts.size() != shares.size() || counts.size() < 2) {
    return absl::InvalidArgumentError(absl::StrCat("a sample ratio of ", counts.size(), " counts and ", shares.size(), " shares"));
  }
  if (!(k > 0)) return absl::InvalidArgumentError(absl::StrCat("the prior's weight is ", k, "; it is above 0"));
  double share_sum = 0, total = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (!(shares[i] > 0) || counts[i] < 0) {
      return absl::InvalidArgumentError(absl::StrCat("arm ", i, " has share ", shares[i], " and count ", counts[i]));
    }
    share_sum += shares[i];
    total += static_cast<double>(counts[i]);
  }
  if (std::abs(share_sum - 1) > 1e-6) return absl::InvalidArgumentError(absl::StrCat("shares sum to ", share_sum, ", not 1"));
  SampleRatio r;
  // lnB(x) = sum lnGamma(x_i) - lnGamma(sum x_i)
  r.log_bayes_factor = LogGamma(k * share_sum) - LogGamma(k * share_sum + total);
  for (size_t i = 0; i < counts.size(); ++i) {
    const auto n = static_cast<double>(counts[i]);
    r.log_bayes_factor += LogGamma(k * shares[i] + n) - LogGamma(k * shares[i]) - n * std::log(shares[i]);
    const double expected = total * shares[i];
    if (expected > 0) r.chi_square += (n - expected) * (n - expected) / expected;
  }
  r.p_value = std::min(1.0, std::exp(-r.log_bayes_factor));
  r.chi_square_p = ChiSquareSf(r.chi_square, static_cast<double>(counts.size() - 1));
  return r;
}

}  // namespace vigil::stats
