// Alerts: list, acknowledge, silence.
#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr int64_t kSilenceSecondsMax = 365LL * 24 * 3600;

}  // namespace

StatusOr<Reply> ListAlerts(Operations& operations, const ApiRequest& request) {
  AlertQuery query;
  query.model = QueryText(request, "model");
  if (const std::string name = QueryText(request, "state"); !name.empty()) {
    for (const AlertState state : {AlertState::kPending, AlertState::kFiring, AlertState::kResolved}) {
      if (AlertStateName(state) == name) query.state = state;
    }
    if (!query.state.has_value()) return Failure(ErrorCode::kInvalid, "must be pending, firing or resolved", "state");
  }
  VIGIL_ASSIGN_OR_RETURN(query.limit, QueryLimit(request, query.limit, 10'000));
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Alert> alerts, operations.Alerts(query));
  Json list = Json::array();
  for (const Alert& alert : alerts) list.push_back(ToJson(alert));
  return JsonReply({{"alerts", std::move(list)}});
}

StatusOr<Reply> AcknowledgeAlert(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::Read(request, "by"));
  VIGIL_ASSIGN_OR_RETURN(std::string by, body.Text("by"));
  VIGIL_ASSIGN_OR_RETURN(const Alert alert, operations.AcknowledgeAlert(request.params[0], by.empty() ? request.principal : by));
  return JsonReply(ToJson(alert));
}

// {"until":"..."} or {"seconds":3600}, counted from the server's clock.
StatusOr<Reply> SilenceAlert(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::Read(request, "until seconds by"));
  VIGIL_ASSIGN_OR_RETURN(const std::string until_text, body.Text("until"));
  VIGIL_ASSIGN_OR_RETURN(const std::optional<int64_t> seconds, body.Whole("seconds"));
  VIGIL_ASSIGN_OR_RETURN(std::string by, body.Text("by"));
  if (until_text.empty() == !seconds.has_value())
    return Failure(ErrorCode::kInvalid, "either \"until\" or \"seconds\" is required", "until");
  TimeUs until = 0;
  if (seconds.has_value()) {
    if (*seconds < 1 || *seconds > kSilenceSecondsMax) {
      return Failure(ErrorCode::kInvalid, Concat("must be from 1 to ", kSilenceSecondsMax), "seconds");
    }
    VIGIL_ASSIGN_OR_RETURN(const ServerStatus status, operations.GetStatus());
    until = (status.clock == "event" ? status.event_time : status.now) + *seconds * kSecondUs;
  } else {
    const StatusOr<TimeUs> time = ParseTime(until_text);
    if (!time.ok()) return Failure(ErrorCode::kInvalid, MessageOf(time.status()), "until");
    until = *time;
  }
  VIGIL_ASSIGN_OR_RETURN(const Alert alert, operations.SilenceAlert(request.params[0], until, by.empty() ? request.principal : by));
  return JsonReply(ToJson(alert));
}

}  // namespace vigil
