#include "alerting/alert_json.h"

#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>

#include "absl/strings/str_cat.h"

namespace vigil {
namespace {

// The members of a stored alert; what it throws names the member.
class Members {
 public:
  explicit Members(const Json& value) : value_(value) {}

  template <typename T>
  void Take(const char* key, T* out) const {
    const Json& member = value_.at(key);
    try {
      member.get_to(*out);
    } catch (const nlohmann::json::exception& error) {
      throw std::invalid_argument(absl::StrCat(key, ": ", error.what()));
    }
  }
  void TakeTime(const char* key, TimeUs* out) const {
    const Json& member = value_.at(key);
    if (!member.is_number_integer() || (member.is_number_unsigned() && member.get<uint64_t>() > INT64_MAX)) {
      throw std::invalid_argument(absl::StrCat(key, ": no time in microseconds"));
    }
    *out = member.get<TimeUs>();
  }
  // JSON has no form for what is not finite: null, read back as NaN.
  void TakeNumber(const char* key, double* out) const {
    *out = std::numeric_limits<double>::quiet_NaN();
    if (!value_.at(key).is_null()) Take(key, out);
  }
  // The one of `known` that `name` gives for the text under `key`.
  template <typename T>
  void TakeNamed(const char* key, std::initializer_list<T> known, std::string_view (*name)(T), T* out) const {
    std::string text;
    Take(key, &text);
    for (const T candidate : known) {
      if (name(candidate) != text) continue;
      *out = candidate;
      return;
    }
    throw std::invalid_argument(absl::StrCat("no ", key, " is called \"", text, "\""));
  }

 private:
  const Json& value_;
};

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
    const Members members(value);
    members.Take("id", &alert.id);
    members.Take("rule", &alert.rule);
    members.Take("model", &alert.model);
    members.Take("version", &alert.version);
    members.TakeNamed("state", {AlertState::kPending, AlertState::kFiring, AlertState::kResolved}, AlertStateName, &alert.state);
    members.TakeNamed("severity", {Severity::kInfo, Severity::kWarning, Severity::kCritical}, SeverityName, &alert.severity);
    members.Take("labels", &alert.labels);
    members.Take("annotations", &alert.annotations);
    members.Take("columns", &alert.columns);
    members.TakeNumber("value", &alert.value);
    members.TakeNumber("threshold", &alert.threshold);
    members.TakeTime("started", &alert.started);
    members.TakeTime("fired", &alert.fired);
    members.TakeTime("ended", &alert.ended);
    members.TakeTime("acknowledged", &alert.acknowledged);
    members.Take("acknowledged_by", &alert.acknowledged_by);
    members.TakeTime("silenced_until", &alert.silenced_until);
    return alert;
  } catch (const std::exception& error) {
    return absl::DataLossError(std::string("a stored alert cannot be read: ") + error.what());
  }
}

}  // namespace vigil
