// A value that monitoring computed over a closed window: what alert rules and the page read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"

namespace vigil {

// (model, version, metric, column, segment) is the series; `window_start` the point.
struct Finding {
  std::string model;
  std::string version;  // empty: all versions together
  std::string metric;   // "psi", "ks", "missing_share", "average_precision", "latency_p99_us", "cusum", ...
  std::string kind;     // "traffic", "quality", "drift", "performance", "concept"
  std::string column;   // feature name, "score", or empty
  std::string segment;  // "arm=canary", or empty
  TimeUs window_start = 0;
  TimeUs window_end = 0;  // exclusive
  double value = 0;
  std::optional<double> p_value;   // calibrated: the chance of a value at least as large without drift
  std::optional<double> baseline;  // the same metric on the reference
  int64_t n = 0;                   // rows (or labels) behind it
  double maturity = 1;             // share of the window's predictions that have a label; 1 where labels do not matter
  bool significant = false;        // after correction over the columns of this window
};

}  // namespace vigil
