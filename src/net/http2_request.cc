// The request's side of an HTTP/2 connection: heads and bodies become requests, within limits.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <charconv>

#include "net/ascii.h"
#include "net/grpc_stream.h"
#include "net/http2_connection.h"
#include "net/loop_counters.h"

namespace vigil::net {
namespace {

constexpr size_t kFieldOverheadBytes = 32;  // RFC 9113, 6.5.2

Method MethodOf(std::string_view name) {
  for (const Method method :
       {Method::kGet, Method::kHead, Method::kPost, Method::kPut, Method::kDelete, Method::kOptions, Method::kPatch}) {
    if (MethodName(method) == name) return method;
  }
  return Method::kOther;
}

}  // namespace

void Http2Connection::AddHeader(Http2Stream& stream, std::string_view name, std::string_view value) {
  if (stream.refuse_status != 0) return;
  const HttpLimits& limits = context_.limits;
  const size_t bytes = name.size() + value.size() + kFieldOverheadBytes;
  const bool too_many = stream.fields.size() >= limits.headers_max;
  if (name == ":path" && value.size() > limits.uri_bytes_max) {
    stream.refuse_status = 414;
    stream.refuse_reason = "the target is longer than uri_bytes_max";
    return;
  }
  if (too_many || stream.header_bytes + bytes > limits.header_bytes_max) {
    stream.refuse_status = 431;
    stream.refuse_reason = too_many ? "more headers than headers_max" : "headers beyond header_bytes_max";
    return;
  }
  stream.header_bytes += bytes;
  Http2Stream::Field field;
  field.name_at = static_cast<uint32_t>(stream.head.size());
  field.name_size = static_cast<uint32_t>(name.size());
  stream.head.append(name);
  field.value_at = static_cast<uint32_t>(stream.head.size());
  field.value_size = static_cast<uint32_t>(value.size());
  stream.head.append(value);
  if (name.empty() || name[0] != ':') {
    stream.fields.push_back(field);
  } else if (name == ":path") {
    stream.target = field;
  } else if (name == ":method") {
    stream.method = field;
  } else if (name == ":authority") {
    stream.authority = field;
  }
}

void Http2Connection::MakeRequest(Http2Stream& stream) {
  HttpRequest& request = stream.request;
  request.headers.clear();
  const auto value = [&](const Http2Stream::Field& field) { return stream.Text(field.value_at, field.value_size); };
  if (stream.authority.value_size > 0) request.headers.push_back({"host", value(stream.authority)});
  for (const Http2Stream::Field& field : stream.fields) {
    request.headers.push_back({stream.Text(field.name_at, field.name_size), value(field)});
  }
  request.method = MethodOf(value(stream.method));
  request.target = value(stream.target);
  const size_t question = request.target.find('?');
  request.path = request.target.substr(0, question);
  request.query = question == std::string_view::npos ? std::string_view{} : request.target.substr(question + 1);
  stream.head_only = request.method == Method::kHead;
}

void Http2Connection::HeadComplete(Http2Stream& stream) {
  stream.head_complete = true;
  stream.since_ns = context_.now_ns;
  Account(stream);
  MakeRequest(stream);
  if (stream.refuse_status != 0) return;
  const auto refuse = [&](int status, std::string_view reason) {
    stream.refuse_status = status;
    stream.refuse_reason = reason;
  };
  const HttpRequest& request = stream.request;
  if (request.target.empty()) return refuse(501, "CONNECT is not served");
  if (context_.handler->grpc() != nullptr && IsGrpcContentType(request.header("content-type"))) {
    BeginGrpc(*this, stream);
    return;
  }
  if (grpc_only_) return refuse(415, "this port speaks gRPC: content-type is application/grpc");
  size_t length = 0;
  const std::string_view given = request.header("content-length");
  const auto [stop, error] = std::from_chars(given.data(), given.data() + given.size(), length);
  if (!given.empty() && (error != std::errc() || length > context_.limits.body_bytes_max)) refuse(413, "the body is beyond body_bytes_max");
}

void Http2Connection::AddData(Http2Stream& stream, std::string_view bytes) {
  stream.withheld += bytes.size();
  if (stream.handled && stream.grpc.method == nullptr) {
    Grant(stream);  // already answered: it is thrown away
    return;
  }
  if (stream.refuse_status != 0 || stream.grpc.finished) {
    Grant(stream);
    return;
  }
  if (stream.body.size() + bytes.size() > context_.limits.body_bytes_max && stream.grpc.method == nullptr) {
    stream.refuse_status = 413;
    stream.refuse_reason = "the body is beyond body_bytes_max";
    return;
  }
  stream.body.append(bytes);
  Account(stream);
  if (OverBudget(stream)) {
    if (stream.grpc.method != nullptr) {
      FinishGrpc(*this, stream, absl::ResourceExhaustedError("too many large requests at once"));
    } else {
      stream.refuse_status = 503;
      stream.refuse_reason = "too many large requests at once";
    }
    return;
  }
  if (stream.grpc.method != nullptr) {
    CheckGrpcMessage(*this, stream);
    if (stream.grpc.method->streaming != nullptr) return;  // granted when its messages are handed over
  }
  Grant(stream);
}

void Http2Connection::DropInput(Http2Stream& stream, size_t n) {
  stream.body.erase(0, n);
  Account(stream);
}

void Http2Connection::Grant(Http2Stream& stream) {
  if (stream.withheld == 0 || !stream.open) return;
  nghttp2_session_consume_stream(session_, stream.id, stream.withheld);
  stream.withheld = 0;
}

}  // namespace vigil::net
