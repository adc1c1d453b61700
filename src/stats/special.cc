#include "stats/special.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <boost/math/policies/policy.hpp>
#include <boost/math/special_functions/bessel.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>

namespace vigil::stats {
namespace {

namespace bmp = boost::math::policies;
// Values instead of exceptions, double instead of long double inside.
using Policy = bmp::policy<bmp::domain_error<bmp::ignore_error>, bmp::pole_error<bmp::ignore_error>, bmp::overflow_error<bmp::ignore_error>,
                           bmp::evaluation_error<bmp::ignore_error>, bmp::promote_double<false>>;
constexpr Policy kPolicy;

constexpr double kPi = std::numbers::pi;

// P(D+_n >= d) = d sum_{j=0}^{floor(n(1-d))} C(n,j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j). Smirnov 1944; Birnbaum and Tingey 1951.
double SmirnovSf(double d, int64_t n) {
  if (d >= 1) return 0;
  const double nd = static_cast<double>(n);
  const double log_n_factorial = LogGamma(nd + 1);
  double sum = 0;
  const auto last = static_cast<int64_t>(std::floor(nd * (1 - d)));
  for (int64_t j = 0; j <= last; ++j) {
    const double jd = static_cast<double>(j);
    const double rest = 1 - d - jd / nd;
    if (rest <= 0) continue;
    const double log_term =
        log_n_factorial - LogGamma(jd + 1) - LogGamma(nd - jd + 1) + (jd - 1) * std::log(d + jd / nd) + (nd - jd) * std::log(rest);
    if (log_term > -745) sum += std::exp(log_term);
  }
  return std::clamp(d * sum, 0.0, 1.0);
}

using Matrix = std::vector<double>;

Matrix Multiply(const Matrix& a, const Matrix& b, size_t m) {
  Matrix c(m * m, 0.0);
  for (size_t i = 0; i < m; ++i) {
    for (size_t k = 0; k < m; ++k) {
      const double factor = a[i * m + k];
      for (size_t j = 0; j < m; ++j) c[i * m + j] += factor * b[k * m + j];
    }
  }
  return c;
}

// P(D_n < d), Marsaglia, Tsang and Wang 2003. The power is scaled by 1e-140 whenever its middle grows beyond 1e140.
double MatrixCdf(double d, int64_t n) {
  const double nd = static_cast<double>(n) * d;
  const auto k = static_cast<int64_t>(nd) + 1;
  const auto m = static_cast<size_t>(2 * k - 1);
  const double h = static_cast<double>(k) - nd;
  Matrix base(m * m, 0.0);
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < m; ++j) base[i * m + j] = i + 1 >= j ? 1 : 0;
  }
  for (size_t i = 0; i < m; ++i) {
    base[i * m] -= std::pow(h, static_cast<double>(i + 1));
    base[(m - 1) * m + i] -= std::pow(h, static_cast<double>(m - i));
  }
  if (2 * h - 1 > 0) base[(m - 1) * m] += std::pow(2 * h - 1, static_cast<double>(m));
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j <= i && j < m; ++j) {
      for (size_t g = 1; g <= i - j + 1; ++g) base[i * m + j] /= static_cast<double>(g);
    }
  }
  Matrix power;
  int64_t exponent = 0, base_exponent = 0;
  const size_t middle = static_cast<size_t>(k - 1) * m + static_cast<size_t>(k - 1);
  const auto rescale = [middle](Matrix& matrix, int64_t& e) {
    if (matrix[middle] <= 1e140) return;
    for (double& x : matrix) x *= 1e-140;
    e += 140;
  };
  for (int64_t bits = n; bits > 0; bits >>= 1) {
    if (bits & 1) {
      power = power.empty() ? base : Multiply(power, base, m);
      exponent += base_exponent;
      rescale(power, exponent);
    }
    if (bits > 1) {
      base = Multiply(base, base, m);
      base_exponent *= 2;
      rescale(base, base_exponent);
    }
  }
  double s = power[middle];
  for (int64_t i = 1; i <= n; ++i) {
    s *= static_cast<double>(i) / static_cast<double>(n);
    if (s < 1e-140) {
      s *= 1e140;
      exponent -= 140;
    }
  }
  return s * std::pow(10.0, static_cast<double>(exponent));
}

