// Values, types, arguments and directives: what executable documents and schemas have in common.
#include <utility>

#include "frontends/graphql/language/parser.h"
#include "frontends/words.h"

namespace vigil::graphql {

Nodes<ArgumentNode> Parser::ParseArguments(bool constant) {
  return OptionalMany(TokenKind::kParenL, TokenKind::kParenR, [this, constant] {
    ArgumentNode argument;
    argument.name = ParseName();
    Expect(TokenKind::kColon);
    argument.value = ParseLiteral(constant);
    return argument;
  });
}

Nodes<DirectiveNode> Parser::ParseDirectives(bool constant) {
  if (!Peek(TokenKind::kAt)) return {};
  List<DirectiveNode> directives;
  while (Peek(TokenKind::kAt)) {
    DirectiveNode directive;
    directive.at = token_.start;
    Advance();
    directive.name = ParseName();
    directive.arguments = ParseArguments(constant);
    directives.push_back(directive);
  }
  return ast_->arena.KeepAll(directives);
}

const Literal* Parser::ParseDefault() { return Accept(TokenKind::kEquals) ? ast_->arena.Keep(ParseLiteral(true)) : nullptr; }

Literal Parser::ParseLiteral(bool constant) {
  const Token token = token_;
  Literal literal;
  literal.at = token.start;
  literal.text = token.text;
  switch (token.kind) {
    case TokenKind::kBracketL: {
      const Nested nested(this);
      literal.kind = LiteralKind::kList;
      literal.items = Many(
          TokenKind::kBracketL, TokenKind::kBracketR, [&] { return ParseLiteral(constant); }, true);
      return literal;
    }
    case TokenKind::kBraceL: {
      const Nested nested(this);
      literal.kind = LiteralKind::kObject;
      const auto field = [&] {
        LiteralField one;
        one.name = ParseName();
        Expect(TokenKind::kColon);
        one.value = ParseLiteral(constant);
        return one;
      };
      literal.fields = Many(TokenKind::kBraceL, TokenKind::kBraceR, field, true);
      return literal;
    }
    case TokenKind::kInt: literal.kind = LiteralKind::kInt; break;
    case TokenKind::kFloat: literal.kind = LiteralKind::kFloat; break;
    case TokenKind::kBlockString: literal.block = true; [[fallthrough]];
    case TokenKind::kString: literal.kind = LiteralKind::kString; break;
    case TokenKind::kName:
      literal.kind = token.text == "true" || token.text == "false" ? LiteralKind::kBoolean
                     : token.text == "null"                        ? LiteralKind::kNull
                                                                   : LiteralKind::kEnum;
      break;
    case TokenKind::kDollar: return ParseVariableUse(constant);
    default: Unexpected(); return literal;
  }
  Advance();
  return literal;
}

Literal Parser::ParseVariableUse(bool constant) {
  const Token dollar = Expect(TokenKind::kDollar);
  if (constant && !failed()) {
    if (Peek(TokenKind::kName)) {
      FailSyntax(dollar.start, Concat("Unexpected variable \"$", token_.text, "\" in constant value."));
    } else {
      Unexpected(dollar);
    }
  }
  Literal literal;
  literal.kind = LiteralKind::kVariable;
  literal.at = dollar.start;
  literal.text = ParseName().text;
  return literal;
}

TypeNode Parser::ParseNamedType() {
  TypeNode type;
  type.name = ParseName();
  type.at = type.name.at;
  return type;
}

TypeNode Parser::ParseType() {
  const uint32_t start = token_.start;
  int lists = 0;  // opened by now
  while (Accept(TokenKind::kBracketL)) {
    if (++lists > kListTypesMax) {
      Fail(token_.start, Concat("Syntax Error: A type has more than ", kListTypesMax, " lists within each other."), kLimitExceeded);
    }
  }
  TypeNode type = ParseNamedType();
  for (int open = lists;; --open) {
    if (Accept(TokenKind::kBang)) type = {TypeNode::Kind::kNonNull, start, {}, ast_->arena.Keep(type)};
    if (open == 0 || failed()) return type;
    Expect(TokenKind::kBracketR);
    type = {TypeNode::Kind::kList, start, {}, ast_->arena.Keep(type)};
  }
}

}  // namespace vigil::graphql
