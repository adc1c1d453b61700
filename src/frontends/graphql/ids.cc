#include "frontends/graphql/ids.h"

#include <cstdint>
#include <optional>

#include "base/json.h"
#include "frontends/errors.h"

namespace vigil::graphql {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// RFC 4648, URL-safe, without padding.
std::string Encode(std::string_view bytes) {
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (have += 8; have >= 6; have -= 6) out.push_back(kDigits[bits >> (have - 6) & 63]);
  }
  if (have > 0) out.push_back(kDigits[bits << (6 - have) & 63]);
  return out;
}

// Only what Encode gives.
std::optional<std::string> Decode(std::string_view text) {
  if (text.size() > kOpaqueBytesMax) return std::nullopt;
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out.push_back(static_cast<char>(bits >> have & 255));
  }
  if (Encode(out) != text) return std::nullopt;
  return out;
}

}  // namespace

std::string MakeId(std::string_view type, const std::vector<std::string>& parts) {
  Json list = Json::array({type});
  for (const std::string& part : parts) list.push_back(part);
  return Encode(DumpJson(list));
}

StatusOr<GlobalId> ReadId(std::string_view id) {
  const Status refused = Failure(ErrorCode::kInvalid, "is not an id that this server gave", "id");
  const std::optional<std::string> text = Decode(id);
  if (!text.has_value()) return refused;
  const StatusOr<Json> list = ParseJson(*text, "id");
  if (!list.ok() || !list->is_array() || list->size() < 2) return refused;
  GlobalId read;
  for (const Json& part : *list) {
    if (!part.is_string()) return refused;
    read.parts.push_back(part.get<std::string>());
  }
  read.type = std::move(read.parts.front());
  read.parts.erase(read.parts.begin());
  return read;
}

std::string MakeCursor(std::string_view key) { return Encode(key); }

StatusOr<std::string> ReadCursor(std::string_view cursor, std::string_view argument) {
  std::optional<std::string> key = Decode(cursor);
  if (!key.has_value() || key->empty()) return Failure(ErrorCode::kInvalid, "is not a cursor that this server gave", argument);
  return *std::move(key);
}

}  // namespace vigil::graphql
