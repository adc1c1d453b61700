// Definitions → TypeSystem.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "frontends/graphql/language/types.h"

namespace vigil::graphql {

// What is wrong with a schema's text, and where in it.
struct SchemaProblem {
  std::string message;
  uint32_t at = 0;
};
using SchemaProblems = std::vector<SchemaProblem>;

// Rules of the text: names given once, types and directives known, directives where they may stand with the arguments that they need.
void CheckDefinitions(const Ast& built_in, const Ast& ast, SchemaProblems* problems);
// `types` holds the texts, which CheckDefinitions found nothing in. Problems: default values.
void BuildTypes(TypeSystem* types, SchemaProblems* problems);
// Rules of the whole: roots, interfaces, unions, inputs, reserved names.
void CheckTypes(const TypeSystem& types, SchemaProblems* problems);

}  // namespace vigil::graphql
