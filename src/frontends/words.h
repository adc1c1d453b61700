// Text pieces for the dialects, on std::string_view. (Debian's Abseil keeps a string_view of its own, which its string functions want.)
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/status.h"

namespace vigil {

inline std::string_view MessageOf(const Status& status) { return {status.message().data(), status.message().size()}; }

// Appends each part: text, a character, or a whole number.
template <typename... Parts>
void Append(std::string* out, const Parts&... parts) {
  const auto one = [out](const auto& part) {
    using Part = std::decay_t<decltype(part)>;
    if constexpr (std::is_same_v<Part, char>) {
      out->push_back(part);
    } else if constexpr (std::is_integral_v<Part>) {
      char buffer[24];
      out->append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), part).ptr);
    } else {
      out->append(std::string_view(part));
    }
  };
  (one(parts), ...);
}

template <typename... Parts>
std::string Concat(const Parts&... parts) {
  std::string out;
  Append(&out, parts...);
  return out;
}

inline bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

inline std::string_view StripBlanks(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

inline char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// ASCII only.
inline bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (LowerAscii(a[i]) != LowerAscii(b[i])) return false;
  }
  return true;
}

// Splits off what is before the first `separator` (all, when there is none) and advances `rest` behind it.
inline std::string_view TakeUntil(std::string_view& rest, char separator) {
  const size_t at = rest.find(separator);
  const std::string_view piece = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return piece;
}

}  // namespace vigil
