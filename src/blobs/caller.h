// Requests to a store: made anew for each attempt, repeated within bounds, with credentials renewed once when they are refused.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "blobs/options.h"
#include "blobs/pause.h"
#include "net/client.h"

namespace vigil::blobs {

struct Request {
  std::string method = "GET";
  std::string base_url;  // "https://host:port"
  std::string target;    // "/path?query", percent-encoded
  std::vector<std::string> headers;
  std::string content_type, body;
};

using Environment = std::map<std::string, std::string>;
// A variable's value; `otherwise` when it is not set or empty.
std::string Variable(const Environment& environment, const std::string& name, const std::string& otherwise = "");

// What everything that asks a store is given. All references outlive it.
struct Context {
  const BlobOptions& options;
  const Environment& environment;
  const Clock& clock;
  Pause& pause;
};

// What authorises a store's requests, as far as the caller must know.
class CredentialHolder {
 public:
  virtual ~CredentialHolder() = default;
  // Forgets what was found, so that it is looked for again. False: there is nothing else to be had.
  virtual bool Forget() = 0;
  // "AWS_ACCESS_KEY_ID of the environment": never the secret.
  virtual std::string Source() const = 0;
};

// One thread at a time.
class Caller {
 public:
  Caller(const Context& context, int redirects_max);

  // `attempts_max` of the calls that follow; at least 1.
  void SetAttempts(int attempts_max) { attempts_max_ = attempts_max; }

  // One attempt, without what Call does. For services that give credentials: no proxy, and short waits.
  StatusOr<net::ClientResponse> Once(const Request& request, int64_t connect_timeout_ms);

  // Calls `make` for each attempt, and again after a connection that failed or broke, a 5xx, 408 or 429 (waiting longer each time), and
  // once after a 401 or 403 or an expired token, with `credentials` (may be null) forgotten. Returns any other answer. Errors begin with
  // `what`. With a `sink` the body of a 2xx goes to it; `progress` then tells how far it is, and an attempt that got further does not
  // count.
  StatusOr<net::ClientResponse> Call(const std::string& what, const std::function<StatusOr<Request>()>& make, CredentialHolder* credentials,
                                     net::BodySink* sink = nullptr, const std::function<int64_t()>& progress = nullptr);

 private:
  net::HttpClient& ClientOf(const std::string& base_url, bool proxies);
  StatusOr<net::ClientResponse> Attempt(const Request& request, net::BodySink* sink);
  int64_t PauseMs(int attempt, const net::ClientResponse* response);

  const Context context_;
  const int redirects_max_;
  int attempts_max_;
  Random random_;
  std::map<std::string, std::unique_ptr<net::HttpClient>> clients_;
};

// What an answer that is no success means: NOT_FOUND, UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE, ABORTED (412: it changed), else
// INVALID_ARGUMENT; with the store's own code and words, and which credentials were used.
Status Refusal(const std::string& what, const net::ClientResponse& response, const CredentialHolder* credentials);

// The code of a store's error answer, XML or JSON ("ExpiredToken", "invalid_grant"); empty when it has none. `message` receives its words,
// or the beginning of a text.
std::string ErrorCode(const net::ClientResponse& response, std::string* message);

}  // namespace vigil::blobs
