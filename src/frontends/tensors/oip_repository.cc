#include "frontends/tensors/oip_repository.h"

#include "frontends/errors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

Status Told(std::string_view what, const std::string& model, const Status& status) {
  if (status.ok()) return status;
  return Failure(CodeOf(status), Concat("failed to ", what, " \"", model, "\": ", MessageOf(status)));
}

}  // namespace

StatusOr<std::vector<OipIndexEntry>> OipIndex(Operations& operations, bool ready_only) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<ModelView> models, operations.ListModels());
  std::vector<OipIndexEntry> index;
  for (const ModelView& model : models) {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<VersionRecord> versions, operations.ListVersions(model.name));
    for (const VersionRecord& version : versions) {
      if (ready_only && !version.loaded) continue;
      index.push_back({model.name, version.facts.version, version.loaded ? "READY" : "UNAVAILABLE", version.loaded ? "" : "unloaded"});
    }
  }
  return index;
}

Status OipLoad(Operations& operations, const std::string& model, const std::string& by) {
  return Told("load", model, operations.LoadModel(model, by));
}

Status OipUnload(Operations& operations, const std::string& model, const std::string& by) {
  return Told("unload", model, operations.UnloadModel(model, by));
}

Status CheckOipLoadParameter(std::string_view name) {
  if (name != "config" && !name.starts_with("file:")) return absl::OkStatus();
  return Failure(ErrorCode::kNotImplemented, "models are loaded as they are registered; register another version to change one",
                 Concat("parameters.", name.substr(0, 64)));
}

}  // namespace vigil
