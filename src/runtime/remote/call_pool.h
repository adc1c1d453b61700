// The calls of one remote model: a bounded queue, a few kept connections with a thread each, deadlines, retries, the circuit breaker.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "runtime/remote/breaker.h"
#include "runtime/remote/options.h"
#include "runtime/remote/transport.h"

namespace vigil::remote {

// One call. `body` is asked for on the pool's thread just before it is sent; `answer` is called exactly once, on a thread of the pool.
struct RemoteCall {
  int64_t deadline_ns = INT64_MAX;  // Clock::MonotonicNs
  std::function<StatusOr<std::string>()> body;
  std::function<void(StatusOr<RemoteAnswer>)> answer;
};

// Sends one request, again while that is safe. The breaker hears of the outcome; an HTTP status of 5xx counts as a failure but for 501,
// which says what the server cannot do rather than that it is ill.
StatusOr<RemoteAnswer> SendWithRetries(RemoteConnection& connection, RemoteRequest request, int64_t deadline_ns, const RemoteLimits& limits,
                                       const Clock& clock, Breaker& breaker);

class CallPool {
 public:
  CallPool(std::string base_url, std::string target, Connect connect, const RemoteLimits& limits, const Clock& clock);
  // Waiting calls are answered UNAVAILABLE; those in flight end first, within their deadlines.
  ~CallPool();
  // An error means that `answer` will not be called.
  Status Submit(RemoteCall call);

 private:
  void SendLoop();
  void WatchDeadlines();

  const std::string base_url_, target_;
  const Connect connect_;
  const RemoteLimits limits_;
  const Clock& clock_;
  Breaker breaker_;

  std::mutex mutex_;
  std::condition_variable queued_, changed_;
  std::deque<RemoteCall> queue_;
  size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> senders_;  // grows with need up to connections_max
  std::thread watcher_;
};

}  // namespace vigil::remote
