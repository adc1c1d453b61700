#include "stats/two_sample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "stats/special.h"

namespace vigil::stats {
namespace {

using Sample = absl::Span<const double>;
constexpr TestResult kNoResult{kUndefined, kUndefined};

// The distinct values of both samples, rising, with how often each occurs on either side.
struct Tie {
  double value = 0;
  double reference = 0, current = 0;
};
std::vector<Tie> MergeTies(Sample reference, Sample current) {
  std::vector<double> a(reference.begin(), reference.end()), b(current.begin(), current.end());
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  std::vector<Tie> ties;
  for (size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    Tie tie{j == b.size() || (i < a.size() && a[i] < b[j]) ? a[i] : b[j], 0, 0};
    for (; i < a.size() && a[i] == tie.value; ++i) ++tie.reference;
    for (; j < b.size() && b[j] == tie.value; ++j) ++tie.current;
    ties.push_back(tie);
  }
  return ties;
}

double KsStatistic(Sample reference, Sample current) {
  const auto n = static_cast<double>(reference.size()), m = static_cast<double>(current.size());
  double f = 0, g = 0, largest = 0;
  for (const Tie& tie : MergeTies(reference, current)) {
    f += tie.reference;
    g += tie.current;
    largest = std::max(largest, std::abs(f / n - g / m));
  }
  return largest;
}

// P(D >= h / lcm(n, m)). Let p(i, j) be the chance that a random lattice path from (0, 0), given that it passes (i, j), has touched
// |x m - y n| >= h g by then: p = 1 outside, and p(i, j) = (i p(i-1, j) + j p(i, j-1)) / (i + j) inside. Only small positive numbers
// are added, so tiny p values stay exact.
double ExactKsP(int64_t n, int64_t m, int64_t h) {
  if (n < m) std::swap(n, m);
  const int64_t g = std::gcd(n, m), ng = n / g, mg = m / g;
  if (h <= 0) return 1;
  const auto outside = [&](int64_t i, int64_t j) { return std::abs(i * mg - j * ng) >= h; };
  std::vector<double> column(static_cast<size_t>(m) + 1, 1.0);
  for (int64_t j = 0; j <= m && !outside(0, j); ++j) column[static_cast<size_t>(j)] = 0;
  for (int64_t i = 1; i <= n; ++i) {
    // Inside are j with (i mg - h) / ng < j < (i mg + h) / ng.
    const int64_t first = i * mg >= h ? (i * mg - h) / ng + 1 : 0;
    const int64_t last = std::min(m, (i * mg + h - 1) / ng);
    if (first > 0) column[static_cast<size_t>(std::min(first, m + 1) - 1)] = 1;  // the neighbour below the window
    double below = 1;
    for (int64_t j = first; j <= last; ++j) {
      double& p = column[static_cast<size_t>(j)];
      const double from_below = j == 0 ? 0 : (j == first ? below : column[static_cast<size_t>(j - 1)]);
      p = (static_cast<double>(i) * p + static_cast<double>(j) * from_below) / static_cast<double>(i + j);
    }
  }
  return std::clamp(column[static_cast<size_t>(m)], 0.0, 1.0);
}

// Integral over x of f(F - G).
template <typename Function>
double IntegrateGap(Sample reference, Sample current, Function f) {
  if (reference.empty() || current.empty()) return kUndefined;
  const auto n = static_cast<double>(reference.size()), m = static_cast<double>(current.size());
  const std::vector<Tie> ties = MergeTies(reference, current);
  double below_reference = 0, below_current = 0, sum = 0;
  for (size_t i = 0; i + 1 < ties.size(); ++i) {
    below_reference += ties[i].reference;
    below_current += ties[i].current;
    sum += f(below_reference / n - below_current / m) * (ties[i + 1].value - ties[i].value);
  }
  return sum;
}

struct Moments {
  double n = 0, mean = 0, squares = 0;  // squares: sum of squared deviations
};
Moments MomentsOf(Sample sample) {
  Moments m{static_cast<double>(sample.size()), 0, 0};
  for (const double x : sample) m.mean += x;
  m.mean /= m.n;
  for (const double x : sample) m.squares += (x - m.mean) * (x - m.mean);
  return m;
}

// The limit's distribution function of Cramer and von Mises' statistic: Csorgo and Faraway 1996, equation 1.2.
double CramerVonMisesLimitCdf(double x) {
  double sum = 0;
  for (int k = 0; k < 60; ++k) {
    const double y = 4.0 * k + 1, q = y * y / (16 * x);
    const double term = std::exp(LogGamma(k + 0.5) - LogGamma(k + 1.0)) / (std::pow(std::numbers::pi, 1.5) * std::sqrt(x)) * std::sqrt(y) *
                        std::exp(-q) * BesselK(0.25, q);
    sum += term;
    if (term < 1e-13) break;
  }
  return sum;
}

// p value of the standardised two-sample Anderson-Darling statistic: a parabola through ln(level) at the critical values of Scholz and
// Stephens' table 2 (one degree), least squares, as SciPy does.
double AndersonDarlingP(double statistic) {
  constexpr std::array<double, 7> kB0 = {0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085};
  constexpr std::array<double, 7> kB1 = {-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615};
  constexpr std::array<double, 7> kB2 = {-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154};
  constexpr std::array<double, 7> kLevels = {0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001};
  std::array<double, 5> powers{};  // sums of c^0 .. c^4
  std::array<double, 3> right{};
  double critical_min = 0, critical_max = 0;
  for (size_t i = 0; i < kLevels.size(); ++i) {
    const double c = kB0[i] + kB1[i] + kB2[i];
    if (i == 0) critical_min = c;
    critical_max = c;
    double power = 1;
    for (size_t j = 0; j < powers.size(); ++j, power *= c) {
      powers[j] += power;
      if (j < right.size()) right[j] += power * std::log(kLevels[i]);
    }
  }
  if (statistic <= critical_min) return kLevels.front();
  if (statistic >= critical_max) return kLevels.back();
  // Normal equations of the parabola, by elimination.
  std::array<std::array<double, 4>, 3> rows{};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) rows[i][j] = powers[i + j];
    rows[i][3] = right[i];
  }
  for (size_t k = 0; k < 3; ++k) {
    for (size_t i = 0; i < 3; ++i) {
      if (i == k) continue;
      const double factor = rows[i][k] / rows[k][k];
      for (size_t j = k; j < 4; ++j) rows[i][j] -= factor * rows[k][j];
    }
  }
  const double a = rows[0][3] / rows[0][0], b = rows[1][3] / rows[1][1], c = rows[2][3] / rows[2][2];
  return std::exp(a + statistic * (b + statistic * c));
}

}  // namespace

