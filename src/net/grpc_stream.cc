#include "net/grpc_stream.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "net/content_coding.h"
#include "net/http1_exchange.h"
#include "net/http2_exchange.h"
#include "net/loop_counters.h"

namespace vigil::net {
namespace {

constexpr size_t kPackedBytesMin = 512;       // shorter messages go as they are
constexpr size_t kStatusTextBytesMax = 4096;  // trailers beyond what clients take would lose the status
constexpr size_t kDetailsBytesMax = 4096;

void SendMessage(Http2Connection& connection, Http2Stream& stream, std::string_view message, std::initializer_list<ReplyHeader> metadata) {
  connection.SendGrpcHead(stream, metadata);
  std::string compressed;
  const bool packed = stream.grpc.coding_out != Coding::kIdentity && message.size() >= kPackedBytesMin;
  if (packed) {
    Encode(stream.grpc.coding_out, message, &compressed);
    message = compressed;
  }
  const auto prefix = GrpcPrefix(packed, message.size());
  connection.SendBody(stream, {prefix.data(), prefix.size()}, message);
}

GrpcRequest RequestOf(const Http2Stream& stream) {
  GrpcRequest request;
  request.path = stream.request.path;
  request.metadata = absl::MakeConstSpan(stream.request.headers.data(), stream.request.headers.size());
  request.deadline_ns = stream.grpc.deadline_ns;
  return request;
}

// The message of a whole frame, decompressed into `scratch` where it needs that.
StatusOr<std::string_view> Decoded(const Http2Connection&, const Http2Stream& stream, const GrpcFrame& frame, size_t bytes_max,
                                   std::string* scratch) {
  if (!frame.compressed) return frame.message;
  if (stream.grpc.coding_in == Coding::kIdentity)
    return absl::InternalError("a message is compressed, but grpc-encoding says nothing of it");
  const Status status = Decode(stream.grpc.coding_in, frame.message, bytes_max, scratch);
  if (status.ok()) return std::string_view(*scratch);
  if (absl::IsResourceExhausted(status)) {
    return absl::ResourceExhaustedError(absl::StrCat("the message is larger than ", bytes_max, " bytes when decompressed"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the message is not ", stream.grpc.coding_in == Coding::kGzip ? "gzip" : "deflate", ", though it says so"));
}

class UnaryExchange final : public GrpcExchange {
 public:
  UnaryExchange(Http2Connection& connection, Http2Stream& stream) : connection_(connection), stream_(stream) {}

  void Reply(std::string_view message, std::initializer_list<ReplyHeader> metadata) override {
    Once();
    SendMessage(connection_, stream_, message, metadata);
    FinishGrpc(connection_, stream_, absl::OkStatus());
  }
  void Fail(const Status& status, std::initializer_list<ReplyHeader> metadata) override {
    Once();
    FinishGrpc(connection_, stream_, status, metadata);
  }
  std::shared_ptr<GrpcCall> Defer() override {
    Once();
    return std::make_shared<GrpcStreamCall>(connection_, stream_);
  }
  std::string PeerName() const override { return connection_.host().PeerName(); }
  bool answered() const { return answered_; }

 private:
  void Once() {
    if (answered_) std::abort();  // a method that answers twice has lost track of which call it answers
    answered_ = true;
  }

  Http2Connection& connection_;
  Http2Stream& stream_;
  bool answered_ = false;
};

void HandleUnary(Http2Connection& connection, Http2Stream& stream) {
  const size_t bytes_max = connection.context().limits.grpc_message_bytes_max;
  const GrpcFrame frame = ReadGrpcFrame(stream.body, bytes_max);
  if (frame.kind != GrpcFrame::Kind::kWhole || frame.size != stream.body.size()) {
    const char* const what = stream.body.empty() ? "none" : frame.kind == GrpcFrame::Kind::kWhole ? "more than one" : "a part of one";
    FinishGrpc(connection, stream, absl::InternalError(absl::StrCat("the call takes one message, ", what, " came")));
    return;
  }
  std::string scratch;
  const auto message = Decoded(connection, stream, frame, bytes_max, &scratch);
  if (!message.ok()) {
    FinishGrpc(connection, stream, message.status());
    return;
  }
  if (frame.compressed) {  // a deferred answer may look at it again
    stream.body = std::move(scratch);
  }
  GrpcRequest request = RequestOf(stream);
  request.message = frame.compressed ? std::string_view(stream.body) : frame.message;
  UnaryExchange exchange(connection, stream);
  stream.grpc.method->unary(request, exchange);
  if (!exchange.answered()) FinishGrpc(connection, stream, absl::InternalError(absl::string_view(kGivenUp.data(), kGivenUp.size())));
}

void HandleStreaming(Http2Connection& connection, Http2Stream& stream) {
  GrpcState& grpc = stream.grpc;
  if (!grpc.begun) {
    grpc.begun = true;
    grpc.reader = grpc.method->streaming(RequestOf(stream), std::make_shared<GrpcStreamCall>(connection, stream));
  }
  const size_t bytes_max = connection.context().limits.grpc_message_bytes_max;
  size_t at = 0;
  std::string scratch;
  while (!grpc.finished && grpc.reader != nullptr) {
    const GrpcFrame frame = ReadGrpcFrame(std::string_view(stream.body).substr(at), bytes_max);
    if (frame.kind != GrpcFrame::Kind::kWhole) break;  // the others were refused as they came
    at += frame.size;
    const auto message = Decoded(connection, stream, frame, bytes_max, &scratch);
    if (!message.ok()) {
      FinishGrpc(connection, stream, message.status());
      break;
    }
    grpc.reader->OnMessage(*message);
  }
  if (grpc.finished) at = stream.body.size();
  connection.DropInput(stream, at);
  connection.Grant(stream);
  if (!stream.ended || grpc.finished || stream.handled) return;
  stream.handled = true;
  if (!stream.body.empty()) {
    FinishGrpc(connection, stream, absl::InternalError("the last message is cut off"));
  } else if (grpc.reader != nullptr) {
    grpc.reader->OnEnd();
  }
}

void CancelCall(Http2Stream& stream) {
  if (stream.grpc.call != nullptr) stream.grpc.call->Cancel();
}

}  // namespace

std::string_view GrpcRequest::Metadata(std::string_view name) const {
  for (const Header& header : metadata) {
    if (header.name == name) return header.value;
  }
  return {};
}

void BeginGrpc(Http2Connection& connection, Http2Stream& stream) {
  LoopContext& context = connection.context();
  context.counters->grpc_calls.Add(1);
  static const GrpcMethod kUnknown;  // so that the stream is known to be a call
  GrpcState& grpc = stream.grpc;
  grpc.method = &kUnknown;
  const HttpRequest& request = stream.request;
  if (request.method != Method::kPost) {
    stream.refuse_status = 405;
    stream.refuse_reason = "gRPC calls are POST";
    return;
  }
  const GrpcMethod* const method = context.handler->grpc()->Find(request.path);
  if (method == nullptr) {
    FinishGrpc(connection, stream,
               absl::UnimplementedError(
                   absl::StrCat("no method ", absl::string_view(request.path.data(), std::min<size_t>(request.path.size(), 200)))));
    return;
  }
  std::string_view accepted;
  for (const Header& header : request.headers) {
    if (header.name == "grpc-timeout") {
      const auto timeout = ParseGrpcTimeout(header.value);
      if (!timeout.ok()) {
        FinishGrpc(connection, stream, timeout.status());
        return;
      }
      grpc.deadline_ns = *timeout > INT64_MAX - context.now_ns ? INT64_MAX : context.now_ns + *timeout;
    } else if (header.name == "grpc-encoding") {
      if (header.value == "gzip") {
        grpc.coding_in = Coding::kGzip;
      } else if (header.value == "deflate") {
        grpc.coding_in = Coding::kDeflate;
      } else if (header.value != "identity") {
        FinishGrpc(connection, stream, absl::UnimplementedError("grpc-encoding: only identity, gzip and deflate are known"));
        return;
      }
    } else if (header.name == "grpc-accept-encoding") {
      accepted = header.value;
    }
  }
  // Answers are packed for clients that do so themselves.
  if (grpc.coding_in != Coding::kIdentity && ListsCoding(accepted, CodingName(grpc.coding_in))) grpc.coding_out = grpc.coding_in;
  grpc.method = method;
}

void CheckGrpcMessage(Http2Connection& connection, Http2Stream& stream) {
  if (stream.grpc.finished) return;
  const size_t bytes_max = connection.context().limits.grpc_message_bytes_max;
  std::string_view left(stream.body);
  for (;;) {
    const GrpcFrame frame = ReadGrpcFrame(left, bytes_max);
    switch (frame.kind) {
      case GrpcFrame::Kind::kBad: FinishGrpc(connection, stream, absl::InternalError("the bytes are no gRPC message")); return;
      case GrpcFrame::Kind::kTooLarge:
        FinishGrpc(connection, stream,
                   absl::ResourceExhaustedError(absl::StrCat("a message of ", frame.size, " bytes; at most ", bytes_max, " are taken")));
        return;
      case GrpcFrame::Kind::kNeedMore: return;
      case GrpcFrame::Kind::kWhole: break;
    }
    if (stream.grpc.method->streaming == nullptr) {  // what follows the one message is refused once the client ends
      if (stream.body.size() > frame.size)
        FinishGrpc(connection, stream, absl::InternalError("the call takes one message, more than one came"));
      return;
    }
    left.remove_prefix(frame.size);
  }
}

void HandleGrpc(Http2Connection& connection, Http2Stream& stream) {
  GrpcState& grpc = stream.grpc;
  if (grpc.finished) return;
  if (grpc.deadline_ns != 0 && connection.context().now_ns >= grpc.deadline_ns) {
    ExpireGrpc(connection, stream);
  } else if (grpc.method->streaming != nullptr) {
    HandleStreaming(connection, stream);
  } else if (stream.ended && !stream.handled) {
    stream.handled = true;
    HandleUnary(connection, stream);
  }
}

void FinishGrpc(Http2Connection& connection, Http2Stream& stream, const Status& status, std::initializer_list<ReplyHeader> metadata) {
  GrpcState& grpc = stream.grpc;
  if (grpc.finished || !stream.open) return;
  grpc.finished = true;
  grpc.status = static_cast<int>(status.code());
  if (!status.ok()) {
    const absl::string_view text = status.message();
    grpc.message = EncodeGrpcMessage({text.data(), std::min(text.size(), kStatusTextBytesMax)});
    const auto details = status.GetPayload(absl::string_view(kGrpcDetails.data(), kGrpcDetails.size()));
    if (details.has_value() && details->size() <= kDetailsBytesMax) grpc.details = absl::Base64Escape(std::string(*details));
  }
  if (stream.out_state == Http2Stream::Out::kNothing) {
    connection.SendGrpcStatus(stream, metadata);
    return;
  }
  grpc.trailers_due = true;
  connection.EndBody(stream);
}

void ExpireGrpc(Http2Connection& connection, Http2Stream& stream) {
  if (stream.grpc.finished) return;
  connection.context().counters->timeouts.Add(1);
  FinishGrpc(connection, stream, absl::DeadlineExceededError("the call's deadline passed"));
  CancelCall(stream);
}

void CloseGrpc(Http2Stream& stream) {
  if (!stream.grpc.finished) CancelCall(stream);
  stream.grpc.finished = true;
  stream.grpc.reader.reset();
}

GrpcStreamCall::GrpcStreamCall(Http2Connection& connection, Http2Stream& stream) : pool_(connection.pool()), stream_(stream) {
  stream.grpc.call = this;
  connection.Hold(stream);
}

GrpcStreamCall::~GrpcStreamCall() {
  stream_.grpc.call = nullptr;
  if (stream_.open && !stream_.grpc.finished)
    FinishGrpc(*stream_.connection, stream_, absl::InternalError(absl::string_view(kGivenUp.data(), kGivenUp.size())));
  Unhold(stream_, *pool_);
}

void GrpcStreamCall::Send(std::string_view message, std::initializer_list<ReplyHeader> metadata) {
  if (stream_.open && !stream_.grpc.finished) SendMessage(*stream_.connection, stream_, message, metadata);
}

void GrpcStreamCall::Finish(const Status& status, std::initializer_list<ReplyHeader> metadata) {
  if (!stream_.open || stream_.grpc.finished) return;
  tell_ = nullptr;
  FinishGrpc(*stream_.connection, stream_, status, metadata);
}

void GrpcStreamCall::Cancel() {
  if (std::exchange(cancelled_, true)) return;
  if (const auto tell = std::exchange(tell_, nullptr)) tell();
}

}  // namespace vigil::net
