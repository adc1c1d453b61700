// The parts of gRPC over HTTP/2 that are bytes alone: message framing, timeouts, status texts.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil::net {

inline constexpr size_t kGrpcPrefixBytes = 5;

// The front of `bytes` as a message.
struct GrpcFrame {
  enum class Kind : uint8_t { kNeedMore, kWhole, kBad, kTooLarge };
  Kind kind = Kind::kNeedMore;
  bool compressed = false;
  std::string_view message;  // of kWhole; still compressed
  size_t size = 0;           // of kWhole: with the prefix; of kTooLarge: what was announced
};
GrpcFrame ReadGrpcFrame(std::string_view bytes, size_t message_bytes_max);

std::array<char, kGrpcPrefixBytes> GrpcPrefix(bool compressed, size_t message_bytes);

// "100m" → 100 ms in ns. INVALID_ARGUMENT for what the protocol does not allow (1 to 8 digits and one of HMSmun).
StatusOr<int64_t> ParseGrpcTimeout(std::string_view text);

// grpc-message: bytes outside ' ' to '~' and '%' become %XX.
std::string EncodeGrpcMessage(std::string_view text);

// "application/grpc", also with "+proto" or parameters; not "application/grpc-web".
bool IsGrpcContentType(std::string_view content_type);

// Whether a list like "identity, gzip" holds `coding`.
bool ListsCoding(std::string_view list, std::string_view coding);

}  // namespace vigil::net
