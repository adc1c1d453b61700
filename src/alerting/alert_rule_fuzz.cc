// Any JSON as an alert rule of the configuration: refused naming a place under `where`, or a rule within its bounds that an engine takes
// findings by.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "alerting/alerting.h"

using namespace vigil;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = ParseJson({reinterpret_cast<const char*>(data), size}, "rule");
  if (!json.ok()) return 0;
  const auto rule = AlertRuleFromJson(*json, "rules[0]");
  if (!rule.ok()) {
    if (rule.status().message().find("rules[0]") != 0) std::abort();
    return 0;
  }
  if (!ValidateAlertRule(*rule, "").ok() || rule->n_min < 0 || rule->cooldown_us < 0 || rule->warmup_us < 0) std::abort();
  AlertEngine engine({*rule});
  Finding finding;
  finding.model = rule->model.empty() ? "m" : rule->model;
  finding.version = "1";
  finding.kind = rule->kind;
  finding.metric = rule->metric;
  finding.column = rule->column.empty() ? "amount" : rule->column;
  finding.segment = rule->segment;
  finding.significant = true;
  finding.n = 1'000'000;
  const int64_t window_us = rule->window_us > 0 ? rule->window_us : kDayUs;
  for (int i = 0; i < 12; ++i) {
    finding.window_start = 1'530'000'000 * kSecondUs + i * window_us;
    finding.window_end = finding.window_start + window_us;
    finding.value = i % 3 == 0 ? 1e9 : -1e9;
    finding.baseline = 1.0;
    for (const AlertChange& change : engine.Evaluate({finding}, finding.window_end)) {
      if (change.alert.id.empty() || change.alert.model != finding.model) std::abort();
    }
  }
  AlertEngine again({*rule});
  if (!again.Load(engine.Save()).ok() || again.Save() != engine.Save()) std::abort();
  return 0;
}
