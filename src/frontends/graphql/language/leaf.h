// Scalars and enums of a response.
#pragma once

#include <optional>
#include <string>

#include "frontends/graphql/language/resolvers.h"
#include "frontends/graphql/language/types.h"

namespace vigil::graphql {

// Appends `value` (not null) as JSON, as the type has it; else says why it is none, in graphql-js's words. Numbers and booleans become each
// other and texts where the type asks for them; texts never become numbers.
std::optional<std::string> AppendLeaf(const Json& value, const TypeDef& type, const ScalarRules* rules, std::string* out);

}  // namespace vigil::graphql
