#include "frontends/graphql/language/parser.h"

#include <utility>

#include "frontends/words.h"

namespace vigil::graphql {

Parser::Parser(Ast* ast, const Limits& limits) : ast_(ast), limits_(limits), lexer_(ast->source.text(), &ast->arena) {}

void Parser::Fail(size_t at, std::string message, std::string_view code) {
  if (failed()) return;
  error_ = Error{std::move(message), {ast_->source.Locate(at)}, nullptr, {{"code", code}}};
  token_ = {TokenKind::kError, token_.start, token_.end, {}};
  next_.reset();
}

void Parser::FailSyntax(size_t at, std::string_view message) { Fail(at, Concat("Syntax Error: ", message), kParseFailed); }
void Parser::Unexpected(const Token& token) {
  if (!failed()) FailSyntax(token.start, Concat("Unexpected ", Describe(token), "."));
}

void Parser::Advance() {
  if (failed()) return;
  const Token token = next_ ? *next_ : lexer_.Next(token_.end);
  next_.reset();
  token_ = token;
  if (token.kind == TokenKind::kError) return FailSyntax(token.start, lexer_.error());
  if (token.kind != TokenKind::kEnd && ++tokens_ > limits_.tokens_max) {
    Fail(token.start, Concat("Syntax Error: Document contains more than ", limits_.tokens_max, " tokens."), kLimitExceeded);
  }
}

const Token& Parser::LookAhead() {
  if (failed()) return token_;
  next_ = lexer_.Next(token_.end);
  if (next_->kind != TokenKind::kError) return *next_;
  FailSyntax(next_->start, lexer_.error());
  return token_;
}

bool Parser::Accept(TokenKind kind) {
  if (!Peek(kind)) return false;
  Advance();
  return true;
}

Token Parser::Expect(TokenKind kind) {
  const Token token = token_;
  if (token.kind == kind) {
    Advance();
  } else if (!failed()) {
    FailSyntax(token.start, Concat("Expected ", Describe(kind), ", found ", Describe(token), "."));
  }
  return token;
}

bool Parser::AcceptKeyword(std::string_view word) {
  if (!PeekKeyword(word)) return false;
  Advance();
  return true;
}

void Parser::ExpectKeyword(std::string_view word) {
  if (AcceptKeyword(word) || failed()) return;
  FailSyntax(token_.start, Concat("Expected \"", word, "\", found ", Describe(token_), "."));
}

Parser::Nested::Nested(Parser* parser) : parser_(parser) {
  if (++parser_->nesting_ > parser_->limits_.nesting_max) {
    parser_->Fail(parser_->token_.start, Concat("Syntax Error: Document nests deeper than ", parser_->limits_.nesting_max, " levels."),
                  kLimitExceeded);
  }
}

bool Parser::ParseDocument() {
  if (ast_->source.text().size() > limits_.document_bytes_max) {
    Fail(0, Concat("Document has more than ", limits_.document_bytes_max, " bytes."), kLimitExceeded);
    return false;
  }
  ast_->definitions = Many(TokenKind::kStart, TokenKind::kEnd, [this] { return ParseDefinition(); });
  if (failed()) return false;
  for (const Definition& definition : ast_->definitions) {
    if (definition.kind == DefinitionKind::kFragment) ast_->fragments[definition.name.text] = &definition;
  }
  return true;
}

Name Parser::ParseName() {
  const Token token = Expect(TokenKind::kName);
  return {token.text, token.start};
}

Definition Parser::ParseDefinition() {
  if (Peek(TokenKind::kBraceL)) return ParseOperation();
  const bool described = PeekDescription();
  const Token keyword = described ? LookAhead() : token_;
  if (failed()) return {};
  if (described && keyword.kind == TokenKind::kBraceL) {
    FailSyntax(token_.start, "Unexpected description, descriptions are not supported on shorthand queries.");
    return {};
  }
  if (keyword.kind == TokenKind::kName) {
    for (const std::string_view word : {"schema", "scalar", "type", "interface", "union", "enum", "input", "directive"}) {
      if (keyword.text == word) return ParseTypeSystem();
    }
    if (keyword.text == "query" || keyword.text == "mutation" || keyword.text == "subscription") return ParseOperation();
    if (keyword.text == "fragment") return ParseFragment();
    if (described) {
      FailSyntax(token_.start, "Unexpected description, only GraphQL definitions support descriptions.");
      return {};
    }
    if (keyword.text == "extend") return ParseTypeSystem();
  }
  Unexpected(keyword);
  return {};
}

Definition Parser::ParseOperation() {
  Definition operation;
  operation.at = token_.start;
  if (!Peek(TokenKind::kBraceL)) {
    operation.description = ParseDescription();
    operation.operation = ParseOperationKind();
    if (Peek(TokenKind::kName)) operation.name = ParseName();
    operation.variables = OptionalMany(TokenKind::kParenL, TokenKind::kParenR, [this] { return ParseVariable(); });
    operation.directives = ParseDirectives(false);
  }
  operation.set = ParseSelectionSet();
  return operation;
}

OperationKind Parser::ParseOperationKind() {
  const Token token = Expect(TokenKind::kName);
  if (token.text == "mutation") return OperationKind::kMutation;
  if (token.text == "subscription") return OperationKind::kSubscription;
  if (token.text != "query") Unexpected(token);
  return OperationKind::kQuery;
}

VariableNode Parser::ParseVariable() {
  VariableNode variable;
  variable.at = token_.start;
  ParseDescription();
  Expect(TokenKind::kDollar);
  const Name name = ParseName();
  variable.name = name.text;
  variable.name_at = name.at;
  Expect(TokenKind::kColon);
  variable.type = ParseType();
  variable.default_value = ParseDefault();
  variable.directives = ParseDirectives(true);
  return variable;
}

const SelectionSet* Parser::ParseSelectionSet() {
  const Nested nested(this);
  SelectionSet set;
  set.at = token_.start;
  set.selections = Many(TokenKind::kBraceL, TokenKind::kBraceR, [this] { return ParseSelection(); });
  return ast_->arena.Keep(set);
}

SelectionNode Parser::ParseSelection() {
  SelectionNode node;
  node.at = token_.start;
  if (!Accept(TokenKind::kSpread)) {
    node.name = ParseName();
    if (Accept(TokenKind::kColon)) node.alias = std::exchange(node.name, ParseName());
    node.arguments = ParseArguments(false);
    node.directives = ParseDirectives(false);
    if (Peek(TokenKind::kBraceL)) node.set = ParseSelectionSet();
    return node;
  }
  const bool conditioned = AcceptKeyword("on");
  if (!conditioned && Peek(TokenKind::kName)) {
    node.kind = SelectionKind::kSpread;
    node.name = ParseFragmentName();
    node.directives = ParseDirectives(false);
    return node;
  }
  node.kind = SelectionKind::kInline;
  if (conditioned) node.condition = ast_->arena.Keep(ParseNamedType());
  node.directives = ParseDirectives(false);
  node.set = ParseSelectionSet();
  return node;
}

Definition Parser::ParseFragment() {
  Definition fragment;
  fragment.kind = DefinitionKind::kFragment;
  fragment.at = token_.start;
  fragment.description = ParseDescription();
  ExpectKeyword("fragment");
  fragment.name = ParseFragmentName();
  ExpectKeyword("on");
  fragment.condition = ParseNamedType();
  fragment.directives = ParseDirectives(false);
  fragment.set = ParseSelectionSet();
  return fragment;
}

Name Parser::ParseFragmentName() {
  if (PeekKeyword("on")) Unexpected();
  return ParseName();
}

Parsed Parse(std::string text, const Limits& limits) {
  Parsed parsed;
  parsed.ast = std::make_unique<Ast>(std::move(text));
  Parser parser(parsed.ast.get(), limits);
  if (!parser.ParseDocument()) parsed.error = parser.TakeError();
  return parsed;
}

}  // namespace vigil::graphql
