// An alert as the catalog keeps it.
#pragma once

#include "base/json.h"
#include "base/status.h"
#include "domain/alert.h"

namespace vigil {

Json AlertToJson(const Alert& alert);
StatusOr<Alert> AlertFromJson(const Json& value);

}  // namespace vigil
