// Models, versions, roles.
#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/words.h"

namespace vigil {

StatusOr<Reply> ListModels(Operations& operations, const ApiRequest&) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<ModelView> models, operations.ListModels());
  Json list = Json::array();
  for (const ModelView& model : models) list.push_back(ToJson(model));
  return JsonReply({{"models", std::move(list)}});
}

StatusOr<Reply> GetModel(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const ModelView model, operations.GetModel(request.params[0]));
  return JsonReply(ToJson(model));
}

StatusOr<Reply> ListVersions(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<VersionRecord> versions, operations.ListVersions(request.params[0]));
  Json list = Json::array();
  for (const VersionRecord& version : versions) list.push_back(ToJson(version));
  return JsonReply({{"versions", std::move(list)}});
}

StatusOr<Reply> GetVersion(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const VersionRecord version, operations.GetVersion(request.params[0], request.params[1]));
  return JsonReply(ToJson(version));
}

StatusOr<Reply> RegisterVersion(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::Read(request, "uri version reference_uri"));
  RegisterRequest wanted;
  wanted.model = request.params[0];
  wanted.by = request.principal;
  VIGIL_ASSIGN_OR_RETURN(wanted.uri, body.Required("uri"));
  VIGIL_ASSIGN_OR_RETURN(wanted.version, body.Text("version"));
  VIGIL_ASSIGN_OR_RETURN(wanted.reference_uri, body.Text("reference_uri"));
  VIGIL_ASSIGN_OR_RETURN(const VersionRecord version, operations.RegisterVersion(wanted));
  return JsonReply(ToJson(version), 201);
}

StatusOr<Reply> SetRole(Operations& operations, const ApiRequest& request) {
  const std::optional<Role> role = ParseRole(request.params[1]);
  if (!role.has_value()) {
    return absl::NotFoundError(
        Concat("no role \"", request.params[1], "\"", DidYouMean(request.params[1], {"champion", "challenger", "shadow"})));
  }
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::Read(request, "version expected_epoch reason"));
  SetRoleRequest wanted;
  wanted.model = request.params[0];
  wanted.role = *role;
  wanted.by = request.principal;
  VIGIL_ASSIGN_OR_RETURN(wanted.version, body.Required("version"));
  VIGIL_ASSIGN_OR_RETURN(wanted.expected_epoch, body.Whole("expected_epoch"));
  VIGIL_ASSIGN_OR_RETURN(wanted.reason, body.Text("reason"));
  VIGIL_ASSIGN_OR_RETURN(const RoleAssignment assignment, operations.SetRole(wanted));
  return JsonReply(ToJson(assignment));
}

StatusOr<Reply> RollbackModel(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::Read(request, "reason"));
  VIGIL_ASSIGN_OR_RETURN(const std::string reason, body.Text("reason"));
  VIGIL_ASSIGN_OR_RETURN(const RoleAssignment assignment, operations.Rollback(request.params[0], request.principal, reason));
  return JsonReply(ToJson(assignment));
}

}  // namespace vigil
