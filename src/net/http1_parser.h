// HTTP/1.x requests out of a contiguous buffer: llhttp in strict mode, plus what it leaves to its user (limits, Host, transfer codings).
// Everything found is kept as offsets from the request's first byte, so the buffer may move between calls; a request that is whole in
// one call is never copied. Chunked bodies are decoded in place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "llhttp.h"
#include "net/http.h"

namespace vigil::net {

// One a connection, one thread. Bounded memory: offsets of at most limits.headers_max headers.
class Http1Parser {
 public:
  enum class Result { kNeedMore, kRequest, kError };

  explicit Http1Parser(const HttpLimits& limits);
  Http1Parser(const Http1Parser&) = delete;
  Http1Parser& operator=(const Http1Parser&) = delete;

  // `data[0, size)` starts at the request's first byte and holds what earlier calls kept, then new bytes.
  //   kNeedMore: keep the first kept() bytes (less than `size` while a chunked body is decoded) and call again with more behind them.
  //   kRequest:  request() views `data`; consumed() bytes belong to it. Reset() before the next.
  //   kError:    answer status() and close; no further call but Reset().
  Result Parse(char* data, size_t size);
  void Reset();

  const HttpRequest& request() const { return request_; }
  size_t consumed() const { return consumed_; }
  size_t kept() const { return parsed_; }

  int status() const { return status_; }
  const std::string& reason() const { return reason_; }

  bool idle() const { return parsed_ == 0; }  // no byte of a request seen yet
  bool head_complete() const { return head_complete_; }
  bool expects_continue() const { return expects_continue_; }
  size_t body_received() const { return body_size_; }

 private:
  struct Span {
    uint32_t at = 0;
    uint32_t size = 0;
  };
  struct HeaderSpan {
    Span name;
    Span value;
  };

  static const llhttp_settings_t& Settings();
  static Http1Parser& Self(llhttp_t* parser) { return *static_cast<Http1Parser*>(parser->data); }
  static int OnProtocol(llhttp_t* p, const char* at, size_t size);
  static int OnUrl(llhttp_t* p, const char* at, size_t size);
  static int OnField(llhttp_t* p, const char* at, size_t size);
  static int OnFieldComplete(llhttp_t* p);
  static int OnValue(llhttp_t* p, const char* at, size_t size);
  static int OnHeadersComplete(llhttp_t* p);
  static int OnChunkHeader(llhttp_t* p);
  static int OnBody(llhttp_t* p, const char* at, size_t size);
  static int OnMessageComplete(llhttp_t* p);

  int Fail(int status, std::string_view reason);
  Result FailWithParserError(llhttp_errno_t error, const char* data, size_t size);
  void Extend(Span& span, const char* at, size_t size);
  std::string_view View(const Span& span) const { return {base_ + span.at, span.size}; }
  bool CheckSizes();
  int CheckHeaderBytes(const char* end);
  bool CheckHead();
  bool CheckFraming(std::string_view transfer_encoding, int transfer_encodings);
  void FillHead();

  const HttpLimits& limits_;
  llhttp_t llhttp_;
  char* base_ = nullptr;             // during Parse
  const char* head_base_ = nullptr;  // where request_'s views were built
  size_t parsed_ = 0;
  size_t consumed_ = 0;

  Span target_;
  std::vector<HeaderSpan> headers_;
  bool in_value_ = true;  // the next field callback starts a new header
  bool head_complete_ = false;
  bool complete_ = false;
  bool expects_continue_ = false;
  uint8_t protocol_seen_ = 0;
  size_t body_at_ = 0;
  size_t body_size_ = 0;
  size_t fed_ = 0;         // bytes given to llhttp for this request, chunk framing included
  size_t head_bytes_ = 0;  // up to the last header's end

  int status_ = 0;
  std::string reason_;
  HttpRequest request_;
};

}  // namespace vigil::net
