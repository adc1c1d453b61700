// Text → tokens, as the specification's lexical grammar has them, with graphql-js's words for what is none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "frontends/graphql/language/arena.h"

namespace vigil::graphql {

enum class TokenKind : uint8_t {
  kStart,
  kEnd,
  kBang,
  kDollar,
  kAmp,
  kParenL,
  kParenR,
  kSpread,
  kColon,
  kEquals,
  kAt,
  kBracketL,
  kBracketR,
  kBraceL,
  kPipe,
  kBraceR,
  kName,
  kInt,
  kFloat,
  kString,
  kBlockString,
  kError,
};

struct Token {
  TokenKind kind = TokenKind::kStart;
  uint32_t start = 0;
  uint32_t end = 0;
  std::string_view text;  // a name, a number as written, a string's value
};
// `"{"`, `Name "foo"`, `<EOF>`.
std::string Describe(const Token& token);
std::string_view Describe(TokenKind kind);

// Gives one token after the other. Strings with escapes are put into `arena`.
class Lexer {
 public:
  Lexer(std::string_view text, Arena* arena) : text_(text), arena_(arena) {}

  // The token at or after `at`; commas, blanks and comments are passed over. A kError's place is its start, and error() says what.
  Token Next(uint32_t at);
  const std::string& error() const { return error_; }

 private:
  char At(size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  bool Ended(size_t i) const { return i >= text_.size(); }
  std::string PrintCodePoint(size_t at) const;
  std::string_view Units(size_t at, size_t count) const;
  Token Fail(size_t at, std::string message);
  size_t Skip(size_t at) const;
  Token Number(size_t start);
  bool Digits(size_t* at, Token* failure);
  Token String(size_t start);
  Token BlockString(size_t start);
  // Appends what the escape at `at` stands for and moves behind it.
  bool Escape(size_t* at, std::string* out, Token* failure);
  bool UnicodeEscape(size_t* at, std::string* out, Token* failure);
  int32_t FourHex(size_t at) const;

  std::string_view text_;
  Arena* arena_;
  std::string error_;
};

}  // namespace vigil::graphql
