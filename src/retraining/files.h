// Small files that appear whole or not at all. Internal to retraining.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil {

// Writes `path`.tmp, syncs, renames, syncs the directory.
Status WriteFileAtomically(const std::string& path, std::string_view bytes);
// NOT_FOUND; RESOURCE_EXHAUSTED beyond `bytes_max`.
StatusOr<std::string> ReadWholeFile(const std::string& path, int64_t bytes_max);

}  // namespace vigil
