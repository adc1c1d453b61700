// Distances and tests between two samples of numbers, as SciPy defines them. Inputs in any order, without NaN; an empty sample gives
// NaN. Pure functions; O((n + m) log (n + m)) where nothing else is said.
#pragma once

#include <cstddef>

#include "absl/types/span.h"

namespace vigil::stats {

struct TestResult {
  double statistic = 0;
  double p_value = 0;  // two-sided
};

// max |F - G|. The exact p value counts lattice paths (Hodges 1957; SciPy's ks_2samp `exact`): O(n m) time, meant for at most 10,000
// rows a side. The asymptotic one is the one-sample distribution at nm/(n+m), rounded. The first form is SciPy's `auto`.
TestResult KolmogorovSmirnov(absl::Span<const double> reference, absl::Span<const double> current);
TestResult KolmogorovSmirnovExact(absl::Span<const double> reference, absl::Span<const double> current);
TestResult KolmogorovSmirnovAsymptotic(absl::Span<const double> reference, absl::Span<const double> current);
inline constexpr size_t kExactKsRowsMax = 10'000;

// Integral of |F - G|, in the unit of the values.
double Wasserstein1(absl::Span<const double> reference, absl::Span<const double> current);
// Divided by the reference's population standard deviation; undefined where that is 0.
double NormalizedWasserstein1(absl::Span<const double> reference, absl::Span<const double> current);
// sqrt(2 integral of (F - G)^2). Szekely 2003.
double EnergyDistance(absl::Span<const double> reference, absl::Span<const double> current);

// Rank test of Mann and Whitney 1947: U of the reference, normal limit with continuity and tie correction.
TestResult MannWhitneyU(absl::Span<const double> reference, absl::Span<const double> current);
// Unequal variances. Welch 1947.
TestResult WelchT(absl::Span<const double> reference, absl::Span<const double> current);
// Anderson 1962; the p value is the limit's.
TestResult CramerVonMises(absl::Span<const double> reference, absl::Span<const double> current);
// Two-sample form of Scholz and Stephens 1987, midranks, standardised; the p value is interpolated and lies in [0.001, 0.25]. Undefined
// when all values are equal.
TestResult AndersonDarling(absl::Span<const double> reference, absl::Span<const double> current);

}  // namespace vigil::stats
