// A change detector for rare errors: the likelihood-ratio CUSUM of Bernoulli outcomes. Page 1954; Reynolds and Stoumbos 1999. Stock drift
// detectors see nothing when an error rate goes from 1% to 2%; this one needs about 2,700 rows and hardly ever cries wolf.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil::stats {

struct CusumOptions {
  double rate = 0.01;                     // p0: the error rate without change, in (0, 1)
  double ratio = 2;                       // looks for p1 = min(ratio p0, (1 + p0) / 2), ratio > 1
  double threshold = 11.512925464970229;  // h = ln(1e5): at least 1e5 rows between false alarms on average
};

// S <- max(0, S + ln(p1/p0)) on an error, max(0, S + ln((1-p1)/(1-p0))) on none; alarms where S reaches h and starts again at 0.
// One thread at a time.
class BernoulliCusum {
 public:
  // INVALID_ARGUMENT names the option that is out of range.
  static StatusOr<BernoulliCusum> Create(const CusumOptions& options);

  // One outcome; true where it raises the alarm.
  bool Add(bool error) {
    statistic_ += error ? step_error_ : step_success_;
    ++rows_;
    errors_ += error ? 1 : 0;
    if (statistic_ <= 0) {
      statistic_ = 0;
      since_ = rows_;
      return false;
    }
    if (statistic_ < options_.threshold) return false;
    ++alarms_;
    last_alarm_row_ = rows_;
    last_change_row_ = since_;
    statistic_ = 0;
    since_ = rows_;
    return true;
  }

  double statistic() const { return statistic_; }
  int64_t rows() const { return rows_; }
  int64_t errors() const { return errors_; }
  int64_t alarms() const { return alarms_; }
  // Rows seen when the last alarm came, and the estimated number of rows before the change: where S last was 0. 0 without an alarm.
  int64_t last_alarm_row() const { return last_alarm_row_; }
  int64_t last_change_row() const { return last_change_row_; }
  const CusumOptions& options() const { return options_; }

  // The whole state, bit for bit; Parse refuses what Serialize cannot have written with INVALID_ARGUMENT.
  std::string Serialize() const;
  static StatusOr<BernoulliCusum> Parse(std::string_view text);

 private:
  explicit BernoulliCusum(const CusumOptions& options);

  CusumOptions options_;
  double step_error_ = 0, step_success_ = 0;
  double statistic_ = 0;
  int64_t rows_ = 0, errors_ = 0, alarms_ = 0, since_ = 0, last_alarm_row_ = 0, last_change_row_ = 0;
};

}  // namespace vigil::stats
