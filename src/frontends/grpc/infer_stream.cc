#include "frontends/grpc/infer_stream.h"

#include <utility>

#include "base/proto_wire.h"
#include "frontends/grpc/call_exchange.h"
#include "frontends/words.h"
#include "simdjson.h"

namespace vigil {
namespace {

constexpr uint32_t kErrorMessage = 1, kInferResponse = 2;  // of ModelStreamInferResponse
constexpr uint32_t kRequestId = 3, kResponseId = 3;        // of ModelInferRequest and ModelInferResponse
constexpr std::string_view kFailureEnds = "triton_grpc_error";

// A string of a message must be UTF-8, or the client drops the whole stream.
std::string AsText(std::string_view text) {
  std::string out(text);
  if (simdjson::validate_utf8(text.data(), text.size())) return out;
  for (char& c : out) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return out;
}

std::string_view IdOf(std::string_view message) {
  std::string_view id;
  for (ProtoFields fields(message); fields.Next();) {
    if (fields.is(kRequestId, ProtoType::kBytes)) id = fields.bytes();
  }
  return id;
}

}  // namespace

// A request and its answer.
struct InferStream::Turn {
  std::string message;
  std::string answer;
  std::string request_id;
  Status status;  // of an answer that ends the stream
  bool done = false;
};

class InferStream::TurnDeferred final : public net::Deferred {
 public:
  TurnDeferred(std::shared_ptr<InferStream> stream, std::shared_ptr<Turn> turn) : stream_(std::move(stream)), turn_(std::move(turn)) {}
  ~TurnDeferred() override {
    if (!turn_->done) Send(500, "", "the request was given up", {});
  }
  void Send(int status, std::string_view, std::string_view body, std::initializer_list<net::ReplyHeader> headers) override {
    stream_->Answer(*turn_, status, body, headers);
    stream_->Flush();
  }
  void Start(int, std::string_view, std::initializer_list<net::ReplyHeader>) override {}  // see DeferredCall
  void Frame(std::string_view) override {}
  void End() override {}
  bool client_gone() const override { return stream_->call_->cancelled(); }
  size_t unsent_bytes() const override { return stream_->call_->unsent_bytes(); }

 private:
  const std::shared_ptr<InferStream> stream_;
  const std::shared_ptr<Turn> turn_;
};

class InferStream::TurnExchange final : public net::Exchange {
 public:
  TurnExchange(InferStream& stream, std::shared_ptr<Turn> turn) : stream_(stream), turn_(std::move(turn)) {}
  void Send(int status, std::string_view, std::string_view body, std::initializer_list<net::ReplyHeader> headers) override {
    stream_.Answer(*turn_, status, body, headers);
  }
  std::shared_ptr<net::Deferred> Defer() override { return std::make_shared<TurnDeferred>(stream_.shared_from_this(), turn_); }

 private:
  InferStream& stream_;
  const std::shared_ptr<Turn> turn_;
};

InferStream::InferStream(RestHandler& handler, const Route& route, const net::GrpcRequest& request, std::shared_ptr<net::GrpcCall> call)
    : handler_(handler),
      route_(route),
      call_(std::move(call)),
      request_(HttpRequestOf(request)),
      deadline_ns_(request.deadline_ns),
      failure_ends_(request.Metadata(kFailureEnds) == "true") {}

void InferStream::OnMessage(std::string_view message) {
  if (finished_) return;
  const auto turn = std::make_shared<Turn>();
  turns_.push_back(turn);
  // Of the message itself only this call's part lasts: a late answer looks at the copy.
  turn->message = message;
  waiting_bytes_ += message.size();
  TurnExchange exchange(*this, turn);
  if (turns_.size() > kWaitingMax || waiting_bytes_ > kWaitingBytesMax) {
    exchange.Send(429, "", Concat("too many requests of this stream wait for their answers: at most ", kWaitingMax), {});
  } else {
    request_.body = turn->message;
    handler_.OnCall(route_, request_, deadline_ns_, exchange);
  }
  Flush();
}

void InferStream::Answer(Turn& turn, int status, std::string_view body, std::initializer_list<net::ReplyHeader> headers) {
  const CallAnswer answer = ReadCallAnswer(status, body, headers);
  turn.done = true;
  turn.request_id = answer.request_id;
  ProtoWriter writer(&turn.answer);
  if (answer.status.ok()) return writer.Bytes(kInferResponse, body);
  if (failure_ends_) turn.status = answer.status;
  writer.Bytes(kErrorMessage, AsText(body));
  const std::string_view id = IdOf(turn.message);
  if (!id.empty()) writer.Message(kInferResponse, [&](ProtoWriter& response) { response.Bytes(kResponseId, AsText(id)); });
}

void InferStream::Flush() {
  if (std::exchange(flushing_, true)) return;
  while (!finished_ && !turns_.empty() && turns_.front()->done) {
    const std::shared_ptr<Turn> turn = std::move(turns_.front());
    turns_.pop_front();
    waiting_bytes_ -= turn->message.size();
    if (turn->status.ok()) {
      call_->Send(turn->answer, {{kRequestIdMetadata, turn->request_id}});
    } else {
      finished_ = true;
      call_->Finish(turn->status, {{kRequestIdMetadata, turn->request_id}});
    }
  }
  flushing_ = false;
  if (finished_ || !turns_.empty() || (!ended_ && !stopped_)) return;
  finished_ = true;
  call_->Finish(ended_ ? absl::OkStatus() : absl::UnavailableError("the server stops"));
}

void InferStream::End() {
  ended_ = true;
  Flush();
}

void InferStream::Stop() {
  stopped_ = true;
  Flush();
}

}  // namespace vigil
