// An anomaly score that a season does not disturb and that earlier anomalies cannot hide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace vigil::stats {

// NaN for an empty one.
double Median(std::vector<double> values);
// Median of |x - median|, times 1.4826: the standard deviation of a normal sample, unmoved by outliers. Hampel 1974.
double ScaledMad(const std::vector<double>& values);

struct SeasonalOptions {
  size_t period = 24;            // windows a season: 24 for hours of a day, 168 of a week; 1: no season
  size_t past_min = 5;           // fewer same-phase values than this: no score
  double deviation_floor = 0;    // absolute: the scale is at least this
  double relative_floor = 0.01;  // and at least this share of |median|, so that a series that was constant does not alarm on noise
};
struct SeasonalScore {
  double z = 0;         // NaN: too little past
  double expected = 0;  // median of the past
  double deviation = 0;
  size_t past = 0;
};
// `history`: one value a window, oldest first, the newest being the window before the one that `value` belongs to; NaN where nothing is
// known. Compared with history[size - period], history[size - 2 period], ...: z = (value - median) / scaled MAD.
SeasonalScore RobustSeasonalZ(absl::Span<const double> history, double value, const SeasonalOptions& options);

}  // namespace vigil::stats
