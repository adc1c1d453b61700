#include "stats/robust.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/special.h"

namespace vigil::stats {

double Median(std::vector<double> values) {
  if (values.empty()) return kUndefined;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double ScaledMad(const std::vector<double>& values) {
  const double median = Median(values);
  std::vector<double> deviations;
  deviations.reserve(values.size());
  for (const double v : values) deviations.push_back(std::abs(v - median));
  return 1.4826022185056018 * Median(std::move(deviations));
}

SeasonalScore RobustSeasonalZ(absl::Span<const double> history, double value, const SeasonalOptions& options) {
  const size_t period = std::max<size_t>(1, options.period);
  std::vector<double> past;
  for (size_t back = period; back <= history.size(); back += period) {
    const double v = history[history.size() - back];
    if (!std::isnan(v)) past.push_back(v);
  }
  SeasonalScore score{kUndefined, Median(past), ScaledMad(past), past.size()};
  if (past.size() < std::max<size_t>(1, options.past_min) || std::isnan(value)) return score;
  score.deviation = std::max({score.deviation, options.deviation_floor, options.relative_floor * std::abs(score.expected)});
  const double gap = value - score.expected;
  if (score.deviation > 0) {
    score.z = gap / score.deviation;
  } else {
    score.z = gap == 0 ? 0 : std::copysign(std::numeric_limits<double>::infinity(), gap);
  }
  return score;
}

}  // namespace vigil::stats
