// A time as a person gives it on the command line.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/status.h"

namespace vigil::cli {

// RFC 3339, or "14:03" and "14:03:20": when it was that last, in UTC. INVALID_ARGUMENT shows both forms.
StatusOr<TimeUs> ParseMoment(const std::string& text, TimeUs now);

}  // namespace vigil::cli
