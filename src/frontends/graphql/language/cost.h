// What an operation may cost at most, by the sizes of lists that it asks for.
#pragma once

#include <optional>

#include "frontends/graphql/language/limits.h"
#include "frontends/graphql/language/types.h"

namespace vigil::graphql {

// `variables` are coerced. Limits.h tells how it is counted.
int64_t CostOf(const TypeSystem& types, const Ast& ast, const Definition& operation, const Json& variables, const Limits& limits);
// An error when that is above Limits::cost_max.
std::optional<Error> CheckCost(const TypeSystem& types, const Ast& ast, const Definition& operation, const Json& variables,
                               const Limits& limits);

}  // namespace vigil::graphql
