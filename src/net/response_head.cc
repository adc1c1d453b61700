#include "net/response_head.h"

#include <charconv>

namespace vigil::net {
namespace {

char* Put(char* at, std::string_view bytes) {
  std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

char* PutNumber(char* at, size_t number) { return std::to_chars(at, at + 20, number).ptr; }

char* PutValue(char* at, std::string_view value) {
  for (const char c : value) *at++ = (c == '\r' || c == '\n' || c == '\0') ? ' ' : c;
  return at;
}

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\n";
constexpr size_t kFixedBytesMax = 256;  // status line, framing, connection, date, separators

}  // namespace

std::string_view StatusReason(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 424: return "Failed Dependency";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    case 530: return "Model Error";  // SageMaker's multi-model dialect
    default: return "Status";
  }
}

void AppendHead(const ResponseHead& head, OutputBuffer& output) {
  size_t room = kFixedBytesMax + head.content_type.size();
  for (const ReplyHeader& h : head.headers) room += h.name.size() + h.value.size() + 4;
  char* const start = output.Extend(room);
  char* at = start;
  if (head.status == 200) {
    at = Put(at, kOk);
  } else {
    at = Put(at, "HTTP/1.1 ");
    at = PutNumber(at, static_cast<size_t>(head.status));
    *at++ = ' ';
    at = Put(at, StatusReason(head.status));
    at = Put(at, "\r\n");
  }
  at = Put(at, head.date_line);
  if (!head.content_type.empty()) {
    at = Put(at, "Content-Type: ");
    at = PutValue(at, head.content_type);
    at = Put(at, "\r\n");
  }
  switch (head.framing) {
    case ResponseHead::Framing::kLength:
      at = Put(at, "Content-Length: ");
      at = PutNumber(at, head.length);
      at = Put(at, "\r\n");
      break;
    case ResponseHead::Framing::kChunked: at = Put(at, "Transfer-Encoding: chunked\r\n"); break;
    case ResponseHead::Framing::kUntilClose:
    case ResponseHead::Framing::kNone: break;
  }
  if (head.close) {
    at = Put(at, "Connection: close\r\n");
  } else if (head.keep_alive) {
    at = Put(at, "Connection: keep-alive\r\n");
  }
  for (const ReplyHeader& h : head.headers) {
    at = PutValue(at, h.name);
    at = Put(at, ": ");
    at = PutValue(at, h.value);
    at = Put(at, "\r\n");
  }
  at = Put(at, "\r\n");
  output.Commit(static_cast<size_t>(at - start));
}

}  // namespace vigil::net
