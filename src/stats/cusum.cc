#include "stats/cusum.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace vigil::stats {

BernoulliCusum::BernoulliCusum(const CusumOptions& options) : options_(options) {
  const double p0 = options.rate, p1 = std::min(options.ratio * p0, (1 + p0) / 2);
  step_error_ = std::log(p1 / p0);
  step_success_ = std::log1p(-p1) - std::log1p(-p0);
}

StatusOr<BernoulliCusum> BernoulliCusum::Create(const CusumOptions& options) {
  if (!(options.rate > 0 && options.rate < 1)) {
    return absl::InvalidArgumentError(absl::StrCat("the CUSUM's error rate is ", options.rate, "; it lies in (0, 1)"));
  }
  if (!(options.ratio > 1) || std::isinf(options.ratio)) {
    return absl::InvalidArgumentError(absl::StrCat("the CUSUM's ratio is ", options.ratio, "; it is above 1"));
  }
  if (!(options.threshold > 0) || std::isinf(options.threshold)) {
    return absl::InvalidArgumentError(absl::StrCat("the CUSUM's threshold is ", options.threshold, "; it is above 0"));
  }
  return BernoulliCusum(options);
}

std::string BernoulliCusum::Serialize() const {
  std::string text;
  for (const double value : {options_.rate, options_.ratio, options_.threshold, statistic_}) {
    AppendNumber(&text, value);
    text += ' ';
  }
  absl::StrAppend(&text, rows_, " ", errors_, " ", alarms_, " ", since_, " ", last_alarm_row_, " ", last_change_row_);
  return text;
}

StatusOr<BernoulliCusum> BernoulliCusum::Parse(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto next = [&](auto* value) {
    if (at > text.data() && (at == end || *at++ != ' ')) return false;
    const auto result = std::from_chars(at, end, *value);
    at = result.ptr;
    return result.ec == std::errc();
  };
  CusumOptions options;
  double statistic = 0;
  int64_t counters[6] = {};
  bool whole = next(&options.rate) && next(&options.ratio) && next(&options.threshold) && next(&statistic);
  for (int64_t& counter : counters) whole = whole && next(&counter) && counter >= 0;
  if (!whole || at != end || !(statistic >= 0)) return absl::InvalidArgumentError("a CUSUM's saved state is broken");
  VIGIL_ASSIGN_OR_RETURN(BernoulliCusum cusum, Create(options));
  const auto [rows, errors, alarms, since, last_alarm, last_change] = counters;
  if (errors > rows || since > rows || last_alarm > rows || last_change > last_alarm || !(statistic < options.threshold)) {
    return absl::InvalidArgumentError("a CUSUM's saved state contradicts itself");
  }
  cusum.statistic_ = statistic;
  cusum.rows_ = rows;
  cusum.errors_ = errors;
  cusum.alarms_ = alarms;
  cusum.since_ = since;
  cusum.last_alarm_row_ = last_alarm;
  cusum.last_change_row_ = last_change;
  return cusum;
}

}  // namespace vigil::stats
