#include "stats/special.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/random.h"
#include "stats/two_sample.h"

namespace vigil::stats {
namespace {

// Table values, to the digits printed.
TEST(Special, TableValues) {
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963984540054, 1e-13);
  EXPECT_NEAR(NormalCdf(NormalQuantile(1e-9)), 1e-9, 1e-20);
  EXPECT_NEAR(NormalSf(8), 6.220960574271785e-16, 1e-27);
  EXPECT_NEAR(ChiSquareSf(16.918977604620448, 9), 0.05, 1e-13);
  EXPECT_NEAR(ChiSquareSf(3.841458820694124, 1), 0.05, 1e-13);
  EXPECT_NEAR(StudentTSf(2.2281388519649385, 10), 0.025, 1e-12);
  EXPECT_NEAR(KolmogorovSf(1.3580986393225505), 0.05, 1e-12);
  EXPECT_NEAR(KolmogorovSf(0.5), 0.9639452436648751, 1e-12);
  EXPECT_NEAR(LogGamma(0.5), 0.5723649429247001, 1e-14);
  EXPECT_NEAR(BinomialSfInclusive(3, 10, 0.5), 968.0 / 1024, 1e-14);
  EXPECT_NEAR(BinomialCdf(3, 10, 0.5), 176.0 / 1024, 1e-14);
}

TEST(Special, OutsideTheDomainIsNotANumber) {
  EXPECT_TRUE(std::isnan(NormalQuantile(0)));
  EXPECT_TRUE(std::isnan(NormalQuantile(1.5)));
  EXPECT_TRUE(std::isnan(ChiSquareSf(1, 0)));
  EXPECT_TRUE(std::isnan(RegularizedBeta(1, 1, 2)));
  EXPECT_TRUE(std::isnan(KolmogorovSmirnovSf(kUndefined, 10)));
  EXPECT_EQ(ChiSquareSf(-1, 3), 1);
}

// Where the regions of the one-sample distribution meet, neighbours must agree; and it falls everywhere.
TEST(Special, KolmogorovSmirnovRegionsMeet) {
  // Simard and L'Ecuyer 2011, table 1: P(D_10 < 0.274) by Marsaglia, Tsang and Wang is 0.6284796154565.
  EXPECT_NEAR(1 - KolmogorovSmirnovSf(0.274, 10), 0.6284796154565, 1e-12);
  for (const int64_t n : {5, 30, 139, 141, 500, 5000}) {
    double last = 1;
    for (double z = 0.3; z < 2.5; z += 0.005) {
      const double p = KolmogorovSmirnovSf(z / std::sqrt(static_cast<double>(n)), n);
      EXPECT_LE(p, last + 1e-9) << n << " " << z;
      EXPECT_LT(last - p, 0.02) << n << " " << z;
      last = p;
    }
    // Stephens' correction of the limit is good to about 1e-3.
    const double root = std::sqrt(static_cast<double>(n));
    EXPECT_NEAR(KolmogorovSmirnovSf(1.2 / root, n), KolmogorovSf(1.2 / root * (root + 0.12 + 0.11 / root)), 2e-3) << n;
  }
}

// The exact two-sample p value against all orderings of a small case: the share of the C(9, 4) interleavings with a D at least as large.
TEST(TwoSample, ExactKsMatchesEnumeration) {
  const std::vector<double> reference = {1, 4, 6, 8}, current = {2, 3, 5, 7, 9};
  const TestResult r = KolmogorovSmirnovExact(reference, current);
  int total = 0, beyond = 0;
  for (int mask = 0; mask < (1 << 9); ++mask) {
    if (__builtin_popcount(static_cast<unsigned>(mask)) != 4) continue;
    double f = 0, g = 0, d = 0;
    for (int i = 0; i < 9; ++i) {
      ((mask >> i) & 1 ? f : g) += (mask >> i) & 1 ? 1.0 / 4 : 1.0 / 5;
      d = std::max(d, std::abs(f - g));
    }
    ++total;
    beyond += d >= r.statistic - 1e-9 ? 1 : 0;
  }
  EXPECT_NEAR(r.p_value, static_cast<double>(beyond) / total, 1e-14);
}

TEST(TwoSample, SymmetricAndSafe) {
  Random random(1);
  for (int t = 0; t < 30; ++t) {
    std::vector<double> a(2 + random.Below(40)), b(2 + random.Below(40));
    for (double& v : a) v = std::floor(random.Uniform(0, 12));
    for (double& v : b) v = std::floor(random.Uniform(0, 12));
    EXPECT_NEAR(KolmogorovSmirnovExact(a, b).p_value, KolmogorovSmirnovExact(b, a).p_value, 1e-12);
    EXPECT_NEAR(Wasserstein1(a, b), Wasserstein1(b, a), 1e-12);
    EXPECT_NEAR(EnergyDistance(a, b), EnergyDistance(b, a), 1e-12);
    EXPECT_NEAR(CramerVonMises(a, b).p_value, CramerVonMises(b, a).p_value, 1e-9);
  }
  const std::vector<double> none, one = {1}, same(10, 2.0);
  EXPECT_TRUE(std::isnan(KolmogorovSmirnov(none, one).p_value));
  EXPECT_TRUE(std::isnan(Wasserstein1(none, one)));
  EXPECT_TRUE(std::isnan(AndersonDarling(same, same).p_value));
  EXPECT_TRUE(std::isnan(MannWhitneyU(same, same).p_value));
  EXPECT_TRUE(std::isnan(WelchT(one, same).p_value));
}

}  // namespace
}  // namespace vigil::stats
