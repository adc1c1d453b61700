// Open Inference Protocol over REST: the model repository extension.
#include "frontends/tensors/oip_repository.h"

#include "frontends/errors.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"

namespace vigil {
namespace {

Status CheckLoadParameters(const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ReadAny(request));
  const Json* const parameters = body.Find("parameters");
  if (parameters == nullptr) return absl::OkStatus();
  if (!parameters->is_object()) return Failure(ErrorCode::kInvalid, "must be an object", "parameters");
  for (const auto& [name, value] : parameters->items()) VIGIL_RETURN_IF_ERROR(CheckOipLoadParameter(name));
  return absl::OkStatus();
}

}  // namespace

StatusOr<Reply> OipRepositoryIndex(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ReadAny(request));
  VIGIL_ASSIGN_OR_RETURN(const bool ready_only, body.Flag("ready", false));
  VIGIL_ASSIGN_OR_RETURN(const std::vector<OipIndexEntry> entries, OipIndex(operations, ready_only));
  Json index = Json::array();
  for (const OipIndexEntry& entry : entries) {
    index.push_back({{"name", entry.name}, {"version", entry.version}, {"state", entry.state}, {"reason", entry.reason}});
  }
  return JsonReply(index);
}

StatusOr<Reply> OipRepositoryLoad(Operations& operations, const ApiRequest& request) {
  const std::string& model = request.params[0];
  VIGIL_RETURN_IF_ERROR(CheckLoadParameters(request));
  VIGIL_RETURN_IF_ERROR(OipLoad(operations, model, request.principal));
  return JsonReply({{"name", model}, {"load", true}});
}

StatusOr<Reply> OipRepositoryUnload(Operations& operations, const ApiRequest& request) {
  const std::string& model = request.params[0];
  VIGIL_RETURN_IF_ERROR(OipUnload(operations, model, request.principal));
  return JsonReply({{"name", model}, {"unload", true}});
}

}  // namespace vigil
