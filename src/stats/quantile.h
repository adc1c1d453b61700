// Quantiles of values in memory as NumPy's `linear`, and bins of a reference.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace vigil::stats {

// NumPy's default: at position q (n - 1) of the sorted values, interpolated. `sorted` rises; NaN when it is empty.
double SortedQuantile(absl::Span<const double> sorted, double q);

// The distinct interior values of the quantiles i / bins, i = 0..bins, of `values` (any order, no NaN): those strictly between the
// smallest and the largest. Rising, at most bins - 1; empty for a constant. Bin of x = number of edges <= x; the outer bins are open.
std::vector<double> QuantileEdges(std::vector<double> values, size_t bins);

// edges.size() + 1 counts.
std::vector<int64_t> CountBins(absl::Span<const double> values, absl::Span<const double> edges);

}  // namespace vigil::stats
