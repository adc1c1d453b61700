// A small blocking HTTP client (libcurl) for control paths: webhooks, the command line against a running server, replay, demo.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace vigil::net {

struct ClientResponse {
  int status = 0;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case

  // `name` in lower case; empty when absent.
  std::string_view header(std::string_view name) const;
};

struct ClientOptions {
  int64_t connect_timeout_ms = 2'000;
  int64_t timeout_ms = 30'000;
  size_t response_bytes_max = 256 << 20;
  bool verify_tls = true;
};

// One kept connection; one thread at a time. Follows no redirect; loopback and Unix sockets never go through a proxy. `base_url` is
// "http://127.0.0.1:8080" or "unix:/run/vigil.sock".
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  static std::unique_ptr<HttpClient> Create(std::string base_url, const ClientOptions& options = {});
  // UNAVAILABLE: no connection (certificates that do not verify included); DEADLINE_EXCEEDED: timed out; RESOURCE_EXHAUSTED: the answer
  // is beyond response_bytes_max; INVALID_ARGUMENT: what was to be sent is no HTTP. Any HTTP status is a response, not an error.
  virtual StatusOr<ClientResponse> Send(std::string_view method, std::string_view target, std::string_view content_type,
                                        std::string_view body, const std::vector<std::string>& headers = {}) = 0;
  // For the sends that follow.
  virtual void SetTimeouts(int64_t connect_ms, int64_t total_ms) = 0;
  // After an error: whether any of the request may have reached the server. False when no connection came about: then sending again is
  // safe.
  virtual bool MayHaveReached() const = 0;
  StatusOr<ClientResponse> Get(std::string_view target) { return Send("GET", target, "", ""); }
  StatusOr<ClientResponse> PostJson(std::string_view target, std::string_view body) {
    return Send("POST", target, "application/json", body);
  }
};

}  // namespace vigil::net
