#include "stats/quantile.h"

#include <algorithm>
#include <cmath>

#include "stats/special.h"

namespace vigil::stats {

double SortedQuantile(absl::Span<const double> sorted, double q) {
  if (sorted.empty() || !(q >= 0 && q <= 1)) return kUndefined;
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(std::floor(position));
  if (below + 1 >= sorted.size()) return sorted.back();
  const double weight = position - static_cast<double>(below);
  const double a = sorted[below], b = sorted[below + 1];
  // NumPy's lerp, to the last bit: from the nearer end.
  return weight < 0.5 ? a + (b - a) * weight : b - (b - a) * (1 - weight);
}

std::vector<double> QuantileEdges(std::vector<double> values, size_t bins) {
  std::sort(values.begin(), values.end());
  std::vector<double> edges;
  for (size_t i = 1; i < bins && !values.empty(); ++i) {
    const double edge = SortedQuantile(values, static_cast<double>(i) / static_cast<double>(bins));
    if (edge > values.front() && edge < values.back() && (edges.empty() || edge > edges.back())) edges.push_back(edge);
  }
  return edges;
}

std::vector<int64_t> CountBins(absl::Span<const double> values, absl::Span<const double> edges) {
  std::vector<int64_t> counts(edges.size() + 1);
  for (const double x : values) ++counts[static_cast<size_t>(std::upper_bound(edges.begin(), edges.end(), x) - edges.begin())];
  return counts;
}

}  // namespace vigil::stats
