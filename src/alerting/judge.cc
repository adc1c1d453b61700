#include "alerting/judge.h"

#include <algorithm>
#include <cmath>

namespace vigil {
namespace {

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// Deviation from the median in units of the scaled median absolute deviation; the scale is at least 5 % of the median, so that a series
// that never moved does not make an anomaly of its first ripple.
double RobustZ(double value, const std::vector<double>& past) {
  const double median = Median(past);
  std::vector<double> deviations;
  for (double v : past) deviations.push_back(std::abs(v - median));
  const double scale = std::max({1.4826 * Median(deviations), 0.05 * std::abs(median), 1e-12});
  return (value - median) / scale;
}

// What the finding's value is compared with; nothing when it needs a baseline that is not known.
std::optional<double> ThresholdOf(const AlertRule& rule, const Finding& finding, SeriesPast* past) {
  if (rule.threshold.has_value()) return rule.threshold;
  std::optional<double> baseline = finding.baseline.has_value() ? finding.baseline : past->baseline;
  if (!finding.baseline.has_value() && !past->baseline.has_value() && rule.baseline_windows > 0 &&
      finding.window_start > past->first_newest) {
    past->first.push_back(finding.value);
    past->first_newest = finding.window_start;
    if (past->first.size() == static_cast<size_t>(rule.baseline_windows)) {
      past->baseline = Median(past->first);
      past->first.clear();
    }
  }
  if (!baseline.has_value() || !std::isfinite(*baseline)) return std::nullopt;
  return rule.relative_to_baseline.has_value() ? *baseline * *rule.relative_to_baseline : *baseline + rule.offset_from_baseline.value_or(0);
}

// Clearing asks for more than not breaching: the band between is hysteresis. Works for thresholds of either sign.
Judgement Compare(double value, double threshold, Comparison comparison, double clear_factor) {
  Judgement judgement{Verdict::kBand, value, threshold, 0};
  const double sign = comparison == Comparison::kBelow ? -1 : 1;
  const double slack = std::abs(threshold) * (comparison == Comparison::kBelow ? 1 / clear_factor - 1 : 1 - clear_factor);
  const double beyond = sign * (value - threshold);
  if (beyond > 0) {
    judgement.verdict = Verdict::kBreach;
    judgement.excess = threshold != 0 ? beyond / std::abs(threshold) : beyond;
  } else if (beyond <= -slack) {
    judgement.verdict = Verdict::kClear;
  }
  return judgement;
}

Judgement JudgeAnomaly(const AlertRule& rule, const Finding& finding, SeriesPast* past) {
  std::vector<double> same_phase;
  for (const SeriesPast::Point& point : past->points) {
    const TimeUs apart = finding.window_start - point.start;
    if (apart > 0 && apart % rule.season_us == 0) same_phase.push_back(point.value);
  }
  Judgement judgement;
  if (same_phase.size() >= static_cast<size_t>(rule.history_min)) {
    double z = RobustZ(finding.value, same_phase);
    if (rule.comparison == Comparison::kBelow) z = -z;
    if (rule.comparison == Comparison::kOutside) z = std::abs(z);
    judgement = Compare(z, *rule.anomaly_z, Comparison::kAbove, rule.clear_factor);
    judgement.value = finding.value;
    judgement.threshold = Median(same_phase);
  }
  auto& points = past->points;
  auto at = std::lower_bound(points.begin(), points.end(), finding.window_start, [](const auto& p, TimeUs t) { return p.start < t; });
  if (at != points.end() && at->start == finding.window_start) {
    at->value = finding.value;
  } else {
    points.insert(at, {finding.window_start, finding.value});
    if (points.size() > SeriesPast::kPointsMax) points.pop_front();
  }
  return judgement;
}

}  // namespace

bool Reads(const AlertRule& rule, const Finding& finding) {
  const int64_t length = finding.window_end - finding.window_start;
  return (rule.model.empty() || rule.model == finding.model) && rule.kind == finding.kind && rule.metric == finding.metric &&
         (rule.column.empty() || rule.column == finding.column) && rule.segment == finding.segment &&
         (rule.window_us == 0 || rule.window_us == length) && length >= rule.window_us_min;
}

Judgement Judge(const AlertRule& rule, const Finding& finding, SeriesPast* past) {
  if (finding.n < rule.n_min || finding.maturity < rule.maturity_min || !std::isfinite(finding.value)) return {};
  Judgement judgement;
  if (rule.anomaly_z.has_value()) {
    judgement = JudgeAnomaly(rule, finding, past);
  } else {
    const std::optional<double> threshold = ThresholdOf(rule, finding, past);
    if (!threshold.has_value()) return {};
    judgement = Compare(finding.value, *threshold, rule.comparison, rule.clear_factor);
  }
  if (judgement.verdict == Verdict::kBreach && rule.significant_only && !finding.significant) judgement.verdict = Verdict::kClear;
  return judgement;
}

}  // namespace vigil
