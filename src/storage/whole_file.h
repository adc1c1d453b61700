// Files small enough to be held whole, on the real disk: they appear whole or not at all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil {

// FileSystem::Replace: the old contents or the new, durable on return. One writer a path at a time (`path`.tmp is the half-written one).
Status WriteFileAtomically(const std::string& path, std::string_view bytes);
// NOT_FOUND; RESOURCE_EXHAUSTED beyond `bytes_max`. For regular files: a pipe reads as empty.
StatusOr<std::string> ReadWholeFile(const std::string& path, int64_t bytes_max);

}  // namespace vigil
