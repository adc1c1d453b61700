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

StatusOr<Reply> ListLabels(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const auto labels, operations.Labels(request.params[0]));
  Json list = Json::object();
  for (const auto& [label, assignment] : labels) list[label] = ToJson(assignment);
  return JsonReply({{"labels", std::move(list)}});
}

namespace {

StatusOr<Reply> ChangeLabel(Operations& operations, const ApiRequest& request, bool clear) {
  SetLabelRequest wanted;
  wanted.model = request.params[0];
  wanted.label = request.params[1];
  wanted.by = request.principal;
  if (!clear || !request.body.empty()) {
    VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::Read(request, clear ? "expected_epoch reason" : "version expected_epoch reason"));
    if (!clear) {
      VIGIL_ASSIGN_OR_RETURN(wanted.version, body.Required("version"));
    }
    VIGIL_ASSIGN_OR_RETURN(wanted.expected_epoch, body.Whole("expected_epoch"));
    VIGIL_ASSIGN_OR_RETURN(wanted.reason, body.Text("reason"));
  }
  VIGIL_ASSIGN_OR_RETURN(const RoleAssignment assignment, operations.SetLabel(wanted));
  return JsonReply(ToJson(assignment));
}

}  // namespace

StatusOr<Reply> SetLabel(Operations& operations, const ApiRequest& request) { return ChangeLabel(operations, request, false); }
StatusOr<Reply> ClearLabel(Operations& operations, const ApiRequest& request) { return ChangeLabel(operations, request, true); }

// {"model","at","champion":{"version","since","by","reason"...},"labels":{...},"traffic":{...}|null}: each with the event that decided it.
StatusOr<Reply> GetServedAt(Operations& operations, const ApiRequest& request) {
  if (QueryText(request, "at").empty()) return Failure(ErrorCode::kInvalid, "give the time, as ?at=2026-01-31T14:03:00Z", "at");
  VIGIL_ASSIGN_OR_RETURN(const TimeUs at, QueryTime(request, "at", 0));
  VIGIL_ASSIGN_OR_RETURN(const ServedAt served, operations.WhatServed(request.params[0], at));
  const auto events = [](const std::map<std::string, TimelineEvent>& given) {
    Json json = Json::object();
    for (const auto& [name, event] : given) {
      json[name] = {{"version", event.subject}, {"since", FormatTime(event.time)}, {"by", event.by}, {"summary", event.summary}};
    }
    return json;
  };
  Json traffic;
  if (served.traffic) {
    VIGIL_ASSIGN_OR_RETURN(traffic, ParseJson(served.traffic->detail, "traffic"));
    traffic["experiment"] = served.traffic->subject;
    traffic["since"] = FormatTime(served.traffic->time);
    traffic["by"] = served.traffic->by;
  }
  return JsonReply({{"model", request.params[0]},
                    {"at", FormatTime(at)},
                    {"roles", events(served.roles)},
                    {"labels", events(served.labels)},
                    {"traffic", std::move(traffic)}});
}

StatusOr<Reply> RollbackModel(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const JsonBody body, JsonBody::Read(request, "reason"));
  VIGIL_ASSIGN_OR_RETURN(const std::string reason, body.Text("reason"));
  VIGIL_ASSIGN_OR_RETURN(const RoleAssignment assignment, operations.Rollback(request.params[0], request.principal, reason));
  return JsonReply(ToJson(assignment));
}

}  // namespace vigil
