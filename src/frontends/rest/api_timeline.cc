// The timeline: what happened, newest first, paged by cursor.
#include <charconv>

#include "frontends/errors.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"

namespace vigil {

// {"events":[...],"next":"123"|null}: `next` goes back as ?cursor=. A cursor is the sequence of the last event given.
StatusOr<Reply> GetTimeline(Operations& operations, const ApiRequest& request) {
  TimelineQuery query;
  query.model = QueryText(request, "model");
  if (const std::string cursor = QueryText(request, "cursor"); !cursor.empty()) {
    const auto [stop, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), query.before);
    if (error != std::errc() || stop != cursor.data() + cursor.size() || query.before < 1) {
      return Failure(ErrorCode::kInvalid, "is not a cursor that this server gave", "cursor");
    }
  }
  VIGIL_ASSIGN_OR_RETURN(query.limit, QueryLimit(request, query.limit, 1000));
  VIGIL_ASSIGN_OR_RETURN(const std::vector<TimelineEvent> events, operations.Timeline(query));
  Json list = Json::array();
  for (const TimelineEvent& event : events) list.push_back(ToJson(event));
  const bool more = events.size() == query.limit && events.back().sequence > 1;
  return JsonReply({{"events", std::move(list)}, {"next", more ? Json(std::to_string(events.back().sequence)) : Json(nullptr)}});
}

}  // namespace vigil
