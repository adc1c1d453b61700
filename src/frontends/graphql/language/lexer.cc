#include "frontends/graphql/language/lexer.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "frontends/graphql/language/source.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNameContinue(char c) { return IsNameStart(c) || IsDigit(c); }

Token Make(TokenKind kind, size_t start, size_t end, std::string_view text = {}) {
  return {kind, static_cast<uint32_t>(start), static_cast<uint32_t>(end), text};
}

TokenKind Punctuator(char c) {
  switch (c) {
    case '!': return TokenKind::kBang;
    case '$': return TokenKind::kDollar;
    case '&': return TokenKind::kAmp;
    case '(': return TokenKind::kParenL;
    case ')': return TokenKind::kParenR;
    case ':': return TokenKind::kColon;
    case '=': return TokenKind::kEquals;
    case '@': return TokenKind::kAt;
    case '[': return TokenKind::kBracketL;
    case ']': return TokenKind::kBracketR;
    case '{': return TokenKind::kBraceL;
    case '|': return TokenKind::kPipe;
    case '}': return TokenKind::kBraceR;
    default: return TokenKind::kError;
  }
}

}  // namespace

std::string_view Describe(TokenKind kind) {
  static constexpr std::string_view kWords[] = {"<SOF>", "<EOF>", "\"!\"", "\"$\"",  "\"&\"",       "\"(\"",  "\")\"", "\"...\"",
                                                "\":\"", "\"=\"", "\"@\"", "\"[\"",  "\"]\"",       "\"{\"",  "\"|\"", "\"}\"",
                                                "Name",  "Int",   "Float", "String", "BlockString", "<error>"};
  return kWords[static_cast<size_t>(kind)];
}

std::string Describe(const Token& token) {
  const std::string_view kind = Describe(token.kind);
  return token.kind >= TokenKind::kName ? Concat(kind, " \"", token.text, "\"") : std::string(kind);
}

Token Lexer::Fail(size_t at, std::string message) {
  error_ = std::move(message);
  return Make(TokenKind::kError, at, at);
}

std::string Lexer::PrintCodePoint(size_t at) const {
  if (Ended(at)) return "<EOF>";
  size_t bytes = 0;
  const int32_t point = DecodeUtf8(text_, at, &bytes);
  if (point == '"') return "'\"'";
  if (point >= 0x20 && point <= 0x7E) return absl::StrFormat("\"%c\"", point);
  return absl::StrFormat("U+%04X", point < 0 ? static_cast<unsigned char>(text_[at]) : static_cast<uint32_t>(point));
}

// As many code points as `count` UTF-16 code units hold.
std::string_view Lexer::Units(size_t at, size_t count) const {
  size_t end = at;
  while (count > 0 && !Ended(end)) {
    size_t bytes = 0;
    const size_t units = DecodeUtf8(text_, end, &bytes) > 0xFFFF ? 2 : 1;
    end += bytes;
    count -= units > count ? count : units;
  }
  return text_.substr(at, end - at);
}

size_t Lexer::Skip(size_t at) const {
  while (!Ended(at)) {
    const char c = text_[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',') {
      ++at;
    } else if (c == '\xEF' && At(at + 1) == '\xBB' && At(at + 2) == '\xBF') {
      at += 3;  // a byte order mark
    } else if (c == '#') {
      while (!Ended(at) && text_[at] != '\n' && text_[at] != '\r') {
        size_t bytes = 1;
        if ((text_[at] & 0x80) != 0 && DecodeUtf8(text_, at, &bytes) < 0) return at;
        at += bytes;
      }
    } else {
      break;
    }
  }
  return at;
}

Token Lexer::Next(uint32_t from) {
  const size_t at = Skip(from);
  if (Ended(at)) return Make(TokenKind::kEnd, text_.size(), text_.size());
  const char c = text_[at];
  if (IsNameStart(c)) {
    size_t end = at + 1;
    while (!Ended(end) && IsNameContinue(text_[end])) ++end;
    return Make(TokenKind::kName, at, end, text_.substr(at, end - at));
  }
  if (const TokenKind kind = Punctuator(c); kind != TokenKind::kError) return Make(kind, at, at + 1);
  if (c == '.' && At(at + 1) == '.' && At(at + 2) == '.') return Make(TokenKind::kSpread, at, at + 3);
  if (c == '"') return At(at + 1) == '"' && At(at + 2) == '"' ? BlockString(at) : String(at);
  if (IsDigit(c) || c == '-') return Number(at);
  if (c == '\'') return Fail(at, "Unexpected single quote character ('), did you mean to use a double quote (\")?");
  size_t bytes = 0;
  const bool valid = DecodeUtf8(text_, at, &bytes) >= 0;
  return Fail(at, Concat(valid ? "Unexpected" : "Invalid", " character: ", PrintCodePoint(at), "."));
}

bool Lexer::Digits(size_t* at, Token* failure) {
  if (!IsDigit(At(*at))) {
    *failure = Fail(*at, Concat("Invalid number, expected digit but got: ", PrintCodePoint(*at), "."));
    return false;
  }
  while (IsDigit(At(*at))) ++*at;
  return true;
}

Token Lexer::Number(size_t start) {
  size_t at = start;
  Token failure;
  bool is_float = false;
  if (At(at) == '-') ++at;
  if (At(at) == '0') {
    if (IsDigit(At(++at))) return Fail(at, Concat("Invalid number, unexpected digit after 0: ", PrintCodePoint(at), "."));
  } else if (!Digits(&at, &failure)) {
    return failure;
  }
  if (At(at) == '.') {
    is_float = true;
    if (!Digits(&++at, &failure)) return failure;
  }
  if (At(at) == 'e' || At(at) == 'E') {
    is_float = true;
    ++at;
    if (At(at) == '+' || At(at) == '-') ++at;
    if (!Digits(&at, &failure)) return failure;
  }
  if (At(at) == '.' || IsNameStart(At(at))) {
    return Fail(at, Concat("Invalid number, expected digit but got: ", PrintCodePoint(at), "."));
  }
  return Make(is_float ? TokenKind::kFloat : TokenKind::kInt, start, at, text_.substr(start, at - start));
}

}  // namespace vigil::graphql
