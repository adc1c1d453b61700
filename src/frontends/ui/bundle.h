// The page's files, embedded when the program was built (ui/dist, made by Vite). None when the page had not been built.
#pragma once

#include <string_view>

#include "absl/types/span.h"

namespace vigil {

struct UiFile {
  std::string_view path;  // below /ui/: "index.html", "assets/index-4f2a.js"
  std::string_view content_type;
  std::string_view content;
};

absl::Span<const UiFile> UiFiles();

}  // namespace vigil