TestResult KolmogorovSmirnovExact(Sample reference, Sample current) {
  if (reference.empty() || current.empty()) return kNoResult;
  const auto n = static_cast<int64_t>(reference.size()), m = static_cast<int64_t>(current.size());
  const double d = KsStatistic(reference, current);
  const auto lcm = static_cast<double>(n / std::gcd(n, m) * m);
  return {d, ExactKsP(n, m, static_cast<int64_t>(std::llround(d * lcm)))};
}

TestResult KolmogorovSmirnovAsymptotic(Sample reference, Sample current) {
  if (reference.empty() || current.empty()) return kNoResult;
  const auto n = static_cast<double>(reference.size()), m = static_cast<double>(current.size());
  const double d = KsStatistic(reference, current);
  // Rounded half to even, as NumPy does.
  return {d, KolmogorovSmirnovSf(d, static_cast<int64_t>(std::nearbyint(n * m / (n + m))))};
}

TestResult KolmogorovSmirnov(Sample reference, Sample current) {
  return std::max(reference.size(), current.size()) <= kExactKsRowsMax ? KolmogorovSmirnovExact(reference, current)
                                                                       : KolmogorovSmirnovAsymptotic(reference, current);
}

double Wasserstein1(Sample reference, Sample current) {
  return IntegrateGap(reference, current, [](double gap) { return std::abs(gap); });
}

double NormalizedWasserstein1(Sample reference, Sample current) {
  if (reference.empty()) return kUndefined;
  const Moments m = MomentsOf(reference);
  const double deviation = std::sqrt(m.squares / m.n);
  return deviation > 0 ? Wasserstein1(reference, current) / deviation : kUndefined;
}

double EnergyDistance(Sample reference, Sample current) {
  return std::sqrt(2 * IntegrateGap(reference, current, [](double gap) { return gap * gap; }));
}

TestResult MannWhitneyU(Sample reference, Sample current) {
  if (reference.empty() || current.empty()) return kNoResult;
  const auto n = static_cast<double>(reference.size()), m = static_cast<double>(current.size()), total = n + m;
  double below = 0, rank_sum = 0, tie_term = 0;
  for (const Tie& tie : MergeTies(reference, current)) {
    const double count = tie.reference + tie.current;
    rank_sum += tie.reference * (below + (count + 1) / 2);
    tie_term += count * count * count - count;
    below += count;
  }
  const double u = rank_sum - n * (n + 1) / 2;
  const double larger = std::max(u, n * m - u);
  const double deviation = std::sqrt(n * m / 12 * (total + 1 - tie_term / (total * (total - 1))));
  if (!(deviation > 0)) return {u, kUndefined};
  return {u, std::clamp(2 * NormalSf((larger - n * m / 2 - 0.5) / deviation), 0.0, 1.0)};
}

