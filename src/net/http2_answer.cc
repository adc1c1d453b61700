// The answer's side of an HTTP/2 connection.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "absl/container/inlined_vector.h"
#include "net/grpc_stream.h"
#include "net/http2_callbacks.h"
#include "net/loop_counters.h"

namespace vigil::net {
namespace {

nghttp2_nv Field(std::string_view name, std::string_view value, uint8_t flags = NGHTTP2_NV_FLAG_NONE) {
  // nghttp2 takes pointers to bytes that it does not change.
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())), reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
          name.size(), value.size(), flags};
}

// Of constants: neither copied nor lower-cased.
nghttp2_nv Fixed(std::string_view name, std::string_view value) {
  return Field(name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
}

bool IsBreak(char c) { return c == '\r' || c == '\n' || c == '\0'; }

// The head of an answer as it is put together.
struct Head {
  absl::InlinedVector<nghttp2_nv, 12> fields;
  std::vector<std::string> cleaned;  // values that would break a head; there are none but for an attacker's

  // At most `count` fields will be added by Add.
  explicit Head(size_t count) : cleaning_max_(count) {}
  void Add(std::string_view name, std::string_view value) {
    if (std::any_of(value.begin(), value.end(), &IsBreak)) {
      cleaned.reserve(cleaning_max_);  // so that none of them moves
      std::string& clean = cleaned.emplace_back(value);
      std::replace_if(clean.begin(), clean.end(), &IsBreak, ' ');
      value = clean;
    }
    fields.push_back(Field(name, value));
  }

 private:
  const size_t cleaning_max_;
};

// "Date: Tue, ...\r\n" → what stands between.
std::string_view DateOf(std::string_view line) { return line.size() > 8 ? line.substr(6, line.size() - 8) : std::string_view{}; }

}  // namespace

void Http2Connection::SendHead(Http2Stream& stream, int status, std::string_view content_type, std::initializer_list<ReplyHeader> headers,
                               int64_t length, bool last) {
  if (!stream.open || stream.out_state != Http2Stream::Out::kNothing) return;
  Head head(headers.size() + 1);
  std::array<char, 4> code;
  std::array<char, 20> digits;
  const auto number = [](auto& to, int64_t value) {
    return std::string_view(to.data(), static_cast<size_t>(std::to_chars(to.data(), to.data() + to.size(), value).ptr - to.data()));
  };
  head.fields.push_back(Field(":status", number(code, status), NGHTTP2_NV_FLAG_NO_COPY_NAME));
  if (!context_.date_line.empty()) head.fields.push_back(Field("date", DateOf(context_.date_line), NGHTTP2_NV_FLAG_NO_COPY_NAME));
  if (length >= 0) head.fields.push_back(Field("content-length", number(digits, length), NGHTTP2_NV_FLAG_NO_COPY_NAME));
  if (!content_type.empty()) head.Add("content-type", content_type);
  for (const ReplyHeader& header : headers) head.Add(header.name, header.value);
  nghttp2_data_provider body{};
  body.source.ptr = &stream;
  body.read_callback = &Http2Callbacks::ReadBody;
  stream.out_state = last ? Http2Stream::Out::kEnded : Http2Stream::Out::kHeadSent;
  stream.out_since_ns = context_.now_ns;
  nghttp2_submit_response(session_, stream.id, head.fields.data(), head.fields.size(), last ? nullptr : &body);
  context_.answered = true;
  host_.OutputReady();
}

void Http2Connection::SendGrpcHead(Http2Stream& stream, std::initializer_list<ReplyHeader> metadata) {
  if (!stream.open || stream.out_state != Http2Stream::Out::kNothing) return;
  Head head(metadata.size());
  head.fields = {Fixed(":status", "200"), Fixed("content-type", "application/grpc"),
                 Fixed("grpc-accept-encoding", "identity,gzip,deflate")};
  if (const Coding coding = stream.grpc.coding_out; coding != Coding::kIdentity) {
    head.fields.push_back(Fixed("grpc-encoding", CodingName(coding)));
  }
  for (const ReplyHeader& header : metadata) head.Add(header.name, header.value);
  nghttp2_data_provider body{};
  body.source.ptr = &stream;
  body.read_callback = &Http2Callbacks::ReadBody;
  stream.out_state = Http2Stream::Out::kHeadSent;
  stream.out_since_ns = context_.now_ns;
  nghttp2_submit_response(session_, stream.id, head.fields.data(), head.fields.size(), &body);
  context_.answered = true;
  host_.OutputReady();
}

