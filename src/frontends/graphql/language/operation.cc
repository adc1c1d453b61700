#include "frontends/graphql/language/operation.h"

#include "frontends/words.h"

namespace vigil::graphql {

FoundOperation FindOperation(const Ast& ast, std::string_view name) {
  FoundOperation found;
  const auto fail = [](std::string message) {
    return FoundOperation{nullptr, {std::move(message), {}, nullptr, {{"code", kUnknownOperation}}}};
  };
  for (const Definition& definition : ast.definitions) {
    if (definition.kind != DefinitionKind::kOperation || (!name.empty() && definition.name.text != name)) continue;
    if (found.operation != nullptr) return fail("Must provide operation name if query contains multiple operations.");
    found.operation = &definition;
  }
  if (found.operation != nullptr) return found;
  return fail(name.empty() ? "Must provide an operation." : Concat("Unknown operation named \"", name, "\"."));
}

}  // namespace vigil::graphql
