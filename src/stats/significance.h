// Is a distance between two binned samples more than chance? A fixed limit on PSI or JS answers differently for every sample size;
// these p values do not. Pure functions.
//
// Null: both samples come from one distribution. With pooled shares pi and s = 1/n + 1/m,
//   PSI ~ s chi2(B-1),  8 JS^2 ~ s chi2(B-1) (JS in nats),  chi2 ~ chi2(B-1),  KS ~ the maximum of |Brownian bridge| over the B-1 edges.
// Three corrections make them hold for real columns:
//   * neighbouring bins are merged until each expects at least `expected_min` counts in both samples (sparse tails, rare categories);
//   * PSI uses half counts, whose bias of second order is zero; JS is divided by its expansion of second order;
//   * KS uses only the edges there are (a column of two values has one), not the continuous limit, which would never alarm.
// A sparse bin that was merged also gets an exact binomial test of its own, so a new rare category is not lost in its neighbour; the two
// parts are joined by a weighted Bonferroni.
// Simulated false alarms at p < 0.01 (significance_test.cc): within a factor of two of 1% for 2 to 32 bins and 200 to 50,000 rows a side,
// zero-inflated and tied columns too; with hundreds of bins and few rows a bin PSI stays below that.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "stats/divergence.h"

namespace vigil::stats {

struct SignificanceOptions {
  double expected_min = 5;  // counts a merged bin must expect in the smaller sample
  bool ks = true;           // false: ks stays 1 (unless a sparse bin speaks); it costs ten times the others
};

// p values: the chance of a distance at least as large without drift. 1 when nothing can be told (a sample is empty, or one bin).
struct DriftSignificance {
  double psi = 1;
  double js = 1;
  double ks = 1;  // needs bins in the order of values; meaningless for unordered categories
  double chi_square = 1;
  int64_t bins = 0;         // after merging
  int64_t sparse_bins = 0;  // tested on their own
};
DriftSignificance TestDrift(Counts reference, Counts current, const SignificanceOptions& options = {});

// P(max_i |W(t_i)| >= z) of a standard Brownian bridge W at the times 0 < t_1 < ... < 1. Markov chain on a grid of the interval [-z, z];
// error about 1% of the value. Where it is about 0.2 or more, or z above 3.2, the limit for all times (Kolmogorov's), which bounds it.
double BridgeMaximumSf(double z, absl::Span<const double> times);

// Benjamini and Hochberg 1995: p values to adjusted ones, which are compared with the wanted false discovery rate. NaN stays NaN and
// does not count as a test. O(n log n).
std::vector<double> BenjaminiHochberg(absl::Span<const double> p_values);

}  // namespace vigil::stats
