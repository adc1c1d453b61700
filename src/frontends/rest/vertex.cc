// Vertex AI's contract for containers: health and predictions at paths that the platform chooses.
#include <algorithm>

#include "frontends/errors.h"
#include "frontends/rest/frame.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/route_table.h"
#include "frontends/rest/row_headers.h"
#include "frontends/words.h"

namespace vigil {
namespace {

StatusOr<std::string> ReadPath(const std::map<std::string, std::string>& environment, const char* variable) {
  const auto found = environment.find(variable);
  if (found == environment.end() || found->second.empty()) return std::string();
  const std::string& path = found->second;
  // A path of visible characters, none of which means anything to the router or ends a path.
  const bool visible = std::all_of(path.begin(), path.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (path[0] != '/' || path.size() > kVertexRouteBytesMax || !visible || path.find_first_of("{}?#%") != std::string::npos) {
    return absl::FailedPreconditionError(
        Concat("environment ", variable, ": \"", std::string_view(path).substr(0, 200), "\" is no path such as /predict"));
  }
  return path;
}

}  // namespace

StatusOr<VertexRoutes> ReadVertexRoutes(const std::map<std::string, std::string>& environment) {
  VertexRoutes routes;
  VIGIL_ASSIGN_OR_RETURN(routes.health, ReadPath(environment, "AIP_HEALTH_ROUTE"));
  VIGIL_ASSIGN_OR_RETURN(routes.predict, ReadPath(environment, "AIP_PREDICT_ROUTE"));
  return routes;
}

RouteTable::RouteTable(const VertexRoutes& vertex) : vertex_(vertex), routes_(AllRoutes().begin(), AllRoutes().end()) {
  Route route;
  route.dialect = Dialect::kVertex;
  route.tag = "vertex ai";
  if (!vertex_.health.empty()) {
    route.pattern = vertex_.health;
    route.permission = Permission::kNone;
    route.inline_handler = HandleMlflowPing;
    route.id = "vertexHealth";
    route.summary = "Is the server ready?";
    routes_.push_back(route);
  }
  if (!vertex_.predict.empty()) {
    route.method = net::Method::kPost;
    route.pattern = vertex_.predict;
    route.permission = Permission::kPredict;
    route.inline_handler = HandleVertexPredict;
    route.id = "vertexPredict";
    route.summary = "Score instances.";
    route.request_types = "application/json";
    route.request_schema = "MlflowRequest";
    route.response_schema = "MlflowResponse";
    routes_.push_back(route);
  }
}

void HandleVertexPredict(RestHandler& handler, Call& call) {
  PredictScratch* scratch = handler.BeginPredict(call, call.request.header("X-Vigil-Model"), "", WritePredictions);
  if (scratch == nullptr) return;
  Status parsed = ReadJsonFrame(call, JsonForm::kVertex, handler.Columns(scratch->target), scratch);
  if (parsed.ok()) parsed = FillFromHeaders(call.request, &scratch->batch);
  handler.FinishPredict(call, scratch, parsed);
}

}  // namespace vigil
