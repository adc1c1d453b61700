// Where an entity stands on the unit line of one experiment: the same answer in every process and on every replica.
#pragma once

#include <string_view>

#include "base/hash.h"

namespace vigil {

// In [0, 1). A salt of another experiment gives an independent point.
inline double EntityPoint(std::string_view salt, std::string_view entity) { return HashToUnit(StableHash(entity, StableHash(salt))); }

}  // namespace vigil
