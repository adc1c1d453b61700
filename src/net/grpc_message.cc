#include "net/grpc_message.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace vigil::net {
namespace {

constexpr size_t kTimeoutDigitsMax = 8;

}  // namespace

GrpcFrame ReadGrpcFrame(std::string_view bytes, size_t message_bytes_max) {
  GrpcFrame frame;
  if (bytes.empty()) return frame;
  const auto byte = [&](size_t at) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[at])); };
  if (byte(0) > 1) {
    frame.kind = GrpcFrame::Kind::kBad;
    return frame;
  }
  if (bytes.size() < kGrpcPrefixBytes) return frame;
  const size_t size = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
  frame.compressed = byte(0) == 1;
  if (size > message_bytes_max) {
    frame.kind = GrpcFrame::Kind::kTooLarge;
    frame.size = size;
    return frame;
  }
  if (bytes.size() - kGrpcPrefixBytes < size) return frame;
  frame.kind = GrpcFrame::Kind::kWhole;
  frame.message = bytes.substr(kGrpcPrefixBytes, size);
  frame.size = kGrpcPrefixBytes + size;
  return frame;
}

std::array<char, kGrpcPrefixBytes> GrpcPrefix(bool compressed, size_t n) {
  return {static_cast<char>(compressed), static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
          static_cast<char>(n)};
}

StatusOr<int64_t> ParseGrpcTimeout(std::string_view text) {
  const auto bad = [&] {
    return absl::InvalidArgumentError(absl::StrCat("grpc-timeout \"", absl::string_view(text.data(), std::min<size_t>(text.size(), 32)),
                                                   "\" is no 1 to 8 digits and one of H M S m u n"));
  };
  if (text.size() < 2 || text.size() > kTimeoutDigitsMax + 1) return bad();
  int64_t number = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return bad();
    number = 10 * number + (c - '0');
  }
  switch (text.back()) {
    case 'H': return number * 3600 * 1'000'000'000;
    case 'M': return number * 60 * 1'000'000'000;
    case 'S': return number * 1'000'000'000;
    case 'm': return number * 1'000'000;
    case 'u': return number * 1'000;
    case 'n': return number;
    default: return bad();
  }
}

std::string EncodeGrpcMessage(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return out;
}

bool IsGrpcContentType(std::string_view type) {
  constexpr std::string_view kType = "application/grpc";
  if (!type.starts_with(kType)) return false;
  type.remove_prefix(kType.size());
  return type.empty() || type[0] == ';' || type[0] == ' ' || type == "+proto" || type.starts_with("+proto;");
}

bool ListsCoding(std::string_view list, std::string_view coding) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (item == coding) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace vigil::net
