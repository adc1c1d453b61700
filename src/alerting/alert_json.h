// An alert as it is stored: an entry of the catalog each, and inside the engine's saved state.
#pragma once

#include "base/json.h"
#include "base/status.h"
#include "domain/alert.h"

namespace vigil {

// State and severity by name, times in microseconds; a value that is not finite is null.
Json AlertToJson(const Alert& alert);
// DATA_LOSS, naming the field, for what AlertToJson does not write.
StatusOr<Alert> AlertFromJson(const Json& value);

}  // namespace vigil
