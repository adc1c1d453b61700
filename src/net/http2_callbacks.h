// What nghttp2 calls: turns its frames into the connection's words.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>

#include "net/http2_connection.h"

namespace vigil::net {

inline constexpr size_t kGrpcTrailersMax = 3;
// Writes the trailers of a gRPC call to `to`, which has room for kGrpcTrailersMax; they are views into the stream and `number`.
size_t GrpcTrailers(const Http2Stream& stream, std::array<char, 4>& number, nghttp2_nv* to);

struct Http2Callbacks {
  // One set for all sessions; never freed.
  static const nghttp2_session_callbacks* All();
  // Streams one stream's `out`; at its end the trailers of gRPC.
  static ssize_t ReadBody(nghttp2_session* session, int32_t id, uint8_t* to, size_t size, uint32_t* flags, nghttp2_data_source* source,
                          void* user);

 private:
  static int OnBeginFrame(nghttp2_session* session, const nghttp2_frame_hd* head, void* user);
  static int OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_size, const uint8_t* value,
                      size_t value_size, uint8_t flags, void* user);
  static int OnData(nghttp2_session* session, uint8_t flags, int32_t id, const uint8_t* data, size_t size, void* user);
  static int OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int OnFrameSent(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int OnClosed(nghttp2_session* session, int32_t id, uint32_t error, void* user);
};

}  // namespace vigil::net
