// Values from outside, by their types: a request's variables, and the arguments that a field or directive gets.
#pragma once

#include <optional>
#include <vector>

#include "frontends/graphql/language/limits.h"
#include "frontends/graphql/language/literal.h"

namespace vigil::graphql {

// Puts the operation's variables, coerced and with their defaults, into `out` (an object). graphql-js's messages, at most 50.
std::vector<Error> CoerceVariables(const TypeSystem& types, const Source& source, const Definition& operation, const Json* given,
                                   const ScalarLookup* scalars, bool suggestions, Json* out);

// Puts what `nodes` and the defaults of `known` give into `out` (an object). `at` is the field or directive.
std::optional<Error> CoerceArguments(const Source& source, const std::vector<InputDef>& known, Nodes<ArgumentNode> nodes, uint32_t at,
                                     const LiteralScope& scope, Json* out);

}  // namespace vigil::graphql
