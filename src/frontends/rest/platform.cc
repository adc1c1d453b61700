// The server itself: root, metrics, documentation, the page's files.
#include "frontends/rest/handlers.h"
#include "frontends/rest/openapi.h"
#include "frontends/rest/request.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/ui/bundle.h"
#include "frontends/words.h"

namespace vigil {

void HandleRoot(RestHandler& handler, Call& call) {
  const std::string_view accept = call.request.header("Accept");
  if (accept.find("text/html") != std::string_view::npos && AcceptQuality(accept, "text/html") > 0) {
    handler.Answer(call, 302, "text/plain; charset=utf-8", "The page is at /ui\n", {"Location", "/ui"});
  } else {
    handler.Answer(call, 200, "text/plain; charset=utf-8", "Healthy");
  }
}

void HandleMetrics(RestHandler& handler, Call& call) {
  const std::string_view accept = call.request.header("Accept");
  // Only who names OpenMetrics gets it, and only if it is liked at least as much.
  const bool named = accept.find("application/openmetrics-text") != std::string_view::npos;
  const double open = AcceptQuality(accept, "application/openmetrics-text");
  const bool open_metrics = named && open > 0 && open >= AcceptQuality(accept, "text/plain");
  const ExpositionFormat format = open_metrics ? ExpositionFormat::kOpenMetrics : ExpositionFormat::kPrometheusText;
  handler.Answer(call, 200, ExpositionContentType(format), handler.shared().metrics.Expose(format));
}

void HandleOpenApi(RestHandler& handler, Call& call) { handler.Answer(call, 200, "application/json", handler.shared().openapi); }

void HandleDocs(RestHandler& handler, Call& call) {
  handler.AnswerPage(
      call, "text/html; charset=utf-8", kDocsPage, "no-cache",
      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'");
}

void HandleUi(RestHandler& handler, Call& call) {
  const absl::Span<const UiFile> files = UiFiles();
  if (files.empty()) {
    handler.AnswerError(call,
                        Failure(ErrorCode::kNotFound,
                                "this binary was built without the page: build ui/ (npm ci && npm run build there), then build again"));
    return;
  }
  const std::string_view path = call.params.size == 0 ? std::string_view("index.html") : call.params.values[0];
  const UiFile* found = nullptr;
  const UiFile* index = nullptr;
  for (const UiFile& file : files) {
    if (file.path == path) found = &file;
    if (file.path == "index.html") index = &file;
  }
  // A path without an ending is a place inside the page, which finds it by itself.
  if (found == nullptr && path.find('.') == std::string_view::npos) found = index;
  if (found == nullptr) {
    handler.AnswerError(call, Failure(ErrorCode::kNotFound, Concat("the page has no file \"", path.substr(0, 200), "\"")));
    return;
  }
  // Names under assets/ carry a hash of their content.
  const bool hashed = found->path.starts_with("assets/");
  handler.AnswerPage(call, found->content_type, found->content, hashed ? "public, max-age=31536000, immutable" : "no-cache",
                     "frame-ancestors 'none'");
}

}  // namespace vigil
