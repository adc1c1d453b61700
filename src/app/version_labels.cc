#include "app/version_labels.h"

#include "absl/strings/str_cat.h"

namespace vigil {

Status ApplyVersionLabels(Registry& registry, const ModelConfig& model) {
  constexpr const char* kBy = "configuration";
  Status failed;
  for (const auto& [label, version] : model.labels) {
    const Status set = registry.SetLabel(model.name, label, version, CatalogWrite::kAnyEpoch, kBy, "").status();
    if (set.ok()) continue;
    failed = absl::FailedPreconditionError(absl::StrCat("Request to assign label to version ", version, " of model ", model.name,
                                                        ", which is not currently available for inference: label \"", label,
                                                        "\": ", std::string(set.message())));
  }
  const auto now = registry.Labels(model.name);
  if (!now.ok()) return failed;
  for (const auto& [label, assignment] : *now) {
    if (assignment.by != kBy || model.labels.count(label) != 0) continue;
    if (const Status cleared = registry.ClearLabel(model.name, label, assignment.epoch, kBy, ""); !cleared.ok()) failed = cleared;
  }
  return failed;
}

}  // namespace vigil
