// Fetched models that nothing needs any more.
#pragma once

#include <vector>

#include "app/config.h"
#include "blobs/snapshots.h"
#include "registry/registry.h"

namespace vigil {

// Removes the snapshots that no version of `registry` may come back from and no source of `models` is held against.
void RemoveUnusedSnapshots(const Registry& registry, const std::vector<ModelConfig>& models, blobs::Snapshots& snapshots);

}  // namespace vigil
