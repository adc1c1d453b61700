#include "net/http2_callbacks.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "net/loop_counters.h"

namespace vigil::net {
namespace {

Http2Stream* StreamOf(nghttp2_session* session, int32_t id) {
  return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session, id));
}

std::string_view View(const uint8_t* bytes, size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

}  // namespace

const nghttp2_session_callbacks* Http2Callbacks::All() {
  static const nghttp2_session_callbacks* const all = [] {
    nghttp2_session_callbacks* callbacks = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) std::abort();  // no memory at start
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, &OnBeginFrame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &OnData);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &OnFrame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &OnFrameSent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &OnClosed);
    return callbacks;
  }();
  return all;
}

// Frames that cost us and bring the client nothing are counted, whether or not the session accepts them.
int Http2Callbacks::OnBeginFrame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
  auto& connection = *static_cast<Http2Connection*>(user);
  switch (head->type) {
    case NGHTTP2_RST_STREAM: connection.context_.counters->h2_resets.Add(1); [[fallthrough]];
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
    case NGHTTP2_PRIORITY: connection.CountControlFrame(); break;
    case NGHTTP2_DATA:
      if (head->length == 0 && (head->flags & NGHTTP2_FLAG_END_STREAM) == 0) connection.CountControlFrame();
      break;
    default: break;
  }
  return 0;
}

int Http2Callbacks::OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  Http2Stream* const stream = static_cast<Http2Connection*>(user)->Open(frame->hd.stream_id);
  return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
}

int Http2Callbacks::OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                             const uint8_t* value, size_t value_size, uint8_t, void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  Http2Stream* const stream = StreamOf(session, frame->hd.stream_id);
  if (stream == nullptr || stream->head_complete) return 0;  // trailers tell us nothing
  static_cast<Http2Connection*>(user)->AddHeader(*stream, View(name, name_size), View(value, value_size));
  return 0;
}

int Http2Callbacks::OnData(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user) {
  Http2Stream* const stream = StreamOf(session, id);
  nghttp2_session_consume_connection(session, size);
  if (stream == nullptr || stream->out_state == Http2Stream::Out::kEnded) {
    nghttp2_session_consume_stream(session, id, size);
    return 0;
  }
  static_cast<Http2Connection*>(user)->AddData(*stream, View(data, size));
  return 0;
}

int Http2Callbacks::OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  auto& connection = *static_cast<Http2Connection*>(user);
  if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
    connection.pinged_ns_ = 0;
    if (connection.draining_) connection.FinishDrain();
    return 0;
  }
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  Http2Stream* const stream = StreamOf(session, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) stream->ended = true;
  if (frame->hd.type == NGHTTP2_HEADERS && !stream->head_complete) connection.HeadComplete(*stream);
  const bool streaming = stream->grpc.method != nullptr && stream->grpc.method->streaming != nullptr;
  if (stream->ended || streaming || stream->refuse_status != 0) connection.Enqueue(*stream);
  return 0;
}

// An answer that is complete before its request is ends the stream for both (RFC 9113, 8.1).
int Http2Callbacks::OnFrameSent(nghttp2_session* session, const nghttp2_frame* frame, void*) {
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  const Http2Stream* const stream = StreamOf(session, frame->hd.stream_id);
  if (stream == nullptr || stream->ended) return 0;
  return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
}

int Http2Callbacks::OnClosed(nghttp2_session* session, int32_t id, uint32_t, void* user) {
  Http2Stream* const stream = StreamOf(session, id);
  if (stream == nullptr) return 0;
  nghttp2_session_set_stream_user_data(session, id, nullptr);
  static_cast<Http2Connection*>(user)->Closed(*stream);
  return 0;
}

ssize_t Http2Callbacks::ReadBody(nghttp2_session* session, int32_t id, uint8_t* to, size_t size, uint32_t* flags,
                                 nghttp2_data_source* source, void* user) {
  auto& connection = *static_cast<Http2Connection*>(user);
  auto& stream = *static_cast<Http2Stream*>(source->ptr);
  const size_t n = std::min(size, stream.out.size());
  if (n > 0) std::memcpy(to, stream.out.pending().data(), n);
  stream.out.Drop(n);
  connection.output_bytes_ -= n;
  stream.out_since_ns = connection.context_.now_ns;
  if (!stream.out.empty()) return static_cast<ssize_t>(n);
  if (stream.out_state == Http2Stream::Out::kEnded) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream.grpc.trailers_due) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      std::array<nghttp2_nv, kGrpcTrailersMax> trailers;
      std::array<char, 4> number;
      const size_t count = GrpcTrailers(stream, number, trailers.data());
      if (nghttp2_submit_trailer(session, id, trailers.data(), count) != 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return static_cast<ssize_t>(n);
  }
  if (n > 0) return static_cast<ssize_t>(n);
  stream.waiting = true;
  return NGHTTP2_ERR_DEFERRED;
}

}  // namespace vigil::net
