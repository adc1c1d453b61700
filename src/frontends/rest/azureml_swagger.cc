// Azure ML's /swagger.json: what /score takes and gives, in Swagger 2, or in OpenAPI 3 for ?version=3.
#include <algorithm>

#include "base/json.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/request.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr size_t kSwaggerColumnsMax = 200;  // of the example and the query; wider models are described without

Json Array(Json items) { return {{"type", "array"}, {"items", std::move(items)}}; }

// `table` null: which model is meant is not known.
Json InputSchema(const TableShape* table) {
  const Json split{
      {"type", "object"},
      {"properties",
       {{"columns", Array({{"type", "string"}})}, {"index", Array({{"type", "integer"}})}, {"data", Array(Array(Json::object()))}}}};
  Json schema{{"type", "object"},
              {"description", "Exactly one of the three."},
              {"properties", {{"input_data", split}, {"dataframe_split", split}, {"data", Array(Json::object())}}}};
  if (table == nullptr) return schema;
  Json columns = Json::array(), row = Json::array();
  for (size_t i = 0; i < table->names.size(); ++i) {
    columns.push_back(table->names[i]);
    row.push_back(table->columns[i].store == ColumnStore::kText ? Json("text") : Json(0.0));
  }
  schema["example"] = {{"input_data", {{"columns", std::move(columns)}, {"index", {0}}, {"data", Json::array({std::move(row)})}}}};
  return schema;
}

Json QueryParameters(const TableShape* table, bool third) {
  Json parameters = Json::array();
  for (size_t i = 0; table != nullptr && i < table->names.size(); ++i) {
    const Json type{{"type", table->columns[i].store == ColumnStore::kText ? "string" : "number"}};
    Json parameter{{"name", table->names[i]}, {"in", "query"}, {"required", false}};
    third ? parameter["schema"] = type : parameter["type"] = type["type"];
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

// Writes the parts that the two versions spell differently.
class Description {
 public:
  Description(bool third, const TableShape* table) : third_(third), table_(table) {}

  Json Document(std::string_view version) const {
    Json document = third_ ? Json{{"openapi", "3.0.3"}} : Json{{"swagger", "2.0"}};
    document["info"] = {{"title", "Vigil"}, {"version", version}, {"description", "Scoring as Azure ML's inference server offers it."}};
    Json health{{"operationId", "ServiceHealthCheck"}, {"description", "Is the server alive?"}};
    health["responses"]["200"] = Response("Healthy", {{"type", "string"}}, "text/plain");
    if (!third_) health["produces"] = {"text/plain"};
    Json score = Operation("RunMLService", "Scores rows.");
    if (third_) {
      score["requestBody"] = {{"required", true}, {"content", {{"application/json", {{"schema", Reference("ServiceInput")}}}}}};
    } else {
      score["parameters"] = {{{"name", "input"}, {"in", "body"}, {"required", true}, {"schema", Reference("ServiceInput")}}};
    }
    Json one = Operation("RunMLServiceOnOneRow", "Scores the row whose columns are in the query.");
    one["parameters"] = QueryParameters(table_, third_);
    document["paths"] = {{"/", {{"get", std::move(health)}}}, {"/score", {{"post", std::move(score)}, {"get", std::move(one)}}}};
    Json schemas{{"ServiceInput", InputSchema(table_)},
                 {"ServiceOutput", Array(Json::object())},
                 {"ErrorResponse", {{"type", "object"}, {"properties", {{"message", {{"type", "string"}}}}}}}};
    if (third_) {
      document["components"]["schemas"] = std::move(schemas);
    } else {
      document["consumes"] = document["produces"] = {"application/json"};
      document["definitions"] = std::move(schemas);
    }
    return document;
  }

 private:
  Json Reference(std::string_view name) const { return {{"$ref", Concat(third_ ? "#/components/schemas/" : "#/definitions/", name)}}; }
  Json Response(std::string_view description, Json schema, std::string_view type = "application/json") const {
    if (!third_) return {{"description", description}, {"schema", std::move(schema)}};
    return {{"description", description}, {"content", {{std::string(type), {{"schema", std::move(schema)}}}}}};
  }
  Json Operation(std::string_view id, std::string_view description) const {
    return {{"operationId", id},
            {"description", description},
            {"responses",
             {{"200", Response("A prediction a row.", Reference("ServiceOutput"))},
              {"default", Response("Not done; the message says why.", Reference("ErrorResponse"))}}}};
  }

  const bool third_;
  const TableShape* const table_;
};

}  // namespace

void HandleAzureSwagger(RestHandler& handler, Call& call) {
  const std::string version = QueryValue(call.request.query, "version").value_or("2");
  if (version != "2" && version != "3") {
    return handler.AnswerError(
        call,
        Failure(ErrorCode::kNotFound, Concat("no version \"", std::string_view(version).substr(0, 40), "\"; 2 and 3 are"), "version"));
  }
  const StatusOr<PredictTarget> target = handler.predict().Resolve(call.request.header("X-Vigil-Model"), "");
  const TableShape* table = target.ok() ? &target->version->loaded->table() : nullptr;
  if (table != nullptr && table->names.size() > kSwaggerColumnsMax) table = nullptr;
  handler.Answer(call, 200, "application/json", DumpJson(Description(version == "3", table).Document(handler.shared().options.version)));
}

}  // namespace vigil
