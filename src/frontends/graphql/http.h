// GraphQL over HTTP: what was asked, in which form the answer goes, and with which status.
// https://graphql.github.io/graphql-over-http/draft/
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "frontends/graphql/language/execute.h"

namespace vigil::graphql {

// What the answer is written in.
enum class Form : uint8_t {
  kNone,      // nothing that Accept allows
  kPage,      // GraphiQL: a browser's GET
  kEvents,    // text/event-stream: graphql-sse's distinct connections
  kResponse,  // application/graphql-response+json
  kJson,      // application/json: also 200 for a document that is refused
};
// By the Accept header; an absent one, and ranges, mean kJson.
Form ChooseForm(std::string_view accept, bool get);
std::string_view ContentTypeOf(Form form);

struct Asked {
  std::string query;
  std::string operation_name;
  Json variables;  // an object, or null
};
// A POST's body, a GET's query string. Failures are of kMalformed or kInvalid, and are answered with 400 in every form.
StatusOr<Asked> ReadBody(std::string_view body);
StatusOr<Asked> ReadQueryString(std::string_view query);
// OK for application/json in UTF-8. What a foreign page may send without asking first, forms and plain text, is of kUnsupportedMediaType.
Status CheckContentType(std::string_view header);

// {"errors":[...]} of a request that never came to be a document.
std::string FailureText(const Status& status);
// One whole stream: `event: next` with the response, `event: complete`.
std::string EventsOf(std::string_view response);
void AppendNext(std::string_view response, std::string* out);
void AppendComplete(std::string* out);

}  // namespace vigil::graphql
