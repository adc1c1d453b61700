// Mutations are REST's operations: an input becomes the body that the route takes, so that both check, decide and answer alike.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "frontends/graphql/context.h"
#include "frontends/graphql/language/resolvers.h"

namespace vigil::graphql {

// The members of `input` that are given and named, in snake case.
Json BodyOf(const Json& input, std::initializer_list<const char*> names);
// What the route's handler answers. FAILED_PRECONDITION and the like are its own; PERMISSION_DENIED when the caller may not.
StatusOr<Json> CallOperation(Context& context, Permission permission, OperationHandler operation, std::vector<std::string> params,
                             const Json& body);
// A text member that the schema demands.
std::string TextMember(const Json& input, const char* name);

}  // namespace vigil::graphql
