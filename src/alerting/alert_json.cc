#include "alerting/alert_json.h"

#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>

#include "absl/strings/str_cat.h"

namespace vigil {
namespace {

// The one of `known` that `name` gives for the text under `key`.
template <typename T>
T Named(const Json& value, const char* key, std::initializer_list<T> known, std::string_view (*name)(T)) {
  const std::string& text = value.at(key).get_ref<const std::string&>();
  for (const T candidate : known) {
    if (name(candidate) == text) return candidate;
  }
  throw std::invalid_argument(absl::StrCat("no ", key, " is called \"", text, "\""));
}

// JSON has no form for what is not finite: null, read back as NaN.
double Number(const Json& value) { return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>(); }

}  // namespace

Json AlertToJson(const Alert& alert) {
  return Json{{"id", alert.id},
              {"rule", alert.rule},
              {"model", alert.model},
              {"version", alert.version},
              {"state", std::string(AlertStateName(alert.state))},
              {"severity", std::string(SeverityName(alert.severity))},
              {"labels", alert.labels},
              {"annotations", alert.annotations},
              {"columns", alert.columns},
              {"value", alert.value},
              {"threshold", alert.threshold},
              {"started", alert.started},
              {"fired", alert.fired},
              {"ended", alert.ended},
              {"acknowledged", alert.acknowledged},
              {"acknowledged_by", alert.acknowledged_by},
              {"silenced_until", alert.silenced_until}};
}

StatusOr<Alert> AlertFromJson(const Json& value) {
  try {
    Alert alert;
    alert.id = value.at("id");
    alert.rule = value.at("rule");
    alert.model = value.at("model");
    alert.version = value.at("version");
    alert.state = Named(value, "state", {AlertState::kPending, AlertState::kFiring, AlertState::kResolved}, AlertStateName);
    alert.severity = Named(value, "severity", {Severity::kInfo, Severity::kWarning, Severity::kCritical}, SeverityName);
    value.at("labels").get_to(alert.labels);
    value.at("annotations").get_to(alert.annotations);
    value.at("columns").get_to(alert.columns);
    alert.value = Number(value.at("value"));
    alert.threshold = Number(value.at("threshold"));
    alert.started = value.at("started");
    alert.fired = value.at("fired");
    alert.ended = value.at("ended");
    alert.acknowledged = value.at("acknowledged");
    alert.acknowledged_by = value.at("acknowledged_by");
    alert.silenced_until = value.at("silenced_until");
    return alert;
  } catch (const std::exception& error) {
    return absl::DataLossError(std::string("a stored alert cannot be read: ") + error.what());
  }
}

}  // namespace vigil
