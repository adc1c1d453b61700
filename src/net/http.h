// What the layers above see of HTTP: a request that is whole, and an exchange to answer it now, later, or in many frames.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/functional/any_invocable.h"

namespace vigil::net {

// Every limit has a name and a default.
struct HttpLimits {
  size_t uri_bytes_max = 8 << 10;            // 414
  size_t header_bytes_max = 32 << 10;        // 431, all header lines together
  size_t headers_max = 100;                  // 431
  size_t body_bytes_max = 64 << 20;          // 413
  size_t pipelined_max = 64;                 // requests read ahead on one connection
  size_t connections_max = 16384;            // a process; beyond it accept and close
  size_t output_bytes_max = 64 << 20;        // unsent bytes on one connection before it is closed
  size_t input_bytes_max = size_t{1} << 30;  // memory under requests not yet answered, a process; beyond it large bodies get 503
  int64_t header_timeout_ms = 10'000;        // 408
  int64_t body_timeout_ms = 30'000;          // 408, restarted by progress of at least body_bytes_per_s_min
  int64_t body_bytes_per_s_min = 1024;
  int64_t idle_timeout_ms = 75'000;   // kept connections
  int64_t write_timeout_ms = 30'000;  // no progress in sending
  int64_t drain_timeout_ms = 25'000;  // on shutdown

  // HTTP/2, of one connection.
  uint32_t h2_streams_max = 1024;                    // at once; beyond it REFUSED_STREAM
  uint32_t h2_stream_window_bytes = 1 << 20;         // what a client may send before it is read on
  uint32_t h2_connection_window_bytes = 16 << 20;    // of all its streams together
  uint32_t h2_continuations_max = 8;                 // CONTINUATION frames of one head
  uint32_t h2_control_frames_burst = 4096;           // PING, SETTINGS, RST_STREAM, PRIORITY, empty DATA; then ENHANCE_YOUR_CALM
  uint32_t h2_control_frames_per_s = 1024;           // by which that allowance is refilled
  int64_t h2_ping_after_ms = 60'000;                 // a silent client with streams open is asked whether it lives
  int64_t h2_ping_timeout_ms = 20'000;               // and given up after this
  size_t grpc_message_bytes_max = size_t{64} << 20;  // RESOURCE_EXHAUSTED, decompressed too
};

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kDelete, kOptions, kPatch, kOther };
std::string_view MethodName(Method method);

struct Header {
  std::string_view name;   // as it came
  std::string_view value;  // without surrounding space
};

// Views into the connection's buffer; valid until the exchange is answered.
struct HttpRequest {
  Method method = Method::kGet;
  std::string_view target;  // as it came: "/v2/models/fraud?x=1"
  std::string_view path;    // before '?', not percent-decoded
  std::string_view query;   // after '?'
  absl::InlinedVector<Header, 24> headers;
  std::string_view body;  // whole, de-chunked
  bool keep_alive = true;
  int minor_version = 1;

  // Case-insensitive; empty when absent. The first of several.
  std::string_view header(std::string_view name) const;
};

// A header of an answer. Both views must live until the call returns.
struct ReplyHeader {
  std::string_view name;
  std::string_view value;
};

class Deferred;

// Answers one request; exists during OnRequest only. Exactly one of Send, StartStream or Defer.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // Copies everything into the connection's output, which is sent at the end of this turn of the loop, after the turn hooks.
  virtual void Send(int status, std::string_view content_type, std::string_view body, std::initializer_list<ReplyHeader> headers = {}) = 0;
  // Later, or in many frames. The request's views stay valid until the deferred answer is complete.
  virtual std::shared_ptr<Deferred> Defer() = 0;
};

// An answer in progress. Only on the loop's own thread. Safe to use after the client has gone: everything is then ignored.
class Deferred {
 public:
  virtual ~Deferred() = default;
  virtual void Send(int status, std::string_view content_type, std::string_view body, std::initializer_list<ReplyHeader> headers = {}) = 0;
  // A streamed answer (chunked in HTTP/1.1): Start, any number of Frame, End.
  virtual void Start(int status, std::string_view content_type, std::initializer_list<ReplyHeader> headers = {}) = 0;
  virtual void Frame(std::string_view bytes) = 0;
  virtual void End() = 0;
  virtual bool client_gone() const = 0;
  // Sent but still here. A handler that makes frames faster than they leave looks at it; beyond HttpLimits::output_bytes_max the connection
  // is cut.
  virtual size_t unsent_bytes() const = 0;
};

class GrpcMethods;

// Lives on one loop's thread. One handler object a loop, so that it can keep per-thread state without a lock.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void OnRequest(const HttpRequest& request, Exchange& exchange) = 0;
  // The head of a malformed or refused request: writes the body for `status` (400, 408, 413, 414, 417, 431, 500, 501, 503, 505) in our
  // error shape.
  virtual std::string ErrorBody(int status, std::string_view reason, std::string_view request_id) = 0;
  // The X-Request-Id of such an answer; empty: none. `given` is the request's own, empty where it had none or could not be read.
  virtual std::string ErrorRequestId(std::string_view given) = 0;
  // The gRPC methods of this loop (net/grpc.h); null: gRPC is not served. Asked once a call.
  virtual const GrpcMethods* grpc() const { return nullptr; }
  // The server drains: answers that would go on for ever end now.
  virtual void OnDrain() {}
};

}  // namespace vigil::net
