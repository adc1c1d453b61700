// What one HTTP/2 stream keeps: the request as it comes, the answer as it waits to go. Pooled by the loop, so that a warm connection
// allocates none; a stream outlives its connection while somebody still works on its request.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/content_coding.h"
#include "net/grpc.h"
#include "net/http.h"
#include "net/output_buffer.h"

namespace vigil::net {

class Http2Connection;
class Http2Deferred;
class GrpcStreamCall;

// Where a call of gRPC stands.
struct GrpcState {
  const GrpcMethod* method = nullptr;     // null: no gRPC
  size_t parsed = 0;                      // bytes of the body that were handed over
  Coding coding_in = Coding::kIdentity;   // grpc-encoding of the request
  Coding coding_out = Coding::kIdentity;  // of the answer: the client's own, where it takes that too
  bool begun = false;                     // a streaming method's handler was called
  bool finished = false;                  // the status is decided
  bool trailers_due = false;
  int64_t deadline_ns = 0;  // monotonic; 0: none
  int status = 0;
  std::string message;  // grpc-message, percent-encoded
  std::string details;  // grpc-status-details-bin, base64
  std::unique_ptr<GrpcReader> reader;
  GrpcStreamCall* call = nullptr;  // the deferred answer
};

struct Http2Stream {
  // Where a header lies in `head`.
  struct Field {
    uint32_t name_at = 0, name_size = 0, value_at = 0, value_size = 0;
  };
  enum class Out : uint8_t { kNothing, kHeadSent, kEnded };

  Http2Connection* connection = nullptr;  // null: gone
  size_t index = 0;                       // in the connection's table
  int32_t id = 0;
  bool open = false;    // the session knows it
  bool held = false;    // a deferred answer is out
  bool queued = false;  // in the connection's list of streams to look at
  bool busy = false;    // under somebody's hands: not to be pooled yet
  bool counted = false;
  bool head_complete = false;
  bool ended = false;    // the client sends no more
  bool handled = false;  // the handler has had it, or it was refused
  bool head_only = false;
  bool waiting = false;  // the session waits for more of `out`
  Out out_state = Out::kNothing;

  std::string head;  // names and values, one after another
  std::vector<Field> fields;
  Field method, target, authority;
  size_t header_bytes = 0;
  size_t input_bytes = 0;  // what the connection counts for this stream
  int refuse_status = 0;
  std::string_view refuse_reason;
  HttpRequest request;  // views into `head` and `body`
  std::string body;
  size_t withheld = 0;       // received and not yet granted anew to the client
  int64_t since_ns = 0;      // of the request side's clock
  size_t body_at_since = 0;  // body bytes then
  int64_t out_since_ns = 0;  // since when `out` makes no progress
  OutputBuffer out;
  GrpcState grpc;

  std::string_view Text(uint32_t at, uint32_t size) const { return std::string_view(head).substr(at, size); }
};

// Free streams of one loop. Its thread only; alive while a deferred answer is.
class Http2StreamPool {
 public:
  Http2Stream* Take() {
    if (free_.empty()) return new Http2Stream;
    Http2Stream* const stream = free_.back().release();
    free_.pop_back();
    return stream;
  }
  void Give(Http2Stream* stream) {
    std::unique_ptr<Http2Stream> owned(stream);
    if (free_.size() >= kFreeMax) return;
    Clear(*owned);
    free_.push_back(std::move(owned));
  }

 private:
  static constexpr size_t kFreeMax = 2048;
  static constexpr size_t kKeptBytesMax = 16 << 10;

  // As new, but for memory worth keeping.
  static void Clear(Http2Stream& stream) {
    Http2Stream fresh;
    const auto keep = [](auto& from, auto& to) {
      if (from.capacity() * sizeof(from[0]) > kKeptBytesMax) return;
      from.clear();
      to.swap(from);
    };
    keep(stream.head, fresh.head);
    keep(stream.fields, fresh.fields);
    keep(stream.body, fresh.body);
    stream.out.Clear();
    fresh.out = std::move(stream.out);
    stream.request.headers.clear();
    fresh.request.headers = std::move(stream.request.headers);
    stream = std::move(fresh);
  }

  std::vector<std::unique_ptr<Http2Stream>> free_;
};

}  // namespace vigil::net
