// Frames, gzip, timeouts and status texts from any bytes: views stay inside, limits hold, and what is compressed comes back.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/content_coding.h"
#include "net/grpc_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vigil::net;
  constexpr size_t kMax = 1 << 16;
  const auto require = [](bool condition) {
    if (!condition) std::abort();
  };
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string out;
  for (std::string_view left = bytes;;) {
    const GrpcFrame frame = ReadGrpcFrame(left, kMax);
    if (frame.kind != GrpcFrame::Kind::kWhole) break;
    require(frame.size <= left.size() && frame.message.size() + kGrpcPrefixBytes == frame.size);
    if (frame.compressed) (void)Decode(Coding::kGzip, frame.message, kMax, &out);
    require(out.size() <= kMax);
    left.remove_prefix(frame.size);
  }
  (void)Decode(Coding::kGzip, bytes, kMax, &out);
  require(out.size() <= kMax);
  if (size <= kMax) {
    std::string packed;
    Encode(Coding::kGzip, bytes, &packed);
    require(Decode(Coding::kGzip, packed, kMax, &out).ok() && out == bytes);
  }
  if (const auto timeout = ParseGrpcTimeout(bytes); timeout.ok()) require(*timeout >= 0);
  for (const char c : EncodeGrpcMessage(bytes)) require(c >= ' ' && c <= '~');
  (void)IsGrpcContentType(bytes);
  (void)ListsCoding(bytes, "gzip");
  return 0;
}
