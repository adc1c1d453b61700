// Any text as a remote model's address: refused quoting it and the form expected, or a plain host, a port and a model's name.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "runtime/remote/address.h"

using namespace vigil::remote;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view url(reinterpret_cast<const char*>(data), size);
  const auto address = ParseAddress(url);
  if (!address.ok()) {
    if (address.status().message().find("expected oip://host:port/model") == std::string::npos) std::abort();
    return 0;
  }
  if (!IsRemoteAddress(url) || address->model.empty() || address->model.find('/') != std::string::npos) std::abort();
  if (address->base_url.find_first_of(" @?#\\\r\n\t") != std::string::npos || address->base_url.find('/', 7) != std::string::npos)
    std::abort();
  for (const char c : PathSegment(address->model)) {
    if (c <= ' ' || c == '/' || c == '?' || c == '#') std::abort();
  }
  const std::string again = std::string(url.substr(0, 6)) + address->base_url.substr(7) + "/" + address->model +
                            (address->version.empty() ? "" : "/" + address->version);
  const auto second = ParseAddress(again);
  if (!second.ok() || second->base_url != address->base_url || second->model != address->model || second->version != address->version)
    std::abort();
  return 0;
}
