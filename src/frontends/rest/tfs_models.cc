// TensorFlow Serving over REST: the status of a model's versions, and its signature.
#include "base/text.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/tensors/tfs_model.h"
#include "frontends/tensors/tfs_status.h"
#include "frontends/words.h"

namespace vigil {
namespace {

Json StatusOf(const TfsVersion& version) {
  return {{"version", version.version}, {"state", TfsStateName(version.state)}, {"status", {{"error_code", "OK"}, {"error_message", ""}}}};
}

// Protocol Buffers' JSON has 64-bit numbers as texts.
Json TensorInfos(const std::vector<TensorSpec>& specs) {
  Json infos = Json::object();
  for (const TensorSpec& spec : specs) {
    Json dimensions = Json::array();
    for (const int64_t size : spec.shape) dimensions.push_back({{"size", Concat(size)}, {"name", ""}});
    infos[spec.name] = {{"dtype", TfsDTypeName(spec.dtype)},
                        {"tensor_shape", {{"dim", std::move(dimensions)}, {"unknown_rank", false}}},
                        {"name", Concat(spec.name, ":0")}};
  }
  return infos;
}

StatusOr<PredictTarget> TargetOf(RestHandler& handler, const Call& call) {
  const std::string_view model = call.params.values[0];
  if (call.params.size == 1) return handler.predict().Resolve(model, "");
  if (!IsTfsLabel(*call.route)) return handler.predict().Resolve(model, call.params.values[1]);
  VIGIL_ASSIGN_OR_RETURN(const std::string version, TfsLabelledVersion(*handler.predict().Models(), model, call.params.values[1]));
  return handler.predict().Resolve(model, version);
}

StatusOr<Reply> StatusReply(const StatusOr<std::vector<TfsVersion>>& versions) {
  if (!versions.ok()) return versions.status();
  Json statuses = Json::array();
  for (const TfsVersion& version : *versions) statuses.push_back(StatusOf(version));
  return JsonReply({{"model_version_status", std::move(statuses)}});
}

}  // namespace

StatusOr<Reply> TfsModelStatus(Operations& operations, const ApiRequest& request) {
  std::optional<std::string> version;
  if (request.params.size() > 1) version = request.params[1];
  return StatusReply(TfsVersions(operations, request.params[0], version, std::nullopt));
}

StatusOr<Reply> TfsLabelledModelStatus(Operations& operations, const ApiRequest& request) {
  return StatusReply(TfsVersions(operations, request.params[0], std::nullopt, request.params[1]));
}

void HandleTfsMetadata(RestHandler& handler, Call& call) {
  const StatusOr<PredictTarget> target = TargetOf(handler, call);
  if (!target.ok()) {
    std::string version(call.params.size > 1 ? call.params.values[1] : std::string_view());
    if (IsTfsLabel(*call.route)) {
      const StatusOr<std::string> labelled = TfsLabelledVersion(*handler.predict().Models(), call.params.values[0], version);
      if (!labelled.ok()) return handler.AnswerError(call, labelled.status());
      version = *labelled;
    }
    return handler.AnswerUnresolved(call, call.params.values[0], version, target.status());
  }
  const LoadedModel& model = *target->version->loaded;
  Json signature{{"inputs", TensorInfos(model.signature().inputs)},
                 {"outputs", TensorInfos(model.signature().outputs)},
                 {"method_name", kTfsPredictMethod},
                 {"defaults", Json::object()}};
  Json signatures = Json::object();
  signatures[std::string(TfsSignatureName(model))] = std::move(signature);
  const Json body{{"model_spec", {{"name", target->model->name}, {"signature_name", ""}, {"version", target->version->facts.version}}},
                  {"metadata", {{"signature_def", {{"signature_def", std::move(signatures)}}}}}};
  handler.Answer(call, 200, "application/json", DumpJson(body));
}

}  // namespace vigil
