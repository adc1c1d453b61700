// Distribution functions, from Boost.Math behind a plain face: callers see no Boost header. Arguments outside the domain give NaN; a
// result too large for a double gives infinity. Pure functions: any thread.
#pragma once

#include <cstdint>
#include <limits>

namespace vigil::stats {

// What every statistic of this module returns where the quantity is not defined (0/0, one class only, no rows).
inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

double LogGamma(double x);                     // ln |Gamma(x)|
double RegularizedGammaQ(double a, double x);  // upper incomplete gamma / Gamma(a)
double RegularizedBeta(double a, double b, double x);

double NormalCdf(double z);
double NormalSf(double z);        // 1 - NormalCdf(z), accurate in the tail
double NormalQuantile(double p);  // 0 < p < 1
double ChiSquareSf(double x, double degrees);
double StudentTSf(double t, double degrees);
// P(X >= k) and P(X <= k) for X ~ Binomial(n, p).
double BinomialSfInclusive(int64_t k, int64_t n, double p);
double BinomialCdf(int64_t k, int64_t n, double p);
double BesselK(double order, double x);

// Limit of P(sqrt(n) D_n > z): 2 sum_{k>=1} (-1)^(k-1) exp(-2 k^2 z^2). Kolmogorov 1933.
double KolmogorovSf(double z);

// P(D_n >= d) of the one-sample two-sided Kolmogorov-Smirnov statistic with n observations. Exact by the matrix of Marsaglia, Tsang and
// Wang (2003) or, in the far tail, twice Smirnov's one-sided sum; elsewhere the series of Pelz and Good (1976), whose error is below
// 1e-8 where it is used (choice of regions: Simard and L'Ecuyer 2011).
double KolmogorovSmirnovSf(double d, int64_t n);

}  // namespace vigil::stats
