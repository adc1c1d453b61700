#include "frontends/graphql/problems.h"

#include <string>

#include "absl/strings/cord.h"
#include "frontends/errors.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr const char* kRowsUrl = "vigil/refused-rows";  // {"errors":[...],"error_count":n}

}  // namespace

Status ProblemStatus(std::string_view document) {
  const StatusOr<Json> problem = ParseJson(document, "a problem document");
  if (!problem.ok() || !problem->is_object()) return absl::InternalError("a prediction failed without saying why");
  const std::string name = problem->value("code", "");
  ErrorCode code = ErrorCode::kInternal;
  for (const ErrorRow& row : ErrorTable()) {
    if (row.name == name) code = row.code;
  }
  Status status = Failure(code, problem->value("detail", ""), problem->value("path", ""));
  if (problem->contains("errors")) {
    const Json rows{{"errors", (*problem)["errors"]}, {"error_count", problem->value("error_count", int64_t{0})}};
    status.SetPayload(kRowsUrl, absl::Cord(DumpJson(rows)));
  }
  return status;
}

Json ProblemExtensions(const Status& status) {
  Json extensions = Json::object();
  const StatusOr<Json> problem = ParseJson(ProblemBody(status, ""), "a problem document");
  for (const char* name : {"code", "path", "nearest"}) {
    if (problem.ok() && problem->contains(name)) extensions[name] = (*problem)[name];
  }
  if (const auto payload = status.GetPayload(kRowsUrl); payload.has_value()) {
    const StatusOr<Json> rows = ParseJson(std::string(*payload), "refused rows");
    if (rows.ok()) {
      extensions["errors"] = (*rows)["errors"];
      extensions["errorCount"] = (*rows)["error_count"];
    }
  }
  return extensions;
}

}  // namespace vigil::graphql
