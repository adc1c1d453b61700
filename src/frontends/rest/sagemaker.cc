// SageMaker's multi-model contract: models that come and go while the container runs.
#include <algorithm>

#include "frontends/errors.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/frame.h"
#include "frontends/rest/handlers.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr size_t kPageModels = 100, kPageModelsMax = 1000;

// What the platform calls a loaded model is one whose champion is in memory.
StatusOr<Json> Describe(Operations& operations, const ModelView& model) {
  VIGIL_ASSIGN_OR_RETURN(const VersionRecord champion, operations.GetVersion(model.name, model.roles.at(Role::kChampion).version));
  return Json{{"modelName", model.name}, {"modelUrl", champion.facts.uri}};
}

bool IsLoaded(const ModelView& model) { return model.ready && model.roles.contains(Role::kChampion); }

}  // namespace

StatusOr<Reply> SagemakerLoadModel(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ReadAny(request));
  RegisterRequest wanted;
  wanted.by = request.principal;
  VIGIL_ASSIGN_OR_RETURN(wanted.model, body.Required("model_name"));
  VIGIL_ASSIGN_OR_RETURN(wanted.uri, body.Required("url"));
  const StatusOr<VersionRecord> version = operations.ServeModel(wanted);
  // The platform unloads another model and asks again when it hears of memory, and only then.
  if (absl::IsResourceExhausted(version.status())) return Failure(ErrorCode::kOutOfMemory, MessageOf(version.status()));
  VIGIL_RETURN_IF_ERROR(version.status());
  return JsonReply({{"status", Concat("Model \"", wanted.model, "\" loaded")}});
}

StatusOr<Reply> SagemakerListModels(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const size_t limit, QueryLimit(request, kPageModels, kPageModelsMax));
  const std::string after = QueryText(request, "next_page_token");
  VIGIL_ASSIGN_OR_RETURN(std::vector<ModelView> models, operations.ListModels());
  std::erase_if(models, [&](const ModelView& model) { return !IsLoaded(model) || (!after.empty() && model.name <= after); });
  std::sort(models.begin(), models.end(), [](const ModelView& a, const ModelView& b) { return a.name < b.name; });
  Json page{{"models", Json::array()}};
  for (size_t i = 0; i < models.size() && i < limit; ++i) {
    VIGIL_ASSIGN_OR_RETURN(Json model, Describe(operations, models[i]));
    page["models"].push_back(std::move(model));
  }
  if (models.size() > limit) page["nextPageToken"] = models[limit - 1].name;
  return JsonReply(page);
}

StatusOr<Reply> SagemakerGetModel(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const ModelView model, operations.GetModel(request.params[0]));
  if (!IsLoaded(model)) return absl::NotFoundError(Concat("model \"", model.name, "\" is not loaded"));
  VIGIL_ASSIGN_OR_RETURN(const Json description, Describe(operations, model));
  return JsonReply(description);
}

StatusOr<Reply> SagemakerUnloadModel(Operations& operations, const ApiRequest& request) {
  VIGIL_RETURN_IF_ERROR(operations.WithdrawModel(request.params[0], request.principal));
  return JsonReply({{"status", Concat("Model \"", request.params[0], "\" unloaded")}});
}

void HandleSagemakerInvoke(RestHandler& handler, Call& call) { InvokeFrame(handler, call, call.params.values[0]); }

}  // namespace vigil
