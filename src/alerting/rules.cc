// Rules from configuration, and the ones a server has without any.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "alerting/alerting.h"
#include "base/json_fields.h"

namespace vigil {
namespace {

AlertRule Rule(std::string name, std::string kind, std::string metric, std::string group) {
  AlertRule rule;
  rule.name = std::move(name);
  rule.kind = std::move(kind);
  rule.metric = std::move(metric);
  rule.group = std::move(group);
  return rule;
}

// What a model's answers look like when it no longer fits: all of these are symptoms of one incident.
void AddModelRules(std::vector<AlertRule>* rules) {
  const std::string group = "model_health";
  AlertRule drift = Rule("feature_drift", "drift", "psi", group);
  drift.threshold = 0.2;
  drift.significant_only = true;  // large by chance is not drift, and significant but tiny is not trouble
  drift.n_min = 500;
  drift.window_us_min = kDayUs;
  drift.summary = "population stability index of {columns} is {value} (limit {threshold})";
  rules->push_back(drift);

  AlertRule score = drift;
  score.name = "score_drift";
  score.column = "score";
  score.threshold = 0.1;
  score.summary = "the score's population stability index is {value} (limit {threshold})";
  rules->push_back(score);

  AlertRule missing = Rule("missing_jump", "quality", "missing_share", group);
  missing.offset_from_baseline = 0.05;
  missing.significant_only = true;
  missing.n_min = 200;
  missing.window_us = kHourUs;
  missing.breaches_needed = missing.breaches_of = 2;
  missing.summary = "{value} of {columns} is missing (limit {threshold})";
  rules->push_back(missing);

  // Over rolling weeks: a day's average precision of a rare class is mostly noise.
  AlertRule precision = Rule("performance_drop", "performance", "average_precision", group);
  precision.comparison = Comparison::kBelow;
  precision.relative_to_baseline = 0.9;
  precision.n_min = 500;
  precision.maturity_min = 0.9;
  precision.window_us_min = 2 * kDayUs;
  precision.clear_factor = 0.97;
  precision.severity = Severity::kCritical;
  precision.summary = "average precision fell to {value} (limit {threshold}) on predictions of {from} to {to}";
  rules->push_back(precision);

  AlertRule concept_drift = Rule("concept_drift", "concept", "cusum", group);
  concept_drift.threshold = std::log(1e5);
  concept_drift.severity = Severity::kCritical;
  concept_drift.summary = "errors have grown: cumulative evidence {value} (limit {threshold})";
  rules->push_back(concept_drift);
}

// How serving itself is doing: each is an incident of its own.
void AddServingRules(std::vector<AlertRule>* rules) {
  AlertRule latency = Rule("latency", "traffic", "latency_p99_us", "");
  latency.threshold = 100'000;
  latency.n_min = 100;
  latency.breaches_needed = 3;
  latency.breaches_of = 5;
  latency.cooldown_us = kHourUs;
  latency.window_us = kMinuteUs;
  latency.summary = "latency p99 is {value} us (limit {threshold})";
  rules->push_back(latency);

  AlertRule refusals = Rule("refusals", "traffic", "refused_share", "");
  refusals.threshold = 0.05;
  refusals.n_min = 100;
  refusals.breaches_needed = 3;
  refusals.breaches_of = 5;
  refusals.cooldown_us = kHourUs;
  refusals.window_us = kMinuteUs;
  refusals.severity = Severity::kCritical;
  refusals.summary = "{value} of rows are refused (limit {threshold})";
  rules->push_back(refusals);

  AlertRule traffic = Rule("traffic_fall", "traffic", "rows", "");
  traffic.comparison = Comparison::kBelow;
  traffic.anomaly_z = 10;
  traffic.window_us = kHourUs;
  traffic.breaches_needed = traffic.breaches_of = 2;
  traffic.summary = "{value} rows an hour where {threshold} are usual";
  rules->push_back(traffic);
}

Status Invalid(std::string_view where, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(where), where.empty() ? "" : ": ", what));
}

}  // namespace

std::vector<AlertRule> DefaultAlertRules() {
  std::vector<AlertRule> rules;
  AddModelRules(&rules);
  AddServingRules(&rules);
  return rules;
}

