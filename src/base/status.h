// Errors as values. absl::Status codes are gRPC's; `frontends` derives every dialect's code from them in one table.
// A message names what was wrong, where, and the nearest right thing.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vigil {

using absl::Status;
using absl::StatusOr;

}  // namespace vigil

#define VIGIL_CONCAT_INNER(a, b) a##b
#define VIGIL_CONCAT(a, b) VIGIL_CONCAT_INNER(a, b)

// Returns the status from the enclosing function unless it is OK.
#define VIGIL_RETURN_IF_ERROR(expr)                                                       \
  do {                                                                                    \
    if (::absl::Status vigil_status_ = (expr); !vigil_status_.ok()) return vigil_status_; \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): `lhs` may be a declaration, `tmp` is a name.
#define VIGIL_ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                                 \
  if (!tmp.ok()) return std::move(tmp).status();     \
  lhs = std::move(tmp).value()
// NOLINTEND(bugprone-macro-parentheses)

// `VIGIL_ASSIGN_OR_RETURN(auto x, F())`: x is F's value, or the enclosing function returns F's status.
#define VIGIL_ASSIGN_OR_RETURN(lhs, expr) VIGIL_ASSIGN_OR_RETURN_INNER(VIGIL_CONCAT(vigil_or_, __LINE__), lhs, expr)
