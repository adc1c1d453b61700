// A reference profile as text: a file (docs/formats/reference-profile.md), and an entry of the registry's in the catalog.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "domain/profile.h"

namespace vigil {

// What is read back is equal to the last bit, provided that every number is finite. `indent` -1: on one line.
std::string ProfileToJson(const ReferenceProfile& profile, int indent = 1);
// INVALID_ARGUMENT, naming `what` and the member, for anything else than ProfileToJson writes.
StatusOr<ReferenceProfile> ProfileFromJson(std::string_view text, std::string_view what);

}  // namespace vigil
