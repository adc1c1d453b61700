#include "alerting/judge.h"

#include <algorithm>
#include <cmath>

#include "stats/robust.h"

namespace vigil {
namespace {

// The scale of an anomaly is at least this share of the usual value: a series that hardly moved must not alarm at its first ripple.
constexpr double kScaleFloor = 0.05;

// What the finding's value is compared with; nothing when it needs a baseline that is not known.
std::optional<double> ThresholdOf(const AlertRule& rule, const Finding& finding, SeriesPast* past) {
  if (rule.threshold.has_value()) return rule.threshold;
  std::optional<double> baseline = finding.baseline.has_value() ? finding.baseline : past->baseline;
  if (!finding.baseline.has_value() && !past->baseline.has_value() && rule.baseline_windows > 0 &&
      finding.window_start > past->first_newest) {
    past->first.push_back(finding.value);
    past->first_newest = finding.window_start;
    if (past->first.size() == static_cast<size_t>(rule.baseline_windows)) {
      past->baseline = stats::Median(past->first);
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
  // The past is already of one phase only, so for the score it has no season left.
  stats::SeasonalOptions options;
  options.period = 1;
  options.past_min = static_cast<size_t>(rule.history_min);
  options.relative_floor = kScaleFloor;
  const stats::SeasonalScore score = stats::RobustSeasonalZ(same_phase, finding.value, options);
  if (!std::isnan(score.z)) {
    double z = score.z;
    if (rule.comparison == Comparison::kBelow) z = -z;
    if (rule.comparison == Comparison::kOutside) z = std::abs(z);
    judgement = Compare(z, *rule.anomaly_z, Comparison::kAbove, rule.clear_factor);
    judgement.value = finding.value;
    judgement.threshold = score.expected;
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
