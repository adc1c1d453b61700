#include "frontends/graphql/graphiql.h"

#include "frontends/errors.h"
#include "frontends/graphql/endpoint.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/words.h"

namespace vigil {
namespace graphql {
namespace {

// Scripts are this server's files alone. The editor writes style sheets while it runs, so that styles may stand in the page.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace

void AnswerGraphiql(RestHandler& handler, Call& call, std::string_view path) {
  const absl::Span<const UiFile> files = GraphiqlFiles();
  if (files.empty()) {
    return handler.AnswerError(call, Failure(ErrorCode::kNotFound,
                                             "this binary was built without GraphiQL: build ui/graphiql (npm ci && npm run build there), "
                                             "then build again"));
  }
  for (const UiFile& file : files) {
    if (file.path != path) continue;
    // Names under assets/ carry a hash of their content.
    const bool hashed = path.starts_with("assets/");
    return handler.AnswerPage(call, file.content_type, file.content, hashed ? "public, max-age=31536000, immutable" : "no-store", kPolicy);
  }
  handler.AnswerError(call, Failure(ErrorCode::kNotFound, Concat("GraphiQL has no file \"", path.substr(0, 200), "\"")));
}

}  // namespace graphql

void HandleGraphiqlFile(RestHandler& handler, Call& call) { graphql::AnswerGraphiql(handler, call, call.params.values[0]); }

}  // namespace vigil
