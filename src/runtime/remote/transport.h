// How remote models reach their server: filled in by `app`, so that this folder knows nothing of sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace vigil::remote {

struct RemoteRequest {
  std::string_view method;
  std::string target;
  std::string body;  // JSON; empty for GET
  int64_t connect_ms = 0, total_ms = 0;
};

struct RemoteAnswer {
  int status = 0;
  std::string body;
};

// One kept connection; one thread at a time.
class RemoteConnection {
 public:
  virtual ~RemoteConnection() = default;
  // UNAVAILABLE: no connection, or it broke; DEADLINE_EXCEEDED: timed out; RESOURCE_EXHAUSTED: the answer is too large. Any HTTP status is
  // an answer.
  virtual StatusOr<RemoteAnswer> Send(const RemoteRequest& request) = 0;
  // After an error: whether any of the request may have reached the server. False is what makes another try safe.
  virtual bool MayHaveReached() const = 0;
};

// `base_url` is "http://host:port". Any thread.
using Connect = std::function<std::unique_ptr<RemoteConnection>(const std::string& base_url)>;

}  // namespace vigil::remote
