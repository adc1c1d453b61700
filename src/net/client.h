// A small blocking HTTP client (libcurl) for control paths: webhooks, the command line against a running server, replay, demo, model
// sources.
#pragma once

#include <functional>
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
  std::string ca_file;           // PEM, of the certificates that are trusted; empty: the system's
  int64_t stall_timeout_ms = 0;  // no byte for so long ends the request (whole seconds, rounded up); 0: only the timeouts above do
  int redirects_max = 0;         // followed, to https only and without what authorises elsewhere; 0: a redirect is an answer like any other
  bool proxies = true;           // false: never through one; metadata services are reached directly
  std::function<bool()> cancelled;  // asked about once a second while a request runs; true ends it with CANCELLED
};

// Takes the body of a successful answer (2xx) as it comes.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // `head` has status and headers. An error ends the request with this error.
  virtual Status OnBytes(const ClientResponse& head, std::string_view bytes) = 0;
};

// One kept connection; one thread at a time. Loopback and Unix sockets never go through a proxy. `base_url` is "http://127.0.0.1:8080" or
// "unix:/run/vigil.sock". Errors name the URL without its query, which may hold a signature.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  static std::unique_ptr<HttpClient> Create(std::string base_url, const ClientOptions& options = {});
  // UNAVAILABLE: no connection (certificates that do not verify included); DEADLINE_EXCEEDED: timed out; RESOURCE_EXHAUSTED: the answer
  // is beyond response_bytes_max; INVALID_ARGUMENT: what was to be sent is no HTTP. Any HTTP status is a response, not an error.
  virtual StatusOr<ClientResponse> Send(std::string_view method, std::string_view target, std::string_view content_type,
                                        std::string_view body, const std::vector<std::string>& headers = {}) = 0;
  // The same, for a body of any size: of a 2xx answer all of it goes to `sink`, of another the beginning is in the response.
  virtual StatusOr<ClientResponse> Receive(std::string_view method, std::string_view target, const std::vector<std::string>& headers,
                                           BodySink& sink) = 0;
  // For the sends that follow; a total of 0 is no limit.
  virtual void SetTimeouts(int64_t connect_ms, int64_t total_ms) = 0;
  // After an error: whether any of the request may have reached the server. False when no connection came about: then sending again is
  // safe.
  virtual bool MayHaveReached() const = 0;
  // After an error: whether the server's certificate was refused (another host's, expired, of nobody trusted), or the trusted ones could
  // not be read. Sending again soon does not help.
  virtual bool CertificateRefused() const = 0;
  StatusOr<ClientResponse> Get(std::string_view target) { return Send("GET", target, "", ""); }
  StatusOr<ClientResponse> PostJson(std::string_view target, std::string_view body) {
    return Send("POST", target, "application/json", body);
  }
};

}  // namespace vigil::net
