#include "stats/significance.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "stats/special.h"

namespace vigil::stats {
namespace {

// Of the false-alarm budget, what the exact tests of sparse bins may use: little, because they are conservative already.
constexpr double kSparseShare = 0.2;

struct Pooled {
  std::vector<int64_t> reference, current;
  double sparse_p = 1;  // smallest p value of a sparse bin, times the number of sparse bins
  int64_t sparse_bins = 0;
};

int64_t Total(Counts counts) { return std::accumulate(counts.begin(), counts.end(), int64_t{0}); }

// Given their sum, the current count of a bin is Binomial(sum, m / (n + m)) without drift, whatever the bin's share. Two-sided.
double SparseBinP(int64_t reference, int64_t current, double share_current) {
  const int64_t both = reference + current;
  const double upper = BinomialSfInclusive(current, both, share_current);
  const double lower = BinomialCdf(current, both, share_current);
  return std::min(1.0, 2 * std::min(upper, lower));
}

Pooled Pool(Counts reference, Counts current, double n, double m, double expected_min) {
  Pooled pooled;
  const double share_current = m / (n + m);
  // The smaller sample decides what a bin expects.
  const double smaller_share = std::min(n, m) / (n + m);
  int64_t r = 0, c = 0;
  double smallest = 1;
  for (size_t i = 0; i < reference.size(); ++i) {
    const int64_t both = reference[i] + current[i];
    if (both == 0) continue;
    if (static_cast<double>(both) * smaller_share < expected_min) {
      ++pooled.sparse_bins;
      smallest = std::min(smallest, SparseBinP(reference[i], current[i], share_current));
    }
    r += reference[i];
    c += current[i];
    if (static_cast<double>(r + c) * smaller_share >= expected_min) {
      pooled.reference.push_back(r);
      pooled.current.push_back(c);
      r = c = 0;
    }
  }
  if (r + c > 0) {  // what is left joins the last bin
    if (pooled.reference.empty()) {
      pooled.reference.push_back(0);
      pooled.current.push_back(0);
    }
    pooled.reference.back() += r;
    pooled.current.back() += c;
  }
  pooled.sparse_p = std::min(1.0, smallest * static_cast<double>(pooled.sparse_bins));
  return pooled;
}

// Mean of 8 JS^2 without drift over that of its leading term. With A = 1/(n pi), B = 1/(m pi), the expansion of
// JS^2 = 1/2 (KL(p||mid) + KL(q||mid)) to fourth order in the deviations has mean pi/8 ((A + B) + 3/8 (A^2 + B^2) - AB/4) a bin.
// The last term, 3/8 (A - B)^2, is for the longer tail when one sample is much the smaller; it was fitted to simulation.
double JsInflation(const Pooled& pooled, double n, double m) {
  double lead = 0, second = 0;
  for (size_t i = 0; i < pooled.reference.size(); ++i) {
    const double share = static_cast<double>(pooled.reference[i] + pooled.current[i]) / (n + m);
    const double a = 1 / (n * share), b = 1 / (m * share);
    lead += share * (1 - share) * (a + b);
    second += share * (1 - share) * (0.375 * (a * a + b * b) - 0.25 * a * b + 0.375 * (a - b) * (a - b));
  }
  return 1 + second / lead;
}

double KsP(const Pooled& pooled, double n, double m) {
  std::vector<double> times;
  double below = 0;
  for (size_t i = 0; i + 1 < pooled.reference.size(); ++i) {
    below += static_cast<double>(pooled.reference[i] + pooled.current[i]);
    times.push_back(below / (n + m));
  }
  return BridgeMaximumSf(BinnedKs(pooled.reference, pooled.current) * std::sqrt(n * m / (n + m)), times);
}

// Markov chain of the unconditioned Wiener process on cells of (-z, z); the bridge is that process conditioned to end in 0 at time 1, so
// the last step multiplies by the density of reaching 0. z > 0, two times or more.
double BridgeByGrid(double z, absl::Span<const double> times) {
  constexpr int kCells = 64;
  const double cell = 2 * z / kCells;
  // Times closer than the grid can resolve add nothing that it could see.
  const double step_min = cell * cell;
  const auto x = [&](int i) { return -z + (i + 0.5) * cell; };
  std::array<double, kCells> density{}, next{};
  std::array<double, 2 * kCells> kernel{};  // kernel[kCells + d]: from a cell to the one d further on
  double previous = 0;
  bool started = false;
  for (const double t : times) {
    if (t - previous < step_min || 1 - t < step_min) continue;
    const double variance = t - previous;
    const double scale = 1 / std::sqrt(2 * std::numbers::pi * variance);
    if (!started) {
      for (int i = 0; i < kCells; ++i) density[static_cast<size_t>(i)] = scale * std::exp(-0.5 * x(i) * x(i) / variance);
      started = true;
    } else {
      // exp(-d^2 c) by recurrence: two exponentials a step instead of one a cell.
      double value = scale * cell, ratio = std::exp(-0.5 * cell * cell / variance);
      const double square = ratio * ratio;
      for (size_t d = 0; d < kCells; ++d) {
        kernel[kCells + d] = kernel[kCells - d] = value;
        value *= ratio;
        ratio *= square;
      }
      next.fill(0);
      for (size_t i = 0; i < kCells; ++i) {
        const double* const row = kernel.data() + kCells - i;
        for (size_t j = 0; j < kCells; ++j) next[j] += density[i] * row[j];
      }
      density = next;
    }
    previous = t;
  }
  if (!started) return 0;
  const double rest = 1 - previous;
  double inside = 0;
  for (int i = 0; i < kCells; ++i) inside += density[static_cast<size_t>(i)] * std::exp(-0.5 * x(i) * x(i) / rest) / std::sqrt(rest) * cell;
  return std::clamp(1 - inside, 0.0, 1.0);
}

}  // namespace

DriftSignificance TestDrift(Counts reference, Counts current, const SignificanceOptions& options) {
  DriftSignificance result;
  const auto n = static_cast<double>(Total(reference)), m = static_cast<double>(Total(current));
  if (n <= 0 || m <= 0) return result;
  const Pooled pooled = Pool(reference, current, n, m, options.expected_min);
  result.bins = static_cast<int64_t>(pooled.reference.size());
  result.sparse_bins = pooled.sparse_bins;
  if (result.bins > 1) {
    const double scale = 1 / n + 1 / m;
    const auto degrees = static_cast<double>(result.bins - 1);
    result.psi = ChiSquareSf(PsiHalfCount(pooled.reference, pooled.current) / scale, degrees);
    const double js = JensenShannonDistanceNats(pooled.reference, pooled.current);
    result.js = ChiSquareSf(8 * js * js / (scale * JsInflation(pooled, n, m)), degrees);
    result.chi_square = ChiSquareTwoSample(pooled.reference, pooled.current).p_value;
    if (options.ks) result.ks = KsP(pooled, n, m);
  }
  if (pooled.sparse_bins > 0) {
    for (double* p : {&result.psi, &result.js, &result.ks, &result.chi_square}) {
      *p = result.bins > 1 ? std::min({1.0, *p / (1 - kSparseShare), pooled.sparse_p / kSparseShare}) : pooled.sparse_p;
    }
  }
  return result;
}

double BridgeMaximumSf(double z, absl::Span<const double> times) {
  if (std::isnan(z)) return kUndefined;
  if (z <= 0) return 1;
  if (times.empty()) return z > 0 ? 0 : 1;
  if (times.size() == 1) return 2 * NormalSf(z / std::sqrt(times[0] * (1 - times[0])));
  const double limit = KolmogorovSf(z);  // over all times, not only these: a bound from above
  // From below, nearly: the limit at a z that is scaled to the largest variance there is and moved for the widest gap (Siegmund 1985).
  double variance = 0, gap = 1 - times.back(), previous = 0;
  for (const double t : times) {
    variance = std::max(variance, t * (1 - t));
    gap = std::max(gap, t - previous);
    previous = t;
  }
  const double low = KolmogorovSf(z * 0.5 / std::sqrt(variance) + 0.5826 * std::sqrt(gap));
  // Where nobody asks for digits the bound will do: beyond 3.2 the grid's rounding would show, and a p value of 0.2 is no alarm. That
  // spares the grid in most quiet windows.
  if (z > 3.2 || low > 0.2) return limit;
  return BridgeByGrid(z, times);
}

std::vector<double> BenjaminiHochberg(absl::Span<const double> p_values) {
  std::vector<double> adjusted(p_values.begin(), p_values.end());
  std::vector<size_t> order;
  for (size_t i = 0; i < p_values.size(); ++i) {
    if (!std::isnan(p_values[i])) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  double smallest = 1;
  for (size_t k = order.size(); k-- > 0;) {
    smallest = std::min(smallest, p_values[order[k]] * static_cast<double>(order.size()) / static_cast<double>(k + 1));
    adjusted[order[k]] = smallest;
  }
  return adjusted;
}

}  // namespace vigil::stats
