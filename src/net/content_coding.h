// Content codings of bodies (RFC 9110 §8.4.1) on zlib: gzip and deflate, both ways, bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil::net {

enum class Coding : uint8_t { kIdentity, kGzip, kDeflate };
std::string_view CodingName(Coding coding);

// INVALID_ARGUMENT for a coding that is not one of these; blank and "identity" are kIdentity, "x-gzip" is gzip.
StatusOr<Coding> CodingOf(std::string_view content_encoding);

// The coding that a client's Accept-Encoding likes best of those here; gzip before deflate, identity when it wants neither.
Coding AcceptedCoding(std::string_view accept_encoding);

// Replaces `to` by the body. `deflate` may lack its zlib header, as some clients send it. INVALID_ARGUMENT: it is not what it says, ends
// early, or something follows; RESOURCE_EXHAUSTED, and `to` empty: more than `bytes_max` bytes come out.
Status Decode(Coding coding, std::string_view body, size_t bytes_max, std::string* to);

// Replaces `to`, fast rather than small. Not for kIdentity.
void Encode(Coding coding, std::string_view body, std::string* to);

}  // namespace vigil::net
