#include "frontends/graphql/http.h"

#include "frontends/errors.h"
#include "frontends/graphql/problems.h"
#include "frontends/rest/request.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kResponseType = "application/graphql-response+json";
constexpr std::string_view kEventsType = "text/event-stream";
constexpr std::string_view kPageType = "text/html";

// How much a type is wanted that only who names it gets.
double Named(std::string_view accept, std::string_view type) { return AcceptNames(accept, type) ? AcceptQuality(accept, type) : 0; }

StatusOr<Json> ReadMap(const Json& value, std::string_view name) {
  if (!value.is_null() && !value.is_object()) return Failure(ErrorCode::kInvalid, "must be an object", name);
  return value;
}

StatusOr<std::string> ReadText(const Json& value, std::string_view name) {
  if (value.is_null()) return std::string();
  if (!value.is_string()) return Failure(ErrorCode::kInvalid, "must be a string", name);
  return value.get<std::string>();
}

StatusOr<Asked> ReadParameters(const Json& given) {
  const auto member = [&](const char* name) {
    const auto found = given.find(name);
    return found == given.end() ? Json(nullptr) : *found;
  };
  Asked asked;
  if (member("query").is_null()) return Failure(ErrorCode::kInvalid, "is required: the GraphQL document", "query");
  VIGIL_ASSIGN_OR_RETURN(asked.query, ReadText(member("query"), "query"));
  VIGIL_ASSIGN_OR_RETURN(asked.operation_name, ReadText(member("operationName"), "operationName"));
  VIGIL_ASSIGN_OR_RETURN(asked.variables, ReadMap(member("variables"), "variables"));
  VIGIL_RETURN_IF_ERROR(ReadMap(member("extensions"), "extensions").status());
  return asked;
}

}  // namespace

Form ChooseForm(std::string_view accept, bool get) {
  if (StripBlanks(accept).empty()) return Form::kJson;
  const double json = AcceptQuality(accept, kJsonType);
  const double response = Named(accept, kResponseType);
  const double named_json = Named(accept, kJsonType);
  if (const double events = Named(accept, kEventsType); events > 0 && events >= named_json && events >= response) return Form::kEvents;
  if (const double page = Named(accept, kPageType); get && page > 0 && page >= named_json && page >= response) return Form::kPage;
  if (response > 0 && response >= named_json) return Form::kResponse;
  return json > 0 ? Form::kJson : Form::kNone;
}

std::string_view ContentTypeOf(Form form) {
  switch (form) {
    case Form::kPage: return "text/html; charset=utf-8";
    case Form::kEvents: return "text/event-stream; charset=utf-8";
    case Form::kResponse: return "application/graphql-response+json; charset=utf-8";
    case Form::kNone:
    case Form::kJson: break;
  }
  return "application/json; charset=utf-8";
}

StatusOr<Asked> ReadBody(std::string_view body) {
  const StatusOr<Json> value = ParseJson(body, "the body");
  if (!value.ok()) return Failure(ErrorCode::kMalformed, MessageOf(value.status()));
  if (value->is_array()) return Failure(ErrorCode::kInvalid, "one operation a request: batches are not served", "body");
  if (!value->is_object()) return Failure(ErrorCode::kMalformed, "the body must be a JSON object");
  return ReadParameters(*value);
}

StatusOr<Asked> ReadQueryString(std::string_view query) {
  Json given = Json::object();
  for (const char* name : {"query", "operationName"}) {
    if (auto value = QueryValue(query, name); value.has_value()) given[name] = *std::move(value);
  }
  for (const char* name : {"variables", "extensions"}) {
    const auto text = QueryValue(query, name);
    if (!text.has_value() || text->empty()) continue;
    StatusOr<Json> value = ParseJson(*text, name);
    if (!value.ok()) return Failure(ErrorCode::kMalformed, MessageOf(value.status()), name);
    given[name] = *std::move(value);
  }
  return ReadParameters(given);
}

Status CheckContentType(std::string_view header) {
  const MediaType media = ParseMediaType(header);
  if (!media.Is(kJsonType)) {
    const std::string sent = media.type.empty() ? "none" : Concat("\"", media.type, "\"");
    return Failure(ErrorCode::kUnsupportedMediaType, Concat("the content type must be application/json, not ", sent), "Content-Type");
  }
  return CheckCharset(media);
}

std::string FailureText(const Status& status) {
  std::string message(MessageOf(status));
  if (const std::string path = PathOf(status); !path.empty()) message = Concat(path, ": ", message);
  Error error;
  error.message = std::move(message);
  error.extensions = ProblemExtensions(status);
  return ErrorsText({error});
}

void AppendNext(std::string_view response, std::string* out) { Append(out, "event: next\ndata: ", response, "\n\n"); }
void AppendComplete(std::string* out) { Append(out, "event: complete\ndata:\n\n"); }

std::string EventsOf(std::string_view response) {
  std::string out;
  AppendNext(response, &out);
  AppendComplete(&out);
  return out;
}

}  // namespace vigil::graphql
