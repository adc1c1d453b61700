// How the server is: one object.
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"

namespace vigil {

StatusOr<Reply> GetStatus(Operations& operations, const ApiRequest&) {
  VIGIL_ASSIGN_OR_RETURN(const ServerStatus status, operations.GetStatus());
  VIGIL_ASSIGN_OR_RETURN(const std::vector<ModelView> models, operations.ListModels());
  Json out = ToJson(status);
  Json list = Json::array();
  for (const ModelView& model : models) {
    const auto champion = model.roles.find(Role::kChampion);
    list.push_back({{"name", model.name},
                    {"ready", model.ready},
                    {"champion", champion == model.roles.end() ? Json(nullptr) : Json(champion->second.version)}});
  }
  out["models"] = std::move(list);
  return JsonReply(out);
}

}  // namespace vigil
