// Open Inference Protocol over REST: the model repository extension. Takes effect on memory only: roles stay as they are.
#include "frontends/errors.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Triton's clients look for these words.
Status Failed(std::string_view what, const std::string& model, const Status& status) {
  return Failure(CodeOf(status), Concat("failed to ", what, " \"", model, "\": ", MessageOf(status)));
}

// Parameters of a load: none changes anything here, and those that would are refused by name.
Status CheckLoadParameters(const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ReadAny(request));
  const Json* const parameters = body.Find("parameters");
  if (parameters == nullptr) return absl::OkStatus();
  if (!parameters->is_object()) return Failure(ErrorCode::kInvalid, "must be an object", "parameters");
  for (const auto& [name, value] : parameters->items()) {
    if (name != "config" && !name.starts_with("file:")) continue;
    return Failure(ErrorCode::kNotImplemented, "models are loaded as they are registered; register another version to change one",
                   Concat("parameters.", name.substr(0, 64)));
  }
  return absl::OkStatus();
}

}  // namespace

StatusOr<Reply> OipRepositoryIndex(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ReadAny(request));
  VIGIL_ASSIGN_OR_RETURN(const bool ready_only, body.Flag("ready", false));
  VIGIL_ASSIGN_OR_RETURN(const std::vector<ModelView> models, operations.ListModels());
  Json index = Json::array();
  for (const ModelView& model : models) {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<VersionRecord> versions, operations.ListVersions(model.name));
    for (const VersionRecord& version : versions) {
      if (ready_only && !version.loaded) continue;
      index.push_back({{"name", model.name},
                       {"version", version.facts.version},
                       {"state", version.loaded ? "READY" : "UNAVAILABLE"},
                       {"reason", version.loaded ? "" : "unloaded"}});
    }
  }
  return JsonReply(index);
}

StatusOr<Reply> OipRepositoryLoad(Operations& operations, const ApiRequest& request) {
  const std::string& model = request.params[0];
  VIGIL_RETURN_IF_ERROR(CheckLoadParameters(request));
  if (const Status status = operations.LoadModel(model, request.principal); !status.ok()) return Failed("load", model, status);
  return JsonReply({{"name", model}, {"load", true}});
}

StatusOr<Reply> OipRepositoryUnload(Operations& operations, const ApiRequest& request) {
  const std::string& model = request.params[0];
  if (const Status status = operations.UnloadModel(model, request.principal); !status.ok()) return Failed("unload", model, status);
  return JsonReply({{"name", model}, {"unload", true}});
}

}  // namespace vigil
