// Distances between two binned samples. Inputs are counts of the same bins, in the same order: `reference` p and `current` q, as
// integers so that windows merge exactly. Pure functions.
//
// p_i = reference_i / n, q_i = current_i / m. Where one sample is empty every distance is undefined (NaN). Sizes must agree and counts
// must not be negative: a breach is a bug of the caller's and aborts.
#pragma once

#include <cstdint>

#include "absl/types/span.h"

namespace vigil::stats {

using Counts = absl::Span<const int64_t>;

// Below this a share is raised to it in PSI and KL (not renormalised), so that an empty bin costs much but not infinitely much.
inline constexpr double kShareFloor = 1e-4;

// sum (q - p) ln(q / p), shares floored. The population stability index (symmetrised Kullback-Leibler, Jeffreys 1946).
double Psi(Counts reference, Counts current, double floor = kShareFloor);
// The same with shares (count + 1/2) / (n + B/2): no floor, and no bias of second order without drift (significance.h relies on it).
double PsiHalfCount(Counts reference, Counts current);
// KL(a || b) = sum a ln(a / b), shares floored.
double KullbackLeibler(Counts a, Counts b, double floor = kShareFloor);
// sqrt of the Jensen-Shannon divergence on raw shares: base 2 gives [0, 1]; nats give [0, sqrt(ln 2)].
double JensenShannonDistance(Counts reference, Counts current);
double JensenShannonDistanceNats(Counts reference, Counts current);
// sqrt(1/2 sum (sqrt p - sqrt q)^2), in [0, 1].
double Hellinger(Counts reference, Counts current);
double LInfinity(Counts reference, Counts current);       // max |p - q|
double TotalVariation(Counts reference, Counts current);  // 1/2 sum |p - q|
// max over bin edges of |P - Q| (cumulative shares): the Kolmogorov-Smirnov statistic as far as the bins can tell, a lower bound of it.
double BinnedKs(Counts reference, Counts current);

struct ChiSquare {
  double statistic = 0;
  double p_value = 0;  // NaN when there are no degrees of freedom
  int64_t degrees = 0;
  double cramers_v = 0;  // sqrt(statistic / (n + m)) for two rows
};
// Pearson's test of homogeneity on the 2 x B table, bins empty in both left out. No continuity correction. Pearson 1900.
ChiSquare ChiSquareTwoSample(Counts reference, Counts current);
// Goodness of fit of `current` to the shares of `reference`. Undefined (NaN) when a bin absent from the reference occurs.
ChiSquare ChiSquareGoodnessOfFit(Counts reference, Counts current);

struct ZTest {
  double statistic = 0;
  double p_value = 0;
};
// Two proportions, pooled variance: positive when the reference's is larger.
ZTest TwoProportionZ(int64_t successes_reference, int64_t n, int64_t successes_current, int64_t m);

}  // namespace vigil::stats
