// Event loops and the listening sockets on them: one loop a core, each with its own SO_REUSEPORT listener, its own handler, and
// nothing shared.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "net/http.h"

namespace vigil::net {

// One thread's epoll loop. Only its own thread may call, except Post.
class EventLoop {
 public:
  virtual ~EventLoop() = default;
  virtual uint32_t index() const = 0;
  // Any thread: runs `task` on the loop's thread, soon.
  virtual void Post(std::function<void()> task) = 0;
  // Runs `task` once after `delay_ms`. Returns a number that cancels it.
  virtual uint64_t RunAfter(int64_t delay_ms, std::function<void()> task) = 0;
  virtual void Cancel(uint64_t timer) = 0;
  // Runs at the end of every turn in which a request was handled, before any answer of that turn is sent: where the prediction log
  // writes (and syncs) the turn's records as one group, so that an answer never precedes its record.
  virtual void AddTurnHook(std::function<void()> hook) = 0;
};

struct ServerOptions {
  std::string host = "127.0.0.1";  // IPv4 or IPv6 literal, or a name
  int port = 8080;                 // 0: a free one
  int grpc_port = -1;              // HTTP/2 for gRPC alone; 0: a free one; -1: none (gRPC comes to `port` too)
  std::string unix_socket;         // also listen here; empty: not
  int threads = 0;                 // loops; 0: one a core this process may use
  HttpLimits limits;
};

// Counters of the transport, summed over the loops.
struct ServerCounters {
  int64_t connections_open = 0;
  int64_t connections_total = 0;
  int64_t connections_refused = 0;
  int64_t requests_total = 0;
  int64_t bytes_in = 0;
  int64_t bytes_out = 0;
  int64_t timeouts = 0;
  int64_t protocol_errors = 0;
  int64_t h2_connections = 0;  // that began HTTP/2
  int64_t h2_floods = 0;       // of these, ended for what only an attacker sends
  int64_t h2_resets = 0;       // streams that clients gave up
  int64_t grpc_calls = 0;
};

using HandlerFactory = std::function<std::unique_ptr<HttpHandler>(EventLoop& loop)>;

class HttpServer {
 public:
  virtual ~HttpServer() = default;
  // Binds and starts the loops. `make_handler` is called once on each loop's thread, one after
  // another, before Start returns.
  static StatusOr<std::unique_ptr<HttpServer>> Start(const ServerOptions& options, HandlerFactory make_handler);
  virtual int port() const = 0;
  virtual int grpc_port() const = 0;  // 0: none
  virtual int threads() const = 0;
  virtual EventLoop& loop(int index) = 0;
  virtual ServerCounters counters() const = 0;
  // Stops accepting, answers what is in flight with `Connection: close`, returns when all is sent or drain_timeout_ms has passed.
  virtual void Drain() = 0;
};

}  // namespace vigil::net
