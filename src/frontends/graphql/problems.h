// Failures of REST's shape as failures of fields: the stable code, the offending place, the nearest valid name, the refused rows.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/status.h"

namespace vigil::graphql {

// A problem document (frontends/errors.h) as the status that it was made of, with its refused rows.
Status ProblemStatus(std::string_view document);
// `extensions` of a failed field: {"code","path"?,"nearest"?,"errors"?,"errorCount"?}.
Json ProblemExtensions(const Status& status);

}  // namespace vigil::graphql
