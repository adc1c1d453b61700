#include "stats/divergence.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>

#include "stats/special.h"

namespace vigil::stats {
namespace {

[[noreturn]] void Broken(const char* what) {
  std::fprintf(stderr, "vigil::stats: %s\n", what);
  std::abort();
}

struct Totals {
  double n = 0, m = 0;
  bool defined() const { return n > 0 && m > 0; }
};

Totals Sum(Counts reference, Counts current) {
  if (reference.size() != current.size()) Broken("two count vectors of different sizes were compared");
  int64_t n = 0, m = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    if (reference[i] < 0 || current[i] < 0) Broken("a count is negative");
    n += reference[i];
    m += current[i];
  }
  return {static_cast<double>(n), static_cast<double>(m)};
}

// sum of f(p_i, q_i); NaN when a side is empty.
template <typename F>
double SumOverShares(Counts reference, Counts current, F f) {
  const Totals t = Sum(reference, current);
  if (!t.defined()) return kUndefined;
  double sum = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    sum += f(static_cast<double>(reference[i]) / t.n, static_cast<double>(current[i]) / t.m);
  }
  return sum;
}

double JensenShannonNats(Counts reference, Counts current) {
  const double sum = SumOverShares(reference, current, [](double p, double q) {
    const double mid = (p + q) / 2;
    return (p > 0 ? p * std::log(p / mid) : 0) + (q > 0 ? q * std::log(q / mid) : 0);
  });
  return std::isnan(sum) ? sum : std::max(0.0, sum / 2);
}

}  // namespace

double Psi(Counts reference, Counts current, double floor) {
  return SumOverShares(reference, current, [floor](double p, double q) {
    p = std::max(p, floor);
    q = std::max(q, floor);
    return (q - p) * std::log(q / p);
  });
}

double PsiHalfCount(Counts reference, Counts current) {
  const Totals t = Sum(reference, current);
  if (!t.defined()) return kUndefined;
  const double half_bins = 0.5 * static_cast<double>(reference.size());
  double sum = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double p = (static_cast<double>(reference[i]) + 0.5) / (t.n + half_bins);
    const double q = (static_cast<double>(current[i]) + 0.5) / (t.m + half_bins);
    sum += (q - p) * std::log(q / p);
  }
  return sum;
}

double KullbackLeibler(Counts a, Counts b, double floor) {
  return SumOverShares(a, b, [floor](double p, double q) {
    p = std::max(p, floor);
    q = std::max(q, floor);
    return p * std::log(p / q);
  });
}

double JensenShannonDistance(Counts reference, Counts current) {
  return std::sqrt(JensenShannonNats(reference, current) / std::numbers::ln2);
}

double JensenShannonDistanceNats(Counts reference, Counts current) { return std::sqrt(JensenShannonNats(reference, current)); }

double Hellinger(Counts reference, Counts current) {
  return std::sqrt(0.5 * SumOverShares(reference, current, [](double p, double q) {
                     const double d = std::sqrt(p) - std::sqrt(q);
                     return d * d;
                   }));
}

double LInfinity(Counts reference, Counts current) {
  double largest = 0;
  const double sum = SumOverShares(reference, current, [&largest](double p, double q) {
    largest = std::max(largest, std::abs(p - q));
    return 0.0;
  });
  return std::isnan(sum) ? sum : largest;
}

double TotalVariation(Counts reference, Counts current) {
  return 0.5 * SumOverShares(reference, current, [](double p, double q) { return std::abs(p - q); });
}

double BinnedKs(Counts reference, Counts current) {
  const Totals t = Sum(reference, current);
  if (!t.defined()) return kUndefined;
  int64_t below_reference = 0, below_current = 0;
  double largest = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    below_reference += reference[i];
    below_current += current[i];
    largest = std::max(largest, std::abs(static_cast<double>(below_reference) / t.n - static_cast<double>(below_current) / t.m));
  }
  return largest;
}

ChiSquare ChiSquareTwoSample(Counts reference, Counts current) {
  const Totals t = Sum(reference, current);
  if (!t.defined()) return {kUndefined, kUndefined, 0, kUndefined};
  ChiSquare result;
  int64_t bins = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const auto both = static_cast<double>(reference[i] + current[i]);
    if (both == 0) continue;
    ++bins;
    const double expected_reference = both * t.n / (t.n + t.m);
    const double expected_current = both * t.m / (t.n + t.m);
    const double difference = static_cast<double>(reference[i]) - expected_reference;
    result.statistic += difference * difference * (1 / expected_reference + 1 / expected_current);
  }
  result.degrees = bins - 1;
  result.p_value = result.degrees > 0 ? ChiSquareSf(result.statistic, static_cast<double>(result.degrees)) : kUndefined;
  result.cramers_v = result.degrees > 0 ? std::sqrt(result.statistic / (t.n + t.m)) : kUndefined;
  return result;
}

ChiSquare ChiSquareGoodnessOfFit(Counts reference, Counts current) {
  const Totals t = Sum(reference, current);
  if (!t.defined()) return {kUndefined, kUndefined, 0, kUndefined};
  ChiSquare result;
  int64_t bins = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    if (reference[i] == 0 && current[i] == 0) continue;
    if (reference[i] == 0) return {kUndefined, kUndefined, 0, kUndefined};
    ++bins;
    const double expected = static_cast<double>(reference[i]) * t.m / t.n;
    const double difference = static_cast<double>(current[i]) - expected;
    result.statistic += difference * difference / expected;
  }
  result.degrees = bins - 1;
  result.p_value = result.degrees > 0 ? ChiSquareSf(result.statistic, static_cast<double>(result.degrees)) : kUndefined;
  result.cramers_v = kUndefined;
  return result;
}

ZTest TwoProportionZ(int64_t successes_reference, int64_t n, int64_t successes_current, int64_t m) {
  if (n <= 0 || m <= 0) return {kUndefined, kUndefined};
  const auto nd = static_cast<double>(n), md = static_cast<double>(m);
  const double pooled = static_cast<double>(successes_reference + successes_current) / (nd + md);
  const double variance = pooled * (1 - pooled) * (1 / nd + 1 / md);
  if (!(variance > 0)) return {kUndefined, kUndefined};
  const double z = (static_cast<double>(successes_reference) / nd - static_cast<double>(successes_current) / md) / std::sqrt(variance);
  return {z, 2 * NormalSf(std::abs(z))};
}

}  // namespace vigil::stats
