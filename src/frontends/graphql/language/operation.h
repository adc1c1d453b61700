// Which operation of a document is meant.
#pragma once

#include <string_view>

#include "frontends/graphql/language/ast.h"

namespace vigil::graphql {

struct FoundOperation {
  const Definition* operation = nullptr;
  Error error;  // when there is none
};
FoundOperation FindOperation(const Ast& ast, std::string_view name);

}  // namespace vigil::graphql
