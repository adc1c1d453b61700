// How big an operation is, fragments counted where they are spread, without walking it as often as that: exponential documents are measured
// in linear time.
#pragma once

#include <optional>

#include "frontends/graphql/language/ast.h"
#include "frontends/graphql/language/limits.h"

namespace vigil::graphql {

// The first limit that an operation exceeds, as an error at that operation.
std::optional<Error> CheckSize(const Ast& ast, const Limits& limits);

}  // namespace vigil::graphql
