// Text → Ast: executable documents and schema definitions by the September 2025 grammar. Recurses once a level of selection sets, values
// and list types, at most Limits::nesting_max deep.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/container/inlined_vector.h"
#include "frontends/graphql/language/ast.h"
#include "frontends/graphql/language/lexer.h"
#include "frontends/graphql/language/limits.h"

namespace vigil::graphql {

// Lists within each other that a type may be; TypeRef has room for as many.
inline constexpr int kListTypesMax = 15;

struct Parsed {
  std::unique_ptr<Ast> ast;
  std::optional<Error> error;  // then `ast` is not to be used
};
// Of `limits` those of parsing.
Parsed Parse(std::string text, const Limits& limits);

class Parser {
 public:
  Parser(Ast* ast, const Limits& limits);

  // False after a failure.
  bool ParseDocument();
  std::optional<Error> TakeError() { return std::move(error_); }

 private:
  // One level deeper than its caller; fails when that is too deep.
  class Nested;
  template <class T>
  using List = absl::InlinedVector<T, 4>;

  // After a failure every token is kError, so that each loop ends and what is being built is thrown away.
  bool failed() const { return error_.has_value(); }
  void Fail(size_t at, std::string message, std::string_view code);
  void FailSyntax(size_t at, std::string_view message);
  void Unexpected(const Token& token);
  void Unexpected() { Unexpected(token_); }
  void Advance();
  const Token& LookAhead();
  bool Peek(TokenKind kind) const { return token_.kind == kind; }
  bool Accept(TokenKind kind);
  Token Expect(TokenKind kind);
  bool PeekKeyword(std::string_view word) const { return Peek(TokenKind::kName) && token_.text == word; }
  bool AcceptKeyword(std::string_view word);
  void ExpectKeyword(std::string_view word);
  // `open item+ close`; `open item* close` where `empty`.
  template <class F>
  auto Many(TokenKind open, TokenKind close, F item, bool empty = false);
  template <class F>
  auto OptionalMany(TokenKind open, TokenKind close, F item);
  template <class F>
  auto Delimited(TokenKind delimiter, F item);

  // parser.cc
  Name ParseName();
  Definition ParseDefinition();
  Definition ParseOperation();
  OperationKind ParseOperationKind();
  VariableNode ParseVariable();
  const SelectionSet* ParseSelectionSet();
  SelectionNode ParseSelection();
  Definition ParseFragment();
  Name ParseFragmentName();
  Nodes<ArgumentNode> ParseArguments(bool constant);
  Nodes<DirectiveNode> ParseDirectives(bool constant);
  Literal ParseLiteral(bool constant);
  Literal ParseVariableUse(bool constant);
  const Literal* ParseDefault();
  TypeNode ParseType();
  TypeNode ParseNamedType();

  // parser_schema.cc
  bool PeekDescription() const { return Peek(TokenKind::kString) || Peek(TokenKind::kBlockString); }
  const Literal* ParseDescription();
  Definition ParseTypeSystem();
  void ParseBody(Definition* definition);
  void ParseDirectiveDefinition(Definition* definition);
  Nodes<TypeNode> ParseInterfaces();
  Nodes<FieldNode> ParseFields();
  FieldNode ParseField();
  FieldNode ParseEnumValue();
  InputNode ParseInput();

  Ast* ast_;
  const Limits& limits_;
  Lexer lexer_;
  Token token_;
  std::optional<Token> next_;  // looked at already
  size_t tokens_ = 0;
  size_t nesting_ = 0;
  std::optional<Error> error_;
};

class Parser::Nested {
 public:
  explicit Nested(Parser* parser);
  ~Nested() { --parser_->nesting_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  Parser* parser_;
};

template <class F>
auto Parser::Many(TokenKind open, TokenKind close, F item, bool empty) {
  Expect(open);
  List<decltype(item())> items;
  if (empty && Accept(close)) return ast_->arena.KeepAll(items);
  do {
    items.push_back(item());
  } while (!failed() && !Accept(close));
  return ast_->arena.KeepAll(items);
}

template <class F>
auto Parser::OptionalMany(TokenKind open, TokenKind close, F item) {
  return Peek(open) ? Many(open, close, item) : Nodes<decltype(item())>();
}

template <class F>
auto Parser::Delimited(TokenKind delimiter, F item) {
  Accept(delimiter);
  List<decltype(item())> items;
  do {
    items.push_back(item());
  } while (!failed() && Accept(delimiter));
  return ast_->arena.KeepAll(items);
}

}  // namespace vigil::graphql
