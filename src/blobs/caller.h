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

// `url` as a request's base_url and target.
Request RequestTo(const std::string& url);

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
  // `ca_file`: of the certificates that are trusted, where the options name none; empty: SSL_CERT_FILE, else the system's.
  Caller(const Context& context, int redirects_max, const std::string& ca_file = "");

  // `attempts_max` of the calls that follow; at least 1.
  void SetAttempts(int attempts_max) { attempts_max_ = attempts_max; }

  // Asks a service that gives credentials, and returns the body of its 200; else an error that names the URL without its query. `near`: on
  // this machine or its host, where there is no proxy and an answer takes no time. A 5xx or 429 is asked again, at most
  // kServiceAttemptsMax times in all; of a far one also a connection that failed. Redirects are refused.
  enum class Distance : uint8_t { kNear, kFar };
  StatusOr<std::string> AskService(const Request& request, Distance distance);

  // Calls `make` for each attempt, and again after a connection that failed or broke, a 5xx, 408 or 429 (waiting longer each time), and
  // once after a 401 or 403 or an expired token, with `credentials` (may be null) forgotten. Returns any other answer. Errors begin with
  // `what`. With a `sink` the body of a 2xx goes to it; `progress` then tells how far it is, and an attempt that got further does not
  // count.
  StatusOr<net::ClientResponse> Call(const std::string& what, const std::function<StatusOr<Request>()>& make, CredentialHolder* credentials,
                                     net::BodySink* sink = nullptr, const std::function<int64_t()>& progress = nullptr);

 private:
  enum class Kind : uint8_t { kStore, kNearService, kFarService };
  net::HttpClient& ClientOf(const std::string& base_url, Kind kind);
  StatusOr<net::ClientResponse> Attempt(const Request& request, net::BodySink* sink, bool* certificate_refused);
  int64_t PauseMs(int attempt, const net::ClientResponse* response);

  const Context context_;
  const int redirects_max_;
  const std::string ca_file_;
  int attempts_max_;
  Random random_;
  std::map<std::string, std::unique_ptr<net::HttpClient>> clients_;  // by kind and base URL
};

// What an answer that is no success means: NOT_FOUND, UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE, ABORTED (412: it changed), else
// INVALID_ARGUMENT; with the store's own code and words, and which credentials were used.
Status Refusal(const std::string& what, const net::ClientResponse& response, const CredentialHolder* credentials);

// The beginning of what a service says, without control characters.
std::string Words(std::string_view text);

// The code of a store's error answer, XML or JSON ("ExpiredToken", "invalid_grant"); empty when it has none. `message` receives its words,
// or the beginning of a text.
std::string ErrorCode(const net::ClientResponse& response, std::string* message);

}  // namespace vigil::blobs
