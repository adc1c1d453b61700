// Debian's Abseil has a string_view of its own; this joins text with the standard's.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace vigil {

inline absl::string_view AbslView(std::string_view text) { return absl::string_view(text.data(), text.size()); }
inline std::string_view StdView(absl::string_view text) { return std::string_view(text.data(), text.size()); }

template <typename T>
decltype(auto) CatPart(const T& part) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return AbslView(part);
  } else {
    return (part);
  }
}

// absl::StrCat that also takes std::string_view.
template <typename... Parts>
std::string Cat(const Parts&... parts) {
  return absl::StrCat(CatPart(parts)...);
}

inline bool EndsWithIgnoreCase(std::string_view text, std::string_view ending) {
  return absl::EndsWithIgnoreCase(AbslView(text), AbslView(ending));
}

}  // namespace vigil
