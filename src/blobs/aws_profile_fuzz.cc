// Whatever AWS profile files hold: no memory error, and only names and values without what surrounds them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "blobs/s3/profile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto sections = vigil::blobs::s3::ParseProfiles(text, "file");
  if (!sections.ok()) return 0;
  for (const auto& [section, settings] : *sections) {
    if (section.find('\n') != std::string::npos) std::abort();
    for (const auto& [name, value] : settings) {
      if ((name + value).find('\n') != std::string::npos || name.find('=') != std::string::npos) std::abort();
      if (value.starts_with(' ') || value.ends_with(' ')) std::abort();
    }
  }
  return 0;
}
