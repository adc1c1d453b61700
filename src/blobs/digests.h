// Digests of bytes as they come, in the forms in which stores give them.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil::blobs {

std::string Hex(std::string_view bytes);
std::string Base64(std::string_view bytes);
// Standard alphabet, or the URL's where `url_safe` (without padding).
std::string Base64Url(std::string_view bytes);
// Nothing when `text` is no padded base64 of the standard alphabet.
std::optional<std::string> FromBase64(std::string_view text);
std::string HmacSha256(std::string_view key, std::string_view text);

// Castagnoli's CRC (RFC 3720, appendix B.4), continued from `crc` of the bytes before.
uint32_t Crc32c(uint32_t crc, std::string_view bytes);
// A checksum's four bytes, the most significant first, as stores write them.
std::string BigEndian(uint32_t value);

// What a store says about an object's content; each raw bytes, empty: not said.
struct Digests {
  std::string md5, sha256, crc32c, crc32;
};

// One thread. Copies nothing.
class RunningDigests {
 public:
  RunningDigests();
  void Add(std::string_view bytes);
  void Reset();
  // Ends it; Reset before more is added.
  Digests Take();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  std::unique_ptr<EVP_MD_CTX, Free> md5_, sha256_;
  uint32_t crc32c_ = 0, crc32_ = 0;
};

// DATA_LOSS, naming `what`, the kind and both values, for the first that `said` has and `found` differs from.
Status CheckDigests(const std::string& what, const Digests& said, const Digests& found);

}  // namespace vigil::blobs
