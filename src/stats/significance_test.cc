// The calibrated p values must hold: the rate of false alarms is simulated for every test on the shapes that break naive ones.
#include "stats/significance.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "base/random.h"
#include "stats/quantile.h"
#include "stats/special.h"

namespace vigil::stats {
namespace {

std::vector<int64_t> Multinomial(const std::vector<double>& shares, int64_t n, Random& random) {
  std::vector<int64_t> counts(shares.size());
  double rest = 1;
  int64_t left = n;
  for (size_t i = 0; i + 1 < shares.size(); ++i) {
    const double p = std::clamp(shares[i] / rest, 0.0, 1.0);
    counts[i] = left > 0 && p > 0 ? std::binomial_distribution<int64_t>(left, p)(random) : 0;
    left -= counts[i];
    rest = std::max(rest - shares[i], 1e-12);
  }
  counts.back() = left;
  return counts;
}

struct Rates {
  double psi = 0, js = 0, ks = 0, chi_square = 0;
  void Add(const DriftSignificance& d, double level, double weight) {
    psi += d.psi < level ? weight : 0;
    js += d.js < level ? weight : 0;
    ks += d.ks < level ? weight : 0;
    chi_square += d.chi_square < level ? weight : 0;
  }
};

void ExpectWithin(const Rates& rates, double low, double high, const std::string& where) {
  for (const auto& [name, rate] : {std::pair{"psi", rates.psi}, {"js", rates.js}, {"ks", rates.ks}, {"chi2", rates.chi_square}}) {
    EXPECT_GE(rate, low) << where << " " << name;
    EXPECT_LE(rate, high) << where << " " << name;
  }
}

std::vector<double> Uniform(int bins) { return std::vector<double>(static_cast<size_t>(bins), 1.0 / bins); }
std::vector<double> ZeroInflated() {
  std::vector<double> shares(11, 0.01);
  shares[0] = 0.9;
  return shares;
}
std::vector<double> Poisson1() {
  std::vector<double> shares;
  double p = std::exp(-1.0), rest = 1;
  for (int k = 0; k < 7; ++k, p /= k) {
    shares.push_back(p);
    rest -= p;
  }
  shares.push_back(rest);
  return shares;
}

// With no drift p < 0.01 comes within a factor of 2 of 1% of windows (0.4% is let pass: 2,000 trials have their own noise).
TEST(Significance, FalseAlarmsOnMultinomialCounts) {
  const std::vector<std::pair<std::string, std::vector<double>>> shapes = {{"10 even", Uniform(10)},
                                                                           {"32 even", Uniform(32)},
                                                                           {"two values", {0.7, 0.3}},
                                                                           {"zero-inflated", ZeroInflated()},
                                                                           {"poisson", Poisson1()}};
  constexpr int kTrials = 2000;
  for (const auto& [name, shares] : shapes) {
    for (const int64_t reference_rows : {int64_t{0}, int64_t{50'000}}) {
      for (const int64_t n : {200, 1000, 10'000}) {
        Random random(static_cast<uint64_t>(n + reference_rows));
        Rates rates;
        for (int t = 0; t < kTrials; ++t) {
          const auto reference = Multinomial(shares, reference_rows > 0 ? reference_rows : n, random);
          rates.Add(TestDrift(reference, Multinomial(shares, n, random)), 0.01, 1.0 / kTrials);
        }
        ExpectWithin(rates, 0.004, 0.02, name + " reference " + std::to_string(reference_rows) + " n " + std::to_string(n));
      }
    }
  }
}

// The same with edges learned from the reference itself, which makes its counts even, and on columns whose quantile edges collapse.
TEST(Significance, FalseAlarmsWithLearnedEdges) {
  constexpr int kTrials = 1500, kRows = 500;
  for (const bool tied : {false, true}) {
    Random random(tied ? 3 : 4);
    const auto draw = [&] {
      std::vector<double> values(kRows);
      for (double& v : values) {
        v = random.Normal();
        if (tied) v = random.Uniform() < 0.8 ? 0 : std::floor(std::abs(v) * 4);
      }
      return values;
    };
    Rates rates;
    for (int t = 0; t < kTrials; ++t) {
      const auto reference = draw();
      const auto edges = QuantileEdges(reference, 20);
      rates.Add(TestDrift(CountBins(reference, edges), CountBins(draw(), edges)), 0.01, 1.0 / kTrials);
    }
    ExpectWithin(rates, 0.003, 0.02, tied ? "tied" : "continuous");
  }
}

TEST(Significance, CatchesWhatAFixedLimitMisses) {
  // A shift of a tenth of a standard deviation at 10,000 rows: PSI is about 0.01, far below the customary 0.1.
  Random random(5);
  std::vector<double> reference(50'000), current(10'000);
  for (double& v : reference) v = random.Normal();
  for (double& v : current) v = random.Normal() + 0.1;
  const auto edges = QuantileEdges(reference, 10);
  const auto r = CountBins(reference, edges), c = CountBins(current, edges);
  EXPECT_LT(Psi(r, c), 0.05);
  const DriftSignificance d = TestDrift(r, c);
  EXPECT_LT(std::max({d.psi, d.js, d.ks, d.chi_square}), 1e-6);
}

TEST(Significance, ANewRareCategoryIsNotLostInItsNeighbour) {
  // 6 of 200 rows fall in a bin that 50,000 reference rows never used; merged into a bin of 90% alone they would vanish.
  const DriftSignificance d = TestDrift({45'000, 0, 5'000}, {174, 6, 20});
  EXPECT_GT(d.sparse_bins, 0);
  EXPECT_LT(d.psi, 1e-6);
  EXPECT_LT(d.chi_square, 1e-6);
}

TEST(Significance, NothingToTellIsOne) {
  EXPECT_EQ(TestDrift({0, 0}, {5, 5}).psi, 1);
  EXPECT_EQ(TestDrift({100}, {100}).chi_square, 1);
  EXPECT_EQ(TestDrift({}, {}).ks, 1);
  EXPECT_GT(TestDrift({50, 50}, {50, 50}).psi, 0.99);
}

TEST(Significance, BridgeMaximumMeetsKnownLimits) {
  // One time: a normal tail. Many times: near Kolmogorov's limit, from below.
  EXPECT_NEAR(BridgeMaximumSf(1.0, {0.5}), 2 * NormalSf(2.0), 1e-12);
  std::vector<double> times;
  for (int i = 1; i < 400; ++i) times.push_back(i / 400.0);
  for (const double z : {1.2, 1.36, 1.63, 2.2}) {
    const double discrete = BridgeMaximumSf(z, times), limit = KolmogorovSf(z);
    EXPECT_LT(discrete, limit);
    // The correction for discrete times moves z by 0.5826 of a step's deviation (Chernoff; Siegmund 1985).
    EXPECT_NEAR(discrete, KolmogorovSf(z + 0.5826 * std::sqrt(1 / 400.0)), 2e-3) << z;
  }
  // The short cut is never taken where the value is small: near it, values of the grid and the bound straddle 0.2.
  for (int t = 0; t < 300; ++t) {
    Random draw(static_cast<uint64_t>(t));
    std::vector<double> some(2 + draw.Below(30));
    for (double& time : some) time = draw.Uniform(t % 3 == 0 ? 0.9 : 0.01, 0.99);
    std::sort(some.begin(), some.end());
    const double z = draw.Uniform(0.1, 1.2), p = BridgeMaximumSf(z, some);
    if (p != KolmogorovSf(z)) continue;  // from the grid
    int beyond = 0;
    for (int k = 0; k < 2000; ++k) {
      double at = 0, w = 0;
      std::vector<double> path;
      for (const double time : some) {
        path.push_back(w += std::sqrt(time - at) * draw.Normal());
        at = time;
      }
      const double end = w + std::sqrt(1 - at) * draw.Normal();
      bool over = false;
      for (size_t i = 0; i < some.size(); ++i) over = over || std::abs(path[i] - some[i] * end) >= z;
      beyond += over ? 1 : 0;
    }
    EXPECT_GT(beyond / 2000.0, 0.12) << t;
  }
  // Three even times against plain simulation.
  Random random(6);
  int beyond = 0;
  constexpr int kTrials = 200'000;
  for (int t = 0; t < kTrials; ++t) {
    double w[4], sum = 0;
    for (double& x : w) x = sum += random.Normal() / 2;
    bool over = false;
    for (int i = 0; i < 3; ++i) over = over || std::abs(w[i] - (i + 1) / 4.0 * w[3]) >= 1.1;
    beyond += over ? 1 : 0;
  }
  EXPECT_NEAR(BridgeMaximumSf(1.1, {0.25, 0.5, 0.75}), static_cast<double>(beyond) / kTrials, 1.5e-3);
}

TEST(Significance, BenjaminiHochberg) {
  // R: p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.5), "BH") = 0.025 0.05 0.05 0.025 0.5
  const auto adjusted = BenjaminiHochberg({0.01, 0.04, 0.03, 0.005, kUndefined, 0.5});
  const std::vector<double> want = {0.025, 0.05, 0.05, 0.025, kUndefined, 0.5};
  for (size_t i = 0; i < want.size(); ++i) {
    if (std::isnan(want[i])) {
      EXPECT_TRUE(std::isnan(adjusted[i]));
    } else {
      EXPECT_NEAR(adjusted[i], want[i], 1e-12) << i;
    }
  }
  EXPECT_TRUE(BenjaminiHochberg({}).empty());
}

}  // namespace
}  // namespace vigil::stats
