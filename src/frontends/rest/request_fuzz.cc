// A request's outer parts from anywhere: the first byte picks the parser, the rest is what it reads.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "frontends/rest/request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0: {
      const auto value = QueryValue(text, "q");
      if (value && value->size() > text.size()) std::abort();
      break;
    }
    case 1: {
      const size_t cut = text.find('\n');  // a name, then the query
      if (cut != std::string_view::npos) QueryValue(text.substr(cut + 1), text.substr(0, cut));
      break;
    }
    case 2: {
      if (PercentDecode(text).size() > text.size()) std::abort();
      if (text.find_first_of("%+") == std::string_view::npos && PercentDecode(text, true) != text) std::abort();
      break;
    }
    case 3: {
      const MediaType media = ParseMediaType(text);
      if (media.type.size() + media.charset.size() + media.format.size() > text.size()) std::abort();
      media.IsJson();
      CheckCharset(media).IgnoreError();
      break;
    }
    case 4: {
      const double quality = AcceptQuality(text, "application/json");
      if (!(quality >= 0 && quality <= 1)) std::abort();
      break;
    }
    default: {
      ParseTraceparent(text);
      if (IsSaneRequestId(text) && text.size() > kRequestIdBytesMax) std::abort();
    }
  }
  return 0;
}
