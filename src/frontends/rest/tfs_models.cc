// TensorFlow Serving over REST: the status of a model's versions, and its signature.
#include "base/text.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/tensors/tfs_model.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// START and LOADING are never seen: a version is registered when its artefact is there, and loading is over when it is published.
Json StatusOf(const VersionRecord& version) {
  return {{"version", version.facts.version},
          {"state", version.loaded ? "AVAILABLE" : "END"},
          {"status", {{"error_code", "OK"}, {"error_message", ""}}}};
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

}  // namespace

StatusOr<Reply> TfsModelStatus(Operations& operations, const ApiRequest& request) {
  Json statuses = Json::array();
  if (request.params.size() > 1) {
    VIGIL_ASSIGN_OR_RETURN(const VersionRecord version, operations.GetVersion(request.params[0], request.params[1]));
    statuses.push_back(StatusOf(version));
  } else {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<VersionRecord> versions, operations.ListVersions(request.params[0]));
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) statuses.push_back(StatusOf(*version));  // newest first
  }
  return JsonReply({{"model_version_status", std::move(statuses)}});
}

StatusOr<Reply> TfsLabelledModelStatus(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const ModelView model, operations.GetModel(request.params[0]));
  if (const auto label = model.labels.find(request.params[1]); label != model.labels.end()) {
    VIGIL_ASSIGN_OR_RETURN(const VersionRecord version, operations.GetVersion(model.name, label->second));
    return JsonReply({{"model_version_status", Json::array({StatusOf(version)})}});
  }
  return Failure(ErrorCode::kNotFound, Concat("model \"", request.params[0], "\" has no label \"", request.params[1], "\""));
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
