// Writes the head of an HTTP/1.1 answer straight into an output buffer, without allocating.
#pragma once

#include <initializer_list>
#include <string_view>

#include "net/http.h"
#include "net/output_buffer.h"

namespace vigil::net {

// "OK" for 200; "Status" for a code without a registered reason.
std::string_view StatusReason(int status);

struct ResponseHead {
  enum class Framing { kLength, kChunked, kUntilClose, kNone };  // kNone: 1xx, 204, 304

  int status = 200;
  std::string_view content_type;  // empty: no header
  std::initializer_list<ReplyHeader> headers;
  Framing framing = Framing::kLength;
  size_t length = 0;           // for kLength
  bool close = false;          // Connection: close
  bool keep_alive = false;     // Connection: keep-alive, which HTTP/1.0 clients wait for
  std::string_view date_line;  // "Date: ...\r\n" or empty
};

// CR, LF and NUL in a header value become spaces: a handler that echoes input cannot split an answer.
void AppendHead(const ResponseHead& head, OutputBuffer& output);

}  // namespace vigil::net
