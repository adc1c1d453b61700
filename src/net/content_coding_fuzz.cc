// Any bytes as a packed body, and as the headers that name its coding: the first byte picks. Unpacked within the limit or refused with a
// reason; what is packed comes back.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/content_coding.h"

using namespace vigil;
using namespace vigil::net;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr size_t kBytesMax = 100'000;
  std::string body;
  if (data[0] % 4 < 2) {
    const Coding coding = data[0] % 4 == 0 ? Coding::kGzip : Coding::kDeflate;
    const Status unpacked = Decode(coding, text, kBytesMax, &body);
    if (unpacked.ok() ? body.size() > kBytesMax : unpacked.message().empty()) std::abort();
  } else if (data[0] % 4 == 2) {
    for (const Coding coding : {Coding::kGzip, Coding::kDeflate}) {
      std::string packed;
      Encode(coding, text, &packed);
      if (!Decode(coding, packed, size, &body).ok() || body != text) std::abort();
    }
  } else {
    const auto coding = CodingOf(text);
    if (!coding.ok() && (!absl::IsInvalidArgument(coding.status()) || coding.status().message().empty())) std::abort();
    if (CodingName(AcceptedCoding(text)).empty()) std::abort();
  }
  return 0;
}
