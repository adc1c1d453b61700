// One finding against one rule. Internal to alerting.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "alerting/alerting.h"

namespace vigil {

// The past of one series (rule, model, version, column), as far as a rule needs it.
struct SeriesPast {
  static constexpr size_t kPointsMax = 4096;
  struct Point {
    TimeUs start = 0;
    double value = 0;
  };
  std::deque<Point> points;         // anomaly rules: rising in time
  std::vector<double> first;        // rules with baseline_windows: until that many are known
  TimeUs first_newest = INT64_MIN;  // the window that `first` last took
  std::optional<double> baseline;   // then: their median
  TimeUs newest = INT64_MIN;        // window it was last fed
};

enum class Verdict : uint8_t {
  kIgnored,  // not this rule's business, too few rows, too young, or nothing to compare with yet
  kBreach,
  kBand,  // within hysteresis: neither breaches nor clears
  kClear,
};

struct Judgement {
  Verdict verdict = Verdict::kIgnored;
  double value = 0;
  double threshold = 0;
  double excess = 0;  // how far beyond the threshold, as a ratio: orders the columns of an alert
};

// Does `rule` read this finding at all?
bool Reads(const AlertRule& rule, const Finding& finding);
// Judges, then adds the finding to the series' past.
Judgement Judge(const AlertRule& rule, const Finding& finding, SeriesPast* past);

}  // namespace vigil
