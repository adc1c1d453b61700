#include "frontends/graphql/language/document.h"

#include <utility>

#include "frontends/graphql/language/ast.h"
#include "frontends/graphql/language/measure.h"
#include "frontends/graphql/language/operation.h"
#include "frontends/graphql/language/parser.h"
#include "frontends/graphql/language/validation.h"

namespace vigil::graphql {

Document::Document(const Schema& schema, std::unique_ptr<const Ast> ast) : schema_(&schema), ast_(std::move(ast)) {}
Document::~Document() = default;

std::optional<OperationKind> Document::KindOf(std::string_view name) const {
  const Definition* operation = FindOperation(*ast_, name).operation;
  return operation == nullptr ? std::nullopt : std::optional<OperationKind>(operation->operation);
}

size_t Document::bytes() const { return sizeof(Document) + sizeof(Ast) + 2 * ast_->source.text().size() + ast_->arena.bytes(); }

struct Preparation {
  static std::shared_ptr<const Document> Make(const Schema& schema, std::unique_ptr<const Ast> ast) {
    return std::shared_ptr<const Document>(new Document(schema, std::move(ast)));
  }
};

Prepared Prepare(const Schema& schema, std::string text, const Limits& limits) {
  Parsed parsed = Parse(std::move(text), limits);
  if (parsed.error) return {nullptr, {*std::move(parsed.error)}};
  if (auto error = CheckSize(*parsed.ast, limits)) return {nullptr, {*std::move(error)}};
  std::vector<Error> errors = Validate(schema.types(), *parsed.ast, limits);
  if (!errors.empty()) return {nullptr, std::move(errors)};
  return {Preparation::Make(schema, std::move(parsed.ast)), {}};
}

}  // namespace vigil::graphql
