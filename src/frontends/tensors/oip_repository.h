// The Open Inference Protocol's model repository, of both its forms. Takes effect on memory only: roles stay as they are. May block.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "service/operations.h"

namespace vigil {

struct OipIndexEntry {
  std::string name, version;
  std::string_view state, reason;  // "READY" and nothing, or "UNAVAILABLE" and why
};
// Every version of every model, or only the loaded ones.
StatusOr<std::vector<OipIndexEntry>> OipIndex(Operations& operations, bool ready_only);

// Failures say "failed to load" or "failed to unload", which Triton's clients look for.
Status OipLoad(Operations& operations, const std::string& model, const std::string& by);
Status OipUnload(Operations& operations, const std::string& model, const std::string& by);
// Parameters of a load: none changes anything here; those that would (another configuration, other files) are refused by name, with
// UNIMPLEMENTED.
Status CheckOipLoadParameter(std::string_view name);

}  // namespace vigil
