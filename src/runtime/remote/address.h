// Where a remote model is: oip://host:port/model[/version] or tfs://host:port/model[/version].
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil::remote {

enum class Protocol : uint8_t { kOip, kTfs };

struct Address {
  Protocol protocol = Protocol::kOip;
  std::string base_url;  // "http://host:port"
  std::string model;
  std::string version;  // empty: the server's choice
};

bool IsRemoteAddress(std::string_view url);
// INVALID_ARGUMENT says what form is expected.
StatusOr<Address> ParseAddress(std::string_view url);

// `text` percent-encoded as one segment of a path.
std::string PathSegment(std::string_view text);

}  // namespace vigil::remote
