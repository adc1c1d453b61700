#include "net/http1_parser.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "net/ascii.h"

namespace vigil::net {
namespace {

// Chunk framing (sizes, extensions, trailers) may cost this many bytes a body byte, beyond header_bytes_max at large: one-byte chunks
// pass, a flood of extensions does not.
constexpr size_t kFramingBytesPerBodyByteMax = 8;

Method MethodOf(uint8_t method) {
  switch (method) {
    case HTTP_GET: return Method::kGet;
    case HTTP_HEAD: return Method::kHead;
    case HTTP_POST: return Method::kPost;
    case HTTP_PUT: return Method::kPut;
    case HTTP_DELETE: return Method::kDelete;
    case HTTP_OPTIONS: return Method::kOptions;
    case HTTP_PATCH: return Method::kPatch;
    default: return Method::kOther;
  }
}

std::string_view TrimTrailing(std::string_view value) {
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  return value;
}

// uri-host [":" port] (RFC 9112 3.2): refuses what could mean two hosts to two readers.
bool IsHostValue(std::string_view host) {
  for (const char c : host) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == ',' || c == '/' || c == '@' || c == '\\' || c == '?' || c == '#')
      return false;
  }
  return true;
}

// A method of letters that we have never heard of, rather than bytes that are not HTTP at all.
bool LooksLikeMethod(std::string_view bytes) {
  size_t n = 0;
  while (n < bytes.size() && n < 32 && ((bytes[n] >= 'A' && bytes[n] <= 'Z') || bytes[n] == '-' || bytes[n] == '_')) ++n;
  return n > 0 && n < bytes.size() && bytes[n] == ' ';
}

}  // namespace

Http1Parser::Http1Parser(const HttpLimits& limits) : limits_(limits) {
  headers_.reserve(32);
  llhttp_init(&llhttp_, HTTP_REQUEST, &Settings());
  llhttp_.data = this;
}

const llhttp_settings_t& Http1Parser::Settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_protocol = &OnProtocol;
    s.on_url = &OnUrl;
    s.on_header_field = &OnField;
    s.on_header_field_complete = &OnFieldComplete;
    s.on_header_value = &OnValue;
    s.on_headers_complete = &OnHeadersComplete;
    s.on_chunk_header = &OnChunkHeader;
    s.on_body = &OnBody;
    s.on_message_complete = &OnMessageComplete;
    return s;
  }();
  return kSettings;
}

void Http1Parser::Reset() {
  llhttp_reset(&llhttp_);
  parsed_ = consumed_ = 0;
  target_ = {};
  headers_.clear();
  in_value_ = true;
  head_complete_ = complete_ = expects_continue_ = false;
  protocol_seen_ = 0;
  body_at_ = body_size_ = fed_ = head_bytes_ = 0;
  status_ = 0;
  head_base_ = nullptr;
}

Http1Parser::Result Http1Parser::Parse(char* data, size_t size) {
  base_ = data;
  fed_ += size - parsed_;
  const llhttp_errno_t error = llhttp_execute(&llhttp_, data + parsed_, size - parsed_);
  if (complete_ && error == HPE_PAUSED) {
    consumed_ = static_cast<size_t>(llhttp_get_error_pos(&llhttp_) - data);
    if (head_base_ != data) FillHead();
    request_.body = {data + body_at_, body_size_};
    return Result::kRequest;
  }
  if (status_ != 0) return Result::kError;
  if (error != HPE_OK) return FailWithParserError(error, data, size);
  parsed_ = body_size_ > 0 ? body_at_ + body_size_ : size;
  return CheckSizes() ? Result::kNeedMore : Result::kError;
}

int Http1Parser::Fail(int status, std::string_view reason) {
  if (status_ == 0) {
    status_ = status;
    reason_.assign(reason);
  }
  return -1;
}

