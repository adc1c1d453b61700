#include "app/unused_snapshots.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "telemetry/log.h"

namespace vigil {

void RemoveUnusedSnapshots(const Registry& registry, const std::vector<ModelConfig>& models, blobs::Snapshots& snapshots) {
  std::vector<std::string> paths, sources;
  for (const std::string& model : registry.Models()) {
    const auto versions = registry.Versions(model);
    if (!versions.ok()) return;
    for (const VersionRecord& version : *versions) {
      const bool gone =
          version.state == VersionState::kRejected || version.state == VersionState::kRetired || version.state == VersionState::kDeleted;
      if (version.loaded || !gone) paths.push_back(version.facts.uri);
    }
  }
  for (const ModelConfig& model : models) {
    if (!model.source.empty()) sources.push_back(model.source);
  }
  if (const int removed = snapshots.RemoveUnused(paths, sources); removed > 0) {
    LogInfo("unused snapshots removed", {{"count", absl::StrCat(removed)}});
  }
}

}  // namespace vigil
