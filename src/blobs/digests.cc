#include "blobs/digests.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace vigil::blobs {
namespace {

constexpr uint32_t kCastagnoli = 0x82F63B78;  // reflected

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kCastagnoli : 0);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = MakeTable();

std::string Final(EVP_MD_CTX* context) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int bytes = 0;
  EVP_DigestFinal_ex(context, digest.data(), &bytes);
  return std::string(reinterpret_cast<const char*>(digest.data()), bytes);
}

}  // namespace

std::string Hex(std::string_view bytes) { return absl::BytesToHexString({bytes.data(), bytes.size()}); }
std::string Base64(std::string_view bytes) { return absl::Base64Escape({bytes.data(), bytes.size()}); }
std::string Base64Url(std::string_view bytes) {
  std::string out;
  absl::WebSafeBase64Escape({bytes.data(), bytes.size()}, &out);
  while (out.ends_with('=')) out.pop_back();
  return out;
}

std::optional<std::string> FromBase64(std::string_view text) {
  std::string out;
  if (!absl::Base64Unescape({text.data(), text.size()}, &out) || Base64(out) != text) return std::nullopt;
  return out;
}

std::string HmacSha256(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int bytes = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       digest.data(), &bytes);
  return std::string(reinterpret_cast<const char*>(digest.data()), bytes);
}

uint32_t Crc32c(uint32_t crc, std::string_view bytes) {
  crc = ~crc;
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8), static_cast<char>(value)};
}

void RunningDigests::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

RunningDigests::RunningDigests() : md5_(EVP_MD_CTX_new()), sha256_(EVP_MD_CTX_new()) { Reset(); }

void RunningDigests::Reset() {
  EVP_DigestInit_ex(md5_.get(), EVP_md5(), nullptr);
  EVP_DigestInit_ex(sha256_.get(), EVP_sha256(), nullptr);
  crc32c_ = crc32_ = 0;
}

void RunningDigests::Add(std::string_view bytes) {
  EVP_DigestUpdate(md5_.get(), bytes.data(), bytes.size());
  EVP_DigestUpdate(sha256_.get(), bytes.data(), bytes.size());
  crc32c_ = Crc32c(crc32c_, bytes);
  crc32_ = static_cast<uint32_t>(crc32_z(crc32_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

Digests RunningDigests::Take() { return {Final(md5_.get()), Final(sha256_.get()), BigEndian(crc32c_), BigEndian(crc32_)}; }

Status CheckDigests(const std::string& what, const Digests& said, const Digests& found) {
  struct Kind {
    const char* name;
    std::string Digests::*value;
  };
  for (const Kind& kind :
       {Kind{"SHA-256", &Digests::sha256}, Kind{"MD5", &Digests::md5}, Kind{"CRC32C", &Digests::crc32c}, Kind{"CRC32", &Digests::crc32}}) {
    if ((said.*kind.value).empty() || said.*kind.value == found.*kind.value) continue;
    return absl::DataLossError(
        absl::StrCat(what, ": what came has ", kind.name, " ", Hex(found.*kind.value), ", not ", Hex(said.*kind.value), " as expected"));
  }
  return absl::OkStatus();
}

}  // namespace vigil::blobs
