// The schema as the answer to queries about it.
#pragma once

#include <string_view>

#include "frontends/graphql/language/resolvers.h"
#include "frontends/graphql/language/types.h"

namespace vigil::graphql {

// Registers resolvers for __Schema, __Type and the rest.
void AddIntrospection(Resolvers* resolvers);
// What `__schema` and `__type(name:)` give.
Value SchemaValue(const TypeSystem& types);
Value TypeValue(const TypeSystem& types, std::string_view name);

}  // namespace vigil::graphql
