#include "runtime/remote/address.h"

#include <charconv>

#include "runtime/cat.h"

namespace vigil::remote {
namespace {

constexpr std::string_view kOip = "oip://", kTfs = "tfs://";

Status Wrong(std::string_view url, std::string_view what) {
  return absl::InvalidArgumentError(Cat(url, ": ", what, "; expected oip://host:port/model[/version] or tfs://host:port/model[/version]"));
}

}  // namespace

bool IsRemoteAddress(std::string_view url) { return url.starts_with(kOip) || url.starts_with(kTfs); }

StatusOr<Address> ParseAddress(std::string_view url) {
  if (!IsRemoteAddress(url)) return Wrong(url, "no remote model");
  Address address;
  address.protocol = url.starts_with(kOip) ? Protocol::kOip : Protocol::kTfs;
  std::string_view left = url.substr(kOip.size());
  const size_t slash = left.find('/');
  const std::string_view authority = left.substr(0, slash);
  // An IPv6 address stands in brackets, so the last colon after them is the port's.
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (authority.find('@') != std::string_view::npos) return Wrong(url, "credentials do not belong into a model's address");
  if (colon == std::string_view::npos || colon == 0) return Wrong(url, "no host and port");
  int port = 0;
  const std::string_view digits = authority.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port < 1 || port > 65535) return Wrong(url, "no port");
  for (const char c : authority) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '?' || c == '#' || c == '\\' || c == 0x7f) return Wrong(url, "no host");
  }
  left = slash == std::string_view::npos ? std::string_view() : left.substr(slash + 1);
  const size_t end_of_model = left.find('/');
  address.model = std::string(left.substr(0, end_of_model));
  if (end_of_model != std::string_view::npos) address.version = std::string(left.substr(end_of_model + 1));
  if (address.model.empty()) return Wrong(url, "no model");
  if (address.version.find('/') != std::string::npos) return Wrong(url, "more than a model and a version");
  address.base_url = Cat("http://", authority);
  return address;
}

std::string PathSegment(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' ||
        byte == '_' || byte == '~') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

}  // namespace vigil::remote
