#include "frontends/rest/openapi.h"

#include <cstdlib>
#include <utility>

#include "frontends/words.h"

namespace vigil {
namespace {

// Every query parameter that a route may name.
struct QueryParameter {
  std::string_view name;
  std::string_view type;  // JSON Schema
  std::string_view description;
};
constexpr QueryParameter kQueryParameters[] = {
    {"version", R"({"type":"string"})", "Only this version."},
    {"partial", R"({"type":"boolean"})", "Answer the rows that keep to the schema, null for the others."},
    {"at", R"({"type":"string","format":"date-time"})", "At this time."},
    {"from", R"({"type":"string","format":"date-time"})", "From this time on."},
    {"to", R"({"type":"string","format":"date-time"})", "Before this time."},
    {"window", R"({"type":"string","enum":["minute","hour","day"]})", "Length of the windows."},
    {"segment", R"({"type":"string"})", "Only this segment, such as arm=canary."},
    {"column", R"({"type":"string"})", "Only this column."},
    {"metric", R"({"type":"string"})", "Only this metric."},
    {"model", R"({"type":"string"})", "Only this model."},
    {"state", R"({"type":"string"})", "Only in this state."},
    {"limit", R"({"type":"integer","minimum":1})", "At most so many."},
    {"next_page_token", R"({"type":"string"})", "Continue where a former page ended: its `nextPageToken`."},
    {"cursor", R"({"type":"string"})", "Continue where a former page ended: its `next`."},
    {"query", R"({"type":"string"})", "A GraphQL document."},
    {"operationName", R"({"type":"string"})", "Which of the document's operations."},
    {"variables", R"({"type":"string","contentMediaType":"application/json"})", "A JSON object."},
    {"extensions", R"({"type":"string","contentMediaType":"application/json"})", "A JSON object; nothing in it is known."},
};

Json Parsed(std::string_view text) {
  StatusOr<Json> value = ParseJson(text, "a schema in this program");
  if (!value.ok()) std::abort();  // the texts are constants; openapi_test.cc builds them all
  return *std::move(value);
}

Json Reference(std::string_view schema) { return {{"$ref", Concat("#/components/schemas/", schema)}}; }

Json Content(std::string_view types, std::string_view schema) {
  Json content = Json::object();
  while (!types.empty()) {
    const std::string_view type = TakeUntil(types, ' ');
    const bool json = type == "application/json" || type.ends_with("+json");
    const Json unnamed = json ? Json::object() : Json{{"type", "string"}};
    content[std::string(type)] = {{"schema", json && !schema.empty() ? Reference(schema) : unnamed}};
  }
  return content;
}

std::pair<std::string_view, std::string_view> ErrorShape(Dialect dialect) {
  switch (dialect) {
    case Dialect::kOip: return {"application/json", "OipError"};
    case Dialect::kMlflow: return {"application/json", "MlflowError"};
    case Dialect::kTfs: return {"application/json", "TfsError"};
    case Dialect::kSagemaker: return {"application/json", "SagemakerError"};
    case Dialect::kVertex: return {"application/json", "OipError"};
    case Dialect::kAzure: return {"application/json", "AzureError"};
    case Dialect::kGraphql: return {"application/json", "GraphqlResponse"};
    case Dialect::kPlatform:
    case Dialect::kOipGrpc:  // these two are no paths of the document
    case Dialect::kTfsGrpc:
    case Dialect::kOurs: break;
  }
  return {"application/problem+json", "Problem"};
}

Json Parameters(const Route& route) {
  Json parameters = Json::array();
  std::string_view pattern = route.pattern;
  while (!pattern.empty()) {
    std::string_view segment = TakeUntil(pattern, '/');
    if (segment.size() < 2 || segment.front() != '{') continue;
    segment = segment.substr(1, segment.find('}') - 1);
    if (segment.ends_with("...")) segment.remove_suffix(3);
    parameters.push_back({{"name", segment}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}, {"minLength", 1}}}});
  }
  std::string_view names = route.query;
  while (!names.empty()) {
    const std::string_view name = TakeUntil(names, ' ');
    for (const QueryParameter& known : kQueryParameters) {
      if (known.name != name) continue;
      parameters.push_back(
          {{"name", name}, {"in", "query"}, {"required", false}, {"description", known.description}, {"schema", Parsed(known.type)}});
    }
  }
  return parameters;
}

Json Operation(const Route& route) {
  Json operation{{"operationId", route.id}, {"tags", Json::array({route.tag})}, {"summary", route.summary}};
  operation["x-permission"] = PermissionName(route.permission);
  if (Json parameters = Parameters(route); !parameters.empty()) operation["parameters"] = std::move(parameters);
  if (!route.request_types.empty()) {
    operation["requestBody"] = {
        {"required", route.dialect != Dialect::kOurs || route.inline_handler != nullptr || route.id == "importLabels"},
        {"content", Content(route.request_types, route.request_schema)}};
  }
  Json success{{"description", route.success == 302 ? "Elsewhere." : "Done."}};
  if (!route.response_type.empty()) success["content"] = Content(route.response_type, route.response_schema);
  const auto [error_type, error_schema] = ErrorShape(route.dialect);
  operation["responses"] = {{std::to_string(route.success), std::move(success)},
                            {"default", {{"description", "Not done; `code` says why."}, {"content", Content(error_type, error_schema)}}}};
  return operation;
}

// OpenAPI knows no parameter that takes the rest of a path.
std::string DocumentPath(std::string_view pattern) {
  std::string path(pattern);
  if (const size_t dots = path.find("...}"); dots != std::string::npos) path.erase(dots, 3);
  return path;
}

}  // namespace

Json BuildOpenApi(absl::Span<const Route> routes, std::string_view version) {
  Json document{{"openapi", "3.1.0"}};
  document["info"] = {{"title", "Vigil"},
                      {"version", version},
                      {"description", "Serves tabular models, logs every prediction, watches them, retrains and promotes."},
                      {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
  document["servers"] = Json::array({{{"url", "/"}}});
  Json paths = Json::object();
  for (const Route& route : routes) {
    std::string method;
    for (const char c : net::MethodName(route.method)) method.push_back(LowerAscii(c));
    paths[DocumentPath(route.pattern)][method] = Operation(route);
  }
  document["paths"] = std::move(paths);
  document["components"] = {{"schemas", Parsed(kOpenApiSchemas)}};
  return document;
}

std::string OpenApiDocument(absl::Span<const Route> routes, std::string_view version) { return DumpJson(BuildOpenApi(routes, version)); }

}  // namespace vigil