Http1Parser::Result Http1Parser::FailWithParserError(llhttp_errno_t error, const char* data, size_t size) {
  const char* const at = llhttp_get_error_pos(&llhttp_);
  const size_t offset = at != nullptr && at >= data ? std::min(static_cast<size_t>(at - data), size) : 0;
  const std::string_view reason = llhttp_get_error_reason(&llhttp_) != nullptr ? llhttp_get_error_reason(&llhttp_) : "malformed";
  const std::string text = absl::StrCat("malformed HTTP/1.1 request at byte ", offset, ": ", std::string(reason));
  if (error == HPE_PAUSED_H2_UPGRADE || (error == HPE_INVALID_VERSION && reason.starts_with("Invalid HTTP version"))) {
    Fail(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  } else if (error == HPE_INVALID_METHOD && LooksLikeMethod({data, size})) {
    Fail(501, "unknown request method");
  } else if (error == HPE_INVALID_CONTENT_LENGTH && reason.find("overflow") != std::string_view::npos) {
    Fail(413, absl::StrCat("Content-Length is beyond the limit of ", limits_.body_bytes_max, " bytes"));
  } else {
    Fail(400, text);
  }
  return Result::kError;
}

// Of an incomplete request: no line without end, and no flood of chunk framing, may grow for ever.
bool Http1Parser::CheckSizes() {
  if (!head_complete_) {
    if (fed_ <= limits_.uri_bytes_max + limits_.header_bytes_max) return true;
    return Fail(431, "the request's head is longer than the limits allow") == 0;
  }
  const size_t framing = fed_ - head_bytes_ - body_size_;
  if (framing <= limits_.header_bytes_max + kFramingBytesPerBodyByteMax * body_size_) return true;
  return Fail(400, "chunk framing is far larger than the body it frames") == 0;
}

void Http1Parser::Extend(Span& span, const char* at, size_t size) {
  if (span.size == 0) span.at = static_cast<uint32_t>(at - base_);
  span.size += static_cast<uint32_t>(size);
}

int Http1Parser::OnProtocol(llhttp_t* p, const char* at, size_t size) {
  Http1Parser& self = Self(p);
  constexpr std::string_view kHttp = "HTTP";
  for (size_t i = 0; i < size; ++i) {
    if (self.protocol_seen_ >= kHttp.size() || at[i] != kHttp[self.protocol_seen_++]) return self.Fail(400, "the protocol is not HTTP");
  }
  return 0;
}

int Http1Parser::OnUrl(llhttp_t* p, const char* at, size_t size) {
  Http1Parser& self = Self(p);
  self.Extend(self.target_, at, size);
  if (self.target_.size <= self.limits_.uri_bytes_max) return 0;
  return self.Fail(414, absl::StrCat("the request target is longer than ", self.limits_.uri_bytes_max, " bytes"));
}

int Http1Parser::OnField(llhttp_t* p, const char* at, size_t size) {
  Http1Parser& self = Self(p);
  if (self.head_complete_) return 0;  // a trailer: read past, never merged into the headers
  if (self.in_value_) {
    if (self.headers_.size() >= self.limits_.headers_max) {
      return self.Fail(431, absl::StrCat("more than ", self.limits_.headers_max, " header lines"));
    }
    self.headers_.emplace_back();
    self.in_value_ = false;
  }
  self.Extend(self.headers_.back().name, at, size);
  return self.CheckHeaderBytes(at + size);
}

int Http1Parser::OnFieldComplete(llhttp_t* p) {
  Self(p).in_value_ = true;
  return 0;
}

int Http1Parser::OnValue(llhttp_t* p, const char* at, size_t size) {
  Http1Parser& self = Self(p);
  if (self.head_complete_ || size == 0) return 0;
  self.Extend(self.headers_.back().value, at, size);
  return self.CheckHeaderBytes(at + size);
}

int Http1Parser::CheckHeaderBytes(const char* end) {
  const size_t before = target_.at + target_.size;
  if (static_cast<size_t>(end - base_) <= before + limits_.header_bytes_max) return 0;
  return Fail(431, absl::StrCat("the header lines are longer than ", limits_.header_bytes_max, " bytes together"));
}

int Http1Parser::OnHeadersComplete(llhttp_t* p) {
  Http1Parser& self = Self(p);
  p->upgrade = 0;  // Upgrade is an offer that we do not take: the request is answered as it is
  self.head_complete_ = true;
  self.FillHead();
  if (!self.CheckHead()) return -1;
  return 0;
}

int Http1Parser::OnChunkHeader(llhttp_t* p) {
  Http1Parser& self = Self(p);
  if (p->content_length <= self.limits_.body_bytes_max - self.body_size_) return 0;
  return self.Fail(413, absl::StrCat("the body is larger than ", self.limits_.body_bytes_max, " bytes"));
}

int Http1Parser::OnBody(llhttp_t* p, const char* at, size_t size) {
  Http1Parser& self = Self(p);
  if (self.body_size_ + size > self.limits_.body_bytes_max) {
    return self.Fail(413, absl::StrCat("the body is larger than ", self.limits_.body_bytes_max, " bytes"));
  }
  if (self.body_size_ == 0) self.body_at_ = static_cast<size_t>(at - self.base_);
  char* const to = self.base_ + self.body_at_ + self.body_size_;
  if (to != at) std::memmove(to, at, size);
  self.body_size_ += size;
  return 0;
}

int Http1Parser::OnMessageComplete(llhttp_t* p) {
  Self(p).complete_ = true;
  return HPE_PAUSED;
}

// Rebuilds the request's views over the head, from offsets.
void Http1Parser::FillHead() {
  head_base_ = base_;
  const Span& last = headers_.empty() ? target_ : headers_.back().value.size > 0 ? headers_.back().value : headers_.back().name;
  head_bytes_ = last.at + last.size;
  request_.method = MethodOf(llhttp_.method);
  request_.minor_version = llhttp_.http_minor;
  request_.headers.clear();
  for (const HeaderSpan& h : headers_) request_.headers.push_back({View(h.name), TrimTrailing(View(h.value))});
  request_.body = {};
  std::string_view target = View(target_);
  request_.target = target;
  if (!target.empty() && target.front() != '/') {  // absolute-form (RFC 9112 3.2.2), or '*'
    if (const size_t scheme = target.find("://"); scheme != std::string_view::npos) {
      const size_t path = target.find_first_of("/?", scheme + 3);
      target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
    }
  }
  const size_t question = target.find('?');
  request_.path = target.substr(0, question);
  request_.query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  if (request_.path.empty()) request_.path = "/";
}

// What RFC 9112 asks of a server beyond the grammar.
bool Http1Parser::CheckHead() {
  if (llhttp_.http_major != 1 || llhttp_.http_minor > 1) {
    return Fail(llhttp_.http_major == 0 ? 400 : 505, "only HTTP/1.0 and HTTP/1.1 are spoken here") == 0;
  }
  if (llhttp_.method == HTTP_CONNECT) return Fail(501, "CONNECT: this is no proxy") == 0;
  int hosts = 0, transfer_encodings = 0;
  std::string_view transfer_encoding;
  for (const Header& h : request_.headers) {
    switch (h.name.size()) {
      case 4:
        if (!EqualsIgnoreCase(h.name, "host")) break;
        ++hosts;
        if (!IsHostValue(h.value)) return Fail(400, "the Host header is malformed") == 0;
        break;
      case 6:
        if (!EqualsIgnoreCase(h.name, "expect")) break;
        if (!EqualsIgnoreCase(h.value, "100-continue")) return Fail(417, "Expect: only 100-continue is known") == 0;
        expects_continue_ = llhttp_.http_minor == 1;
        break;
      case 17:
        if (!EqualsIgnoreCase(h.name, "transfer-encoding")) break;
        ++transfer_encodings;
        transfer_encoding = h.value;
        break;
      default: break;
    }
  }
  if (hosts > 1) return Fail(400, "more than one Host header") == 0;
  if (hosts == 0 && llhttp_.http_minor == 1) return Fail(400, "HTTP/1.1 without a Host header") == 0;
  request_.keep_alive = llhttp_should_keep_alive(&llhttp_) != 0;
  return CheckFraming(transfer_encoding, transfer_encodings);
}

bool Http1Parser::CheckFraming(std::string_view transfer_encoding, int transfer_encodings) {
  if (transfer_encodings > 0) {
    if (llhttp_.http_minor == 0) return Fail(400, "Transfer-Encoding in HTTP/1.0") == 0;
    if (transfer_encodings > 1) return Fail(400, "more than one Transfer-Encoding header") == 0;
    if (!EqualsIgnoreCase(transfer_encoding, "chunked")) {
      return Fail(501, "Transfer-Encoding: only chunked is implemented") == 0;
    }
  } else if ((llhttp_.flags & F_CONTENT_LENGTH) != 0 && llhttp_.content_length > limits_.body_bytes_max) {
    return Fail(413,
                absl::StrCat("Content-Length ", llhttp_.content_length, " is beyond the limit of ", limits_.body_bytes_max, " bytes")) == 0;
  }
  return true;
}

}  // namespace vigil::net