// P(D_n <= d): K0 + K1/sqrt(n) + K2/n + K3/n^1.5 at z = sqrt(n) d, Pelz and Good 1976.
double PelzGoodCdf(double d, int64_t n) {
  const double root_n = std::sqrt(static_cast<double>(n));
  const double z = root_n * d;
  const double z2 = z * z, z4 = z2 * z2, z6 = z4 * z2, z8 = z4 * z4;
  constexpr double kPi2 = kPi * kPi;
  double k0 = 0, k1 = 0, k2a = 0, k2b = 0, k3a = 0, k3b = 0;
  for (int k = 20; k >= 0; --k) {
    const double half = k + 0.5;
    const double h2 = kPi2 * half * half, h4 = h2 * h2, h6 = h4 * h2;
    const double eh = std::exp(-h2 / (2 * z2));
    k0 += eh;
    k1 += 2 * (h2 - z2) * eh;  // k and -k-1 give the same term
    k2a += 2 * ((6 * z6 + 2 * z4) + (2 * z4 - 5 * z2) * h2 + (1 - 2 * z2) * h4) * eh;
    k3a += 2 * (h6 * (5 - 30 * z2) + h4 * (-60 * z2 + 212 * z4) + h2 * (135 * z4 - 96 * z6) - (30 * z6 + 90 * z8)) * eh;
    const double w2 = kPi2 * k * k;
    const double ew = std::exp(-w2 / (2 * z2));
    k2b += 2 * w2 * ew;
    k3b += 2 * (-w2 * w2 + 3 * w2 * z2) * ew;
  }
  const double root_half_pi = std::sqrt(kPi / 2);
  const double K0 = std::sqrt(2 * kPi) / z * k0;
  const double K1 = root_half_pi / (6 * z4) * k1;
  const double K2 = root_half_pi * (k2a / (72 * z6 * z) - k2b / (36 * z2 * z));
  const double K3 = root_half_pi * (k3a / (6480 * z8 * z2) + k3b / (216 * z6));
  return K0 + (K1 + (K2 + K3 / root_n) / root_n) / root_n;
}

}  // namespace

double LogGamma(double x) { return boost::math::lgamma(x, kPolicy); }
double RegularizedGammaQ(double a, double x) {
  if (!(a > 0) || !(x >= 0)) return kUndefined;
  return std::isinf(x) ? 0 : boost::math::gamma_q(a, x, kPolicy);
}
double RegularizedBeta(double a, double b, double x) {
  if (!(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1)) return kUndefined;
  return boost::math::ibeta(a, b, x, kPolicy);
}

double NormalCdf(double z) { return 0.5 * boost::math::erfc(-z / std::numbers::sqrt2, kPolicy); }
double NormalSf(double z) { return 0.5 * boost::math::erfc(z / std::numbers::sqrt2, kPolicy); }
double NormalQuantile(double p) {
  if (!(p > 0) || !(p < 1)) return kUndefined;
  return -std::numbers::sqrt2 * boost::math::erfc_inv(2 * p, kPolicy);
}

double ChiSquareSf(double x, double degrees) {
  if (std::isnan(x) || !(degrees > 0)) return kUndefined;
  return x <= 0 ? 1 : RegularizedGammaQ(degrees / 2, x / 2);
}

double StudentTSf(double t, double degrees) {
  if (std::isnan(t) || !(degrees > 0)) return kUndefined;
  if (std::isinf(t)) return t > 0 ? 0 : 1;
  const double tail = 0.5 * RegularizedBeta(degrees / 2, 0.5, degrees / (degrees + t * t));
  return t >= 0 ? tail : 1 - tail;
}

double BinomialSfInclusive(int64_t k, int64_t n, double p) {
  if (k <= 0) return 1;
  if (k > n) return 0;
  return RegularizedBeta(static_cast<double>(k), static_cast<double>(n - k + 1), p);
}

double BinomialCdf(int64_t k, int64_t n, double p) {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return RegularizedBeta(static_cast<double>(n - k), static_cast<double>(k + 1), 1 - p);
}

double BesselK(double order, double x) { return x > 0 ? boost::math::cyl_bessel_k(order, x, kPolicy) : kUndefined; }

double KolmogorovSf(double z) {
  if (std::isnan(z)) return kUndefined;
  if (z <= 0) return 1;
  if (z < 1) {  // the theta function's other form converges faster here
    double sum = 0;
    for (int k = 1; k <= 9; k += 2) sum += std::exp(-k * k * kPi * kPi / (8 * z * z));
    return 1 - std::sqrt(2 * kPi) / z * sum;
  }
  double sum = 0;
  for (int k = 6; k >= 1; --k) sum += (k % 2 == 1 ? 1 : -1) * std::exp(-2.0 * k * k * z * z);
  return std::clamp(2 * sum, 0.0, 1.0);
}

double KolmogorovSmirnovSf(double d, int64_t n) {
  if (std::isnan(d) || n <= 0) return kUndefined;
  const double nd = static_cast<double>(n);
  const double t = nd * d;
  if (t <= 0.5) return 1;
  if (d >= 1) return 0;
  if (t <= 1) return 1 - std::exp(LogGamma(nd + 1) + nd * std::log(2 * d - 1 / nd));
  if (t >= nd - 1) return 2 * std::pow(1 - d, nd);
  const double tail = t * d;  // n d^2
  if (tail >= 370) return 0;
  constexpr int64_t kSmallN = 140;
  if (tail >= (n <= kSmallN ? 4 : 2.2)) return 2 * SmirnovSf(d, n);
  if (n <= kSmallN || (n <= 100'000 && t * std::sqrt(d) <= 1.4)) return std::clamp(1 - MatrixCdf(d, n), 0.0, 1.0);
  return std::clamp(1 - PelzGoodCdf(d, n), 0.0, 1.0);
}

}  // namespace vigil::stats