Status ValidateAlertRule(const AlertRule& rule, std::string_view where) {
  if (rule.name.empty()) return Invalid(where, "name: a rule needs one");
  if (rule.kind.empty()) return Invalid(where, "kind: which findings does it read? traffic, quality, drift, performance or concept");
  if (rule.metric.empty()) return Invalid(where, "metric: which value does it read?");
  const int tests = rule.threshold.has_value() + rule.relative_to_baseline.has_value() + rule.offset_from_baseline.has_value() +
                    rule.anomaly_z.has_value();
  if (tests != 1) {
    return Invalid(
        where, absl::StrCat("exactly one of threshold, relative_to_baseline, offset_from_baseline and anomaly_z is needed, not ", tests));
  }
  if (rule.comparison == Comparison::kOutside && !rule.anomaly_z.has_value())
    return Invalid(where, "comparison: \"outside\" is for anomaly_z");
  if (rule.anomaly_z.has_value() && !(*rule.anomaly_z > 0)) return Invalid(where, "anomaly_z: must be positive");
  if (rule.anomaly_z.has_value() && rule.history_min < 3) return Invalid(where, "history_min: must be at least 3");
  if (rule.season_us <= 0) return Invalid(where, "season: must be positive");
  if (rule.baseline_windows < 0 || rule.baseline_windows > 1000) return Invalid(where, "baseline_windows: must lie in [0, 1000]");
  if (rule.columns_min < 1) return Invalid(where, "columns_min: must be at least 1");
  if (rule.breaches_of < 1 || rule.breaches_of > 1000) return Invalid(where, "breaches_of: must lie in [1, 1000]");
  if (rule.breaches_needed < 1 || rule.breaches_needed > rule.breaches_of)
    return Invalid(where, "breaches_needed: must lie in [1, breaches_of]");
  if (rule.clears_needed < 1 || rule.clears_needed > 1000) return Invalid(where, "clears_needed: must lie in [1, 1000]");
  if (!(rule.clear_factor > 0 && rule.clear_factor <= 1)) return Invalid(where, "clear_factor: must lie in (0, 1]");
  return absl::OkStatus();
}

StatusOr<AlertRule> AlertRuleFromJson(const Json& value, std::string_view where) {
  AlertRule rule;
  JsonFields fields(value, where);
  fields.Read("name", &rule.name);
  fields.Read("model", &rule.model);
  int kind = -1;
  const std::vector<std::string> kinds{"traffic", "quality", "drift", "performance", "concept"};
  if (fields.ReadChoice("kind", kinds, &kind)) rule.kind = kinds[static_cast<size_t>(kind)];
  fields.Read("metric", &rule.metric);
  fields.Read("column", &rule.column);
  fields.Read("segment", &rule.segment);
  int comparison = 0;
  if (fields.ReadChoice("comparison", {"above", "below", "outside"}, &comparison)) rule.comparison = static_cast<Comparison>(comparison);
  fields.Read("threshold", &rule.threshold);
  fields.Read("relative_to_baseline", &rule.relative_to_baseline);
  fields.Read("offset_from_baseline", &rule.offset_from_baseline);
  fields.Read("baseline_windows", &rule.baseline_windows);
  fields.Read("anomaly_z", &rule.anomaly_z);
  fields.ReadDuration("season", &rule.season_us);
  fields.Read("history_min", &rule.history_min);
  fields.Read("significant_only", &rule.significant_only);
  fields.Read("n_min", &rule.n_min);
  fields.Read("maturity_min", &rule.maturity_min);
  fields.ReadDuration("warmup", &rule.warmup_us);
  fields.Read("columns_min", &rule.columns_min);
  fields.Read("breaches_needed", &rule.breaches_needed);
  rule.breaches_of = rule.breaches_needed;
  fields.Read("breaches_of", &rule.breaches_of);
  fields.Read("clear_factor", &rule.clear_factor);
  fields.Read("clears_needed", &rule.clears_needed);
  fields.ReadDuration("cooldown", &rule.cooldown_us);
  fields.ReadDuration("window", &rule.window_us);
  fields.ReadDuration("window_min", &rule.window_us_min);
  int severity = 1;
  if (fields.ReadChoice("severity", {"info", "warning", "critical"}, &severity)) rule.severity = static_cast<Severity>(severity);
  fields.Read("summary", &rule.summary);
  fields.Read("group", &rule.group);
  VIGIL_RETURN_IF_ERROR(fields.Finish());
  VIGIL_RETURN_IF_ERROR(ValidateAlertRule(rule, where));
  return rule;
}

}  // namespace vigil