TestResult WelchT(Sample reference, Sample current) {
  if (reference.size() < 2 || current.size() < 2) return kNoResult;
  const Moments a = MomentsOf(reference), b = MomentsOf(current);
  const double va = a.squares / (a.n - 1) / a.n, vb = b.squares / (b.n - 1) / b.n;
  const double variance = va + vb;
  if (!(variance > 0)) return kNoResult;
  const double t = (a.mean - b.mean) / std::sqrt(variance);
  const double degrees = variance * variance / (va * va / (a.n - 1) + vb * vb / (b.n - 1));
  return {t, 2 * StudentTSf(std::abs(t), degrees)};
}

TestResult CramerVonMises(Sample reference, Sample current) {
  if (reference.size() < 2 || current.size() < 2) return kNoResult;
  const auto n = static_cast<double>(reference.size()), m = static_cast<double>(current.size()), total = n + m;
  // U = n sum (r_i - i)^2 + m sum (s_j - j)^2 over the midranks of each side's sorted values.
  double below_n = 0, below_m = 0, sum_n = 0, sum_m = 0;
  for (const Tie& tie : MergeTies(reference, current)) {
    const double midrank = below_n + below_m + (tie.reference + tie.current + 1) / 2;
    for (double i = 1; i <= tie.reference; ++i) sum_n += (midrank - below_n - i) * (midrank - below_n - i);
    for (double j = 1; j <= tie.current; ++j) sum_m += (midrank - below_m - j) * (midrank - below_m - j);
    below_n += tie.reference;
    below_m += tie.current;
  }
  const double k = n * m;
  const double statistic = (n * sum_n + m * sum_m) / (k * total) - (4 * k - 1) / (6 * total);
  const double mean = (1 + 1 / total) / 6;
  const double variance = (total + 1) * (4 * k * total - 3 * (n * n + m * m) - 2 * k) / (45 * total * total * 4 * k);
  const double standard = 1.0 / 6 + (statistic - mean) / std::sqrt(45 * variance);
  return {statistic, standard < 0.003 ? 1 : std::max(0.0, 1 - CramerVonMisesLimitCdf(standard))};
}

TestResult AndersonDarling(Sample reference, Sample current) {
  if (reference.size() < 2 || current.size() < 2) return kNoResult;
  const std::vector<Tie> ties = MergeTies(reference, current);
  if (ties.size() < 2) return kNoResult;
  const auto n = static_cast<double>(reference.size()), m = static_cast<double>(current.size()), total = n + m;
  double below = 0, below_n = 0, below_m = 0, a2_n = 0, a2_m = 0;
  for (const Tie& tie : ties) {
    const double count = tie.reference + tie.current;
    const double b = below + count / 2, mn = below_n + tie.reference / 2, mm = below_m + tie.current / 2;
    const double denominator = b * (total - b) - total * count / 4;
    a2_n += count / total * (total * mn - b * n) * (total * mn - b * n) / denominator;
    a2_m += count / total * (total * mm - b * m) * (total * mm - b * m) / denominator;
    below += count;
    below_n += tie.reference;
    below_m += tie.current;
  }
  const double a2 = (total - 1) / total * (a2_n / n + a2_m / m);
  // Variance of a2 without ties: Scholz and Stephens, equation 4, k = 2 samples.
  const double big_h = 1 / n + 1 / m;
  double h = 0, g = 0, partial = 0;
  const auto whole = static_cast<int64_t>(total);
  // g = sum_{i<j} 1 / ((N - i) j); partial runs over sum_{i=1}^{j-1} 1 / (N - i).
  for (int64_t j = 1; j < whole; ++j) {
    h += 1 / static_cast<double>(j);
    if (j >= 2) g += partial / static_cast<double>(j);
    partial += 1 / static_cast<double>(whole - j);
  }
  constexpr double k = 2;
  const double a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * big_h;
  const double b = (2 * g - 4) * k * k + 8 * h * k + (2 * g - 14 * h - 4) * big_h - 8 * h + 4 * g - 6;
  const double c = (6 * h + 2 * g - 2) * k * k + (4 * h - 4 * g + 6) * k + (2 * h - 6) * big_h + 4 * h;
  const double d = (2 * h + 6) * k * k - 4 * h * k;
  const double variance = (a * total * total * total + b * total * total + c * total + d) / ((total - 1) * (total - 2) * (total - 3));
  const double statistic = (a2 - (k - 1)) / std::sqrt(variance);
  return {statistic, AndersonDarlingP(statistic)};
}

}  // namespace vigil::stats