void Http2Connection::SendGrpcStatus(Http2Stream& stream, std::initializer_list<ReplyHeader> metadata) {
  if (!stream.open || stream.out_state != Http2Stream::Out::kNothing) return;
  Head head(metadata.size());
  head.fields = {Fixed(":status", "200"), Fixed("content-type", "application/grpc"),
                 Fixed("grpc-accept-encoding", "identity,gzip,deflate")};
  for (const ReplyHeader& header : metadata) head.Add(header.name, header.value);
  std::array<char, 4> number;
  std::array<nghttp2_nv, kGrpcTrailersMax> trailers;
  const size_t count = GrpcTrailers(stream, number, trailers.data());
  head.fields.insert(head.fields.end(), trailers.begin(), trailers.begin() + count);
  stream.out_state = Http2Stream::Out::kEnded;
  nghttp2_submit_response(session_, stream.id, head.fields.data(), head.fields.size(), nullptr);
  context_.answered = true;
  host_.OutputReady();
}

size_t GrpcTrailers(const Http2Stream& stream, std::array<char, 4>& number, nghttp2_nv* to) {
  const GrpcState& grpc = stream.grpc;
  const char* const end = std::to_chars(number.data(), number.data() + number.size(), grpc.status).ptr;
  size_t count = 0;
  to[count++] = Field("grpc-status", {number.data(), static_cast<size_t>(end - number.data())}, NGHTTP2_NV_FLAG_NO_COPY_NAME);
  if (!grpc.message.empty()) to[count++] = Field("grpc-message", grpc.message, NGHTTP2_NV_FLAG_NO_COPY_NAME);
  if (!grpc.details.empty()) to[count++] = Field("grpc-status-details-bin", grpc.details, NGHTTP2_NV_FLAG_NO_COPY_NAME);
  return count;
}

void Http2Connection::SendBody(Http2Stream& stream, std::string_view first, std::string_view second) {
  if (!stream.open || stream.out_state != Http2Stream::Out::kHeadSent) return;
  if (stream.out.empty()) stream.out_since_ns = context_.now_ns;
  stream.out.Append(first);
  stream.out.Append(second);
  output_bytes_ += first.size() + second.size();
  context_.answered = true;
  if (std::exchange(stream.waiting, false)) nghttp2_session_resume_data(session_, stream.id);
  host_.OutputReady();
  if (output_bytes_ + host_.output().size() <= context_.limits.output_bytes_max) return;
  stopped_ = over_ = true;
  host_.Abort();
}

void Http2Connection::EndBody(Http2Stream& stream) {
  if (!stream.open || stream.out_state != Http2Stream::Out::kHeadSent) return;
  stream.out_state = Http2Stream::Out::kEnded;
  if (std::exchange(stream.waiting, false)) nghttp2_session_resume_data(session_, stream.id);
  context_.answered = true;
  host_.OutputReady();
}

void Http2Connection::Answer(Http2Stream& stream, int status, std::string_view content_type, std::string_view body,
                             std::initializer_list<ReplyHeader> headers) {
  const bool no_body = status == 204 || status == 304 || status < 200;
  const bool last = no_body || stream.head_only || body.empty();
  SendHead(stream, status, content_type, headers, no_body ? -1 : static_cast<int64_t>(body.size()), last);
  if (last) return;
  SendBody(stream, body);
  EndBody(stream);
}

void Http2Connection::Reset(Http2Stream& stream, Http2Error error) {
  if (!stream.open) return;
  stream.out_state = Http2Stream::Out::kEnded;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, static_cast<uint32_t>(error));
  host_.OutputReady();
}

}  // namespace vigil::net
