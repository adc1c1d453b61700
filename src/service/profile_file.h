// A reference profile from its file.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "domain/profile.h"

namespace vigil {

// Null for an empty path: no reference. NOT_FOUND when the file cannot be opened; what the profile's format refuses names it.
StatusOr<std::shared_ptr<const ReferenceProfile>> ReadProfileFile(const std::string& path);

}  // namespace vigil
