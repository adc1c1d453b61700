// Definitions of schemas, types and directives, and their extensions.
#include <algorithm>
#include <utility>

#include "frontends/graphql/language/parser.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr std::pair<std::string_view, DefinitionKind> kKeywords[] = {
    {"schema", DefinitionKind::kSchema},     {"scalar", DefinitionKind::kScalar},       {"type", DefinitionKind::kObject},
    {"union", DefinitionKind::kUnion},       {"interface", DefinitionKind::kInterface}, {"enum", DefinitionKind::kEnum},
    {"input", DefinitionKind::kInputObject}, {"directive", DefinitionKind::kDirective},
};

}  // namespace

bool IsDirectiveLocation(std::string_view name) {
  static constexpr std::string_view kLocations[] = {"QUERY",
                                                    "MUTATION",
                                                    "SUBSCRIPTION",
                                                    "FIELD",
                                                    "FRAGMENT_DEFINITION",
                                                    "FRAGMENT_SPREAD",
                                                    "INLINE_FRAGMENT",
                                                    "VARIABLE_DEFINITION",
                                                    "SCHEMA",
                                                    "SCALAR",
                                                    "OBJECT",
                                                    "FIELD_DEFINITION",
                                                    "ARGUMENT_DEFINITION",
                                                    "INTERFACE",
                                                    "UNION",
                                                    "ENUM",
                                                    "ENUM_VALUE",
                                                    "INPUT_OBJECT",
                                                    "INPUT_FIELD_DEFINITION",
                                                    "DIRECTIVE_DEFINITION"};
  return std::find(std::begin(kLocations), std::end(kLocations), name) != std::end(kLocations);
}

const Literal* Parser::ParseDescription() { return PeekDescription() ? ast_->arena.Keep(ParseLiteral(true)) : nullptr; }

// With or without `extend`, which takes no description and must add something.
Definition Parser::ParseTypeSystem() {
  Definition definition;
  definition.at = token_.start;
  definition.description = ParseDescription();
  definition.extend = AcceptKeyword("extend");
  const Token keyword = token_;
  const auto* found = std::find_if(std::begin(kKeywords), std::end(kKeywords), [&](const auto& k) { return k.first == keyword.text; });
  if (keyword.kind != TokenKind::kName || found == std::end(kKeywords) ||
      (definition.extend && found->second == DefinitionKind::kDirective)) {
    Unexpected();
    return definition;
  }
  Advance();
  definition.kind = found->second;
  if (definition.kind == DefinitionKind::kDirective) {
    ParseDirectiveDefinition(&definition);
    return definition;
  }
  if (definition.kind != DefinitionKind::kSchema) definition.name = ParseName();
  if (definition.kind == DefinitionKind::kObject || definition.kind == DefinitionKind::kInterface) definition.types = ParseInterfaces();
  definition.directives = ParseDirectives(true);
  ParseBody(&definition);
  if (definition.extend && definition.directives.empty() && definition.types.empty() && definition.fields.empty() &&
      definition.inputs.empty() && definition.roots.empty()) {
    Unexpected();
  }
  return definition;
}

void Parser::ParseBody(Definition* definition) {
  switch (definition->kind) {
    case DefinitionKind::kSchema: {
      const auto root = [this] {
        const OperationKind kind = ParseOperationKind();
        Expect(TokenKind::kColon);
        return std::pair<OperationKind, TypeNode>(kind, ParseNamedType());
      };
      if (!definition->extend || Peek(TokenKind::kBraceL)) definition->roots = Many(TokenKind::kBraceL, TokenKind::kBraceR, root);
      break;
    }
    case DefinitionKind::kObject:
    case DefinitionKind::kInterface: definition->fields = ParseFields(); break;
    case DefinitionKind::kUnion:
      if (Accept(TokenKind::kEquals)) definition->types = Delimited(TokenKind::kPipe, [this] { return ParseNamedType(); });
      break;
    case DefinitionKind::kEnum:
      definition->fields = OptionalMany(TokenKind::kBraceL, TokenKind::kBraceR, [this] { return ParseEnumValue(); });
      break;
    case DefinitionKind::kInputObject:
      definition->inputs = OptionalMany(TokenKind::kBraceL, TokenKind::kBraceR, [this] { return ParseInput(); });
      break;
    default: break;
  }
}

void Parser::ParseDirectiveDefinition(Definition* definition) {
  Expect(TokenKind::kAt);
  definition->name = ParseName();
  definition->inputs = OptionalMany(TokenKind::kParenL, TokenKind::kParenR, [this] { return ParseInput(); });
  definition->repeatable = AcceptKeyword("repeatable");
  ExpectKeyword("on");
  definition->locations = Delimited(TokenKind::kPipe, [this] {
    const Token token = token_;
    const Name name = ParseName();
    if (!IsDirectiveLocation(name.text)) Unexpected(token);
    return name;
  });
}

Nodes<TypeNode> Parser::ParseInterfaces() {
  return AcceptKeyword("implements") ? Delimited(TokenKind::kAmp, [this] { return ParseNamedType(); }) : Nodes<TypeNode>();
}

Nodes<FieldNode> Parser::ParseFields() {
  return OptionalMany(TokenKind::kBraceL, TokenKind::kBraceR, [this] { return ParseField(); });
}

FieldNode Parser::ParseField() {
  FieldNode field;
  field.at = token_.start;
  field.description = ParseDescription();
  field.name = ParseName();
  field.arguments = OptionalMany(TokenKind::kParenL, TokenKind::kParenR, [this] { return ParseInput(); });
  Expect(TokenKind::kColon);
  field.type = ParseType();
  field.directives = ParseDirectives(true);
  return field;
}

FieldNode Parser::ParseEnumValue() {
  FieldNode value;
  value.at = token_.start;
  value.description = ParseDescription();
  if (PeekKeyword("true") || PeekKeyword("false") || PeekKeyword("null")) {
    FailSyntax(token_.start, Concat(Describe(token_), " is reserved and cannot be used for an enum value."));
  }
  value.name = ParseName();
  value.directives = ParseDirectives(true);
  return value;
}

InputNode Parser::ParseInput() {
  InputNode input;
  input.at = token_.start;
  input.description = ParseDescription();
  input.name = ParseName();
  Expect(TokenKind::kColon);
  input.type = ParseType();
  input.default_value = ParseDefault();
  input.directives = ParseDirectives(true);
  return input;
}

}  // namespace vigil::graphql
