#include "service/alert_json.h"

#include <string>

namespace vigil {

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
    const std::string state = value.at("state"), severity = value.at("severity");
    for (const AlertState s : {AlertState::kPending, AlertState::kFiring, AlertState::kResolved}) {
      if (AlertStateName(s) == state) alert.state = s;
    }
    for (const Severity s : {Severity::kInfo, Severity::kWarning, Severity::kCritical}) {
      if (SeverityName(s) == severity) alert.severity = s;
    }
    value.at("labels").get_to(alert.labels);
    value.at("annotations").get_to(alert.annotations);
    value.at("columns").get_to(alert.columns);
    alert.value = value.at("value").is_null() ? 0 : value.at("value").get<double>();
    alert.threshold = value.at("threshold").is_null() ? 0 : value.at("threshold").get<double>();
    alert.started = value.at("started");
    alert.fired = value.at("fired");
    alert.ended = value.at("ended");
    alert.acknowledged = value.at("acknowledged");
    alert.acknowledged_by = value.at("acknowledged_by");
    alert.silenced_until = value.at("silenced_until");
    return alert;
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(std::string("a stored alert cannot be read: ") + error.what());
  }
}

}  // namespace vigil
