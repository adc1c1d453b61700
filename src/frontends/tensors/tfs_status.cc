#include "frontends/tensors/tfs_status.h"

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/words.h"
#include "registry/version_states.h"

namespace vigil {
namespace {

// Not found, in TensorFlow Serving's words before ours.
Status Missing(const Status& status, std::string_view what) {
  return absl::IsNotFound(status) ? Failure(ErrorCode::kNotFound, Concat(what, ": ", MessageOf(status))) : status;
}

// A model that is loaded on demand answers by every version that can be served, unless it was unloaded by name.
TfsVersion StateOf(Operations& operations, const VersionRecord& record) {
  bool available = record.loaded;
  if (!available && IsServable(record.state)) {
    const StatusOr<ModelView> model = operations.GetModel(record.facts.model);
    available = model.ok() && model->on_demand && model->ready;
  }
  return {record.facts.version, available ? TfsState::kAvailable : TfsState::kEnd};
}

}  // namespace

std::string_view TfsStateName(TfsState state) { return state == TfsState::kAvailable ? "AVAILABLE" : "END"; }

StatusOr<std::vector<TfsVersion>> TfsVersions(Operations& operations, const std::string& model, const std::optional<std::string>& version,
                                              const std::optional<std::string>& label) {
  std::optional<std::string> one = version;
  if (label.has_value()) {
    const auto labels = operations.Labels(model);
    if (!labels.ok()) return Missing(labels.status(), Concat("Could not find any versions of model ", model));
    const auto found = labels->find(*label);
    if (found == labels->end()) {
      std::vector<std::string> names;
      for (const auto& [name, assignment] : *labels) names.push_back(name);
      return Failure(ErrorCode::kInvalid, Concat("Unrecognized servable version label: ", *label, DidYouMean(*label, names)));
    }
    one = found->second.version;
  }
  if (one.has_value()) {
    StatusOr<VersionRecord> record = operations.GetVersion(model, *one);
    if (!record.ok()) return Missing(record.status(), Concat("Could not find version ", *one, " of model ", model));
    return std::vector<TfsVersion>{StateOf(operations, *record)};
  }
  StatusOr<std::vector<VersionRecord>> records = operations.ListVersions(model);
  if (!records.ok()) return Missing(records.status(), Concat("Could not find any versions of model ", model));
  std::vector<TfsVersion> versions;
  for (auto record = records->rbegin(); record != records->rend(); ++record) versions.push_back(StateOf(operations, *record));
  return versions;
}

}  // namespace vigil
