// Strings, with their escapes, and block strings.
#include <utility>

#include "frontends/graphql/language/block_string.h"
#include "frontends/graphql/language/lexer.h"
#include "frontends/graphql/language/source.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

int32_t Hex(char c) {
  if ((c >= '0' && c <= '9')) return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}
bool IsScalarValue(int32_t point) { return (point >= 0 && point <= 0xD7FF) || (point >= 0xE000 && point <= 0x10FFFF); }

Token Make(TokenKind kind, size_t start, size_t end, std::string_view text = {}) {
  return {kind, static_cast<uint32_t>(start), static_cast<uint32_t>(end), text};
}

}  // namespace

Token Lexer::String(size_t start) {
  size_t at = start + 1;
  size_t chunk = at;
  std::string value;
  bool escaped = false;
  Token failure;
  while (!Ended(at)) {
    const char c = text_[at];
    if (c == '"') {
      std::string_view text = text_.substr(chunk, at - chunk);
      if (escaped) text = arena_->KeepText(value.append(text));
      return Make(TokenKind::kString, start, at + 1, text);
    }
    if (c == '\\') {
      escaped = true;
      value.append(text_.substr(chunk, at - chunk));
      if (!Escape(&at, &value, &failure)) return failure;
      chunk = at;
      continue;
    }
    if (c == '\n' || c == '\r') break;
    size_t bytes = 1;
    if ((c & 0x80) != 0 && DecodeUtf8(text_, at, &bytes) < 0) {
      return Fail(at, Concat("Invalid character within String: ", PrintCodePoint(at), "."));
    }
    at += bytes;
  }
  return Fail(at, "Unterminated string.");
}

bool Lexer::Escape(size_t* at, std::string* out, Token* failure) {
  static constexpr std::string_view kFrom = "\"\\/bfnrt";
  static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  const char c = At(*at + 1);
  if (c == 'u') return UnicodeEscape(at, out, failure);
  if (const size_t found = kFrom.find(c); found != std::string_view::npos && !Ended(*at + 1)) {
    out->push_back(kTo[found]);
    *at += 2;
    return true;
  }
  *failure = Fail(*at, Concat("Invalid character escape sequence: \"", Units(*at, 2), "\"."));
  return false;
}

int32_t Lexer::FourHex(size_t at) const {
  int32_t value = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const int32_t digit = Hex(At(i));
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool Lexer::UnicodeEscape(size_t* at, std::string* out, Token* failure) {
  size_t units = 6;  // what an error shows
  if (At(*at + 2) == '{') {
    uint32_t point = 0;
    for (units = 3; units < 12;) {
      const char c = At(*at + units++);
      if (c == '}') {
        if (units < 5 || !IsScalarValue(static_cast<int32_t>(point))) break;
        AppendUtf8(out, point);
        *at += units;
        return true;
      }
      point = (point << 4) | static_cast<uint32_t>(Hex(c));
      if (static_cast<int32_t>(point) < 0) break;
    }
  } else {
    const int32_t point = FourHex(*at + 2);
    if (IsScalarValue(point)) {
      AppendUtf8(out, static_cast<uint32_t>(point));
      *at += 6;
      return true;
    }
    // A pair of surrogates, as JSON writes what is beyond U+FFFF.
    if (point >= 0xD800 && point <= 0xDBFF && At(*at + 6) == '\\' && At(*at + 7) == 'u') {
      const int32_t low = FourHex(*at + 8);
      if (low >= 0xDC00 && low <= 0xDFFF) {
        AppendUtf8(out, 0x10000u + ((static_cast<uint32_t>(point) - 0xD800u) << 10) + (static_cast<uint32_t>(low) - 0xDC00u));
        *at += 12;
        return true;
      }
    }
  }
  *failure = Fail(*at, Concat("Invalid Unicode escape sequence: \"", Units(*at, units), "\"."));
  return false;
}

Token Lexer::BlockString(size_t start) {
  size_t at = start + 3;
  std::string raw;
  while (!Ended(at)) {
    const char c = text_[at];
    if (c == '"' && At(at + 1) == '"' && At(at + 2) == '"') {
      return Make(TokenKind::kBlockString, start, at + 3, arena_->KeepText(DedentBlockString(raw)));
    }
    if (c == '\\' && text_.substr(at + 1, 3) == "\"\"\"") {
      raw.append("\"\"\"");
      at += 4;
      continue;
    }
    if (c == '\r') {
      raw.push_back('\n');
      at += At(at + 1) == '\n' ? 2 : 1;
      continue;
    }
    size_t bytes = 1;
    if ((c & 0x80) != 0 && DecodeUtf8(text_, at, &bytes) < 0) {
      return Fail(at, Concat("Invalid character within String: ", PrintCodePoint(at), "."));
    }
    raw.append(text_.substr(at, bytes));
    at += bytes;
  }
  return Fail(at, "Unterminated string.");
}

}  // namespace vigil::graphql
