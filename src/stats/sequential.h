// Statistics that may be looked at as often as one likes: mixture sequential probability ratio tests, confidence sequences, and a
// sequential check of the split between arms. Sums in, values out. Pure functions.
//
// The unit of analysis is the entity, not the request. Exact for known variance and a fixed mixing variance; with an estimated variance
// they hold for large samples, so callers wait for a burn-in (rollout's options).
#pragma once

#include <cstdint>
#include <limits>

#include "absl/types/span.h"
#include "base/status.h"

namespace vigil::stats {

// One arm's entities.
struct ArmSums {
  double sum = 0;
  double sum_squares = 0;
  int64_t n = 0;
  void Add(double value) {
    sum += value;
    sum_squares += value * value;
    ++n;
  }
  double mean() const { return sum / static_cast<double>(n); }
};

// (-2 ln alpha + ln(1 - 2 ln alpha)) / n_star: the mixing ratio whose interval is narrowest near n_star entities (Waudby-Smith et al.).
double MixingRatioForSampleSize(double n_star, double alpha);

struct MixtureOptions {
  double alpha = 0.05;
  // tau^2 = rho2 * N * V, N the entities of both arms. Ignored when `tau2` is above 0.
  double rho2 = 0;
  double tau2 = 0;
};

struct SequentialDifference {
  double difference = 0;  // mean(treatment) - mean(control)
  double variance = 0;    // s2_c / n_c + s2_t / n_t, s2 with n - 1
  double tau2 = 0;
  double log_likelihood_ratio = 0;
  double p_value = 1;  // always valid: min(1, 1 / likelihood ratio)
  double half_width = std::numeric_limits<double>::infinity();
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  double fixed_z = 0, fixed_p = 1;  // of a single look; for display beside the sequential value only
};
// Johari, Pekelis and Walsh 2015: ln Lambda = 1/2 ln(V / (V + tau2)) + tau2 d^2 / (2 V (V + tau2)),
// half width = sqrt(V (V + tau2) / tau2 (2 ln(1 / alpha) + ln((V + tau2) / V))).
// Fewer than two entities in an arm, or no variance at all: nothing is known yet, p = 1 and the interval is the whole line.
// INVALID_ARGUMENT: alpha outside (0, 1), neither rho2 nor tau2 above 0.
StatusOr<SequentialDifference> CompareMeans(const ArmSums& control, const ArmSums& treatment, const MixtureOptions& options);

// What has been learned over all looks so far: the smallest p, and the intersection of the intervals. Where the intersection is empty
// (the model is broken, or chance alpha struck) it collapses to the last bound that was crossed.
class RunningSequence {
 public:
  void Look(const SequentialDifference& look);
  double p_value() const { return p_value_; }
  double low() const { return low_; }
  double high() const { return high_; }
  int64_t looks() const { return looks_; }

 private:
  double p_value_ = 1;
  double low_ = -std::numeric_limits<double>::infinity(), high_ = std::numeric_limits<double>::infinity();
  int64_t looks_ = 0;
};

struct SampleRatio {
  double log_bayes_factor = 0;
  double p_value = 1;                       // always valid: min(1, 1 / Bayes factor)
  double chi_square = 0, chi_square_p = 1;  // of a single look
};
// Sample-ratio mismatch: multinomial counts against the shares that were asked for, Dirichlet prior k theta (Lindon and Malek 2020):
// ln BF = lnB(k theta + n) - lnB(k theta) - sum n_i ln theta_i. INVALID_ARGUMENT: sizes that differ, shares not above 0 or not summing
// to 1 (to 1e-6), negative counts.
StatusOr<SampleRatio> TestSampleRatio(absl::Span<const int64_t> counts, absl::Span<const double> shares, double k = 100);

}  // namespace vigil::stats
