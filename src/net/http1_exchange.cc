#include "net/http1_exchange.h"

#include <charconv>
#include <cstdlib>
#include <utility>

namespace vigil::net {

Http1Deferred::Http1Deferred(Http1Connection& connection, Http1Connection::Slot& slot, std::shared_ptr<const void> pin,
                             std::string_view request_id)
    : connection_(&connection), slot_(&slot), pin_(std::move(pin)), request_id_(request_id) {}

Http1Deferred::~Http1Deferred() {
  if (slot_ == nullptr) return;
  if (!started_) {
    SendError(
        *connection_->context_.handler, request_id_, 500, kGivenUp,
        [&](std::string_view body, std::initializer_list<ReplyHeader> headers) { Http1Deferred::Send(500, kErrorType, body, headers); });
    return;
  }
  slot_->handle = nullptr;
  connection_->host_.Abort();  // a cut stream must not look whole
}

void Http1Deferred::Send(int status, std::string_view content_type, std::string_view body, std::initializer_list<ReplyHeader> headers) {
  if (slot_ == nullptr || started_) return;
  Http1Connection& connection = *connection_;
  Http1Connection::Slot& slot = *slot_;
  OutputBuffer& sink = connection.Sink(slot);
  const size_t before = sink.size();
  slot.close_after = connection.ShouldClose(slot);
  connection.WriteAnswer(sink, slot.traits, status, content_type, body, headers, slot.close_after);
  connection.Wrote(slot, before);
  if (slot_ != nullptr) connection.Complete(slot);
}

void Http1Deferred::Start(int status, std::string_view content_type, std::initializer_list<ReplyHeader> headers) {
  if (slot_ == nullptr || started_) return;
  started_ = true;
  connection_->WriteStreamHead(*slot_, status, content_type, headers);
}

void Http1Deferred::Frame(std::string_view bytes) {
  if (slot_ == nullptr || !started_ || bytes.empty() || slot_->traits.head_only) return;
  OutputBuffer& sink = connection_->Sink(*slot_);
  const size_t before = sink.size();
  if (slot_->chunked) {
    char* const at = sink.Extend(20);
    char* const end = std::to_chars(at, at + 16, bytes.size(), 16).ptr;
    end[0] = '\r';
    end[1] = '\n';
    sink.Commit(static_cast<size_t>(end + 2 - at));
  }
  sink.Append(bytes);
  if (slot_->chunked) sink.Append("\r\n");
  connection_->Wrote(*slot_, before);
}

void Http1Deferred::End() {
  if (slot_ == nullptr || !started_) return;
  Http1Connection& connection = *connection_;
  Http1Connection::Slot& slot = *slot_;
  if (slot.chunked && !slot.traits.head_only) {
    OutputBuffer& sink = connection.Sink(slot);
    const size_t before = sink.size();
    sink.Append("0\r\n\r\n");
    connection.Wrote(slot, before);
  }
  if (slot_ != nullptr) connection.Complete(slot);
}

void Http1Deferred::Detach(bool done) {
  done_ = done;
  connection_ = nullptr;
  slot_ = nullptr;
  if (done) pin_.reset();  // while the handler still works on it, the request stays though its client has gone
}

void Http1Exchange::Send(int status, std::string_view content_type, std::string_view body, std::initializer_list<ReplyHeader> headers) {
  if (answered_) std::abort();  // two answers to one request: the second would be read as the next request's
  answered_ = true;
  connection_.AnswerNow(traits_, status, content_type, body, headers, !traits_.keep_alive);
}

std::shared_ptr<Deferred> Http1Exchange::Defer() {
  if (answered_) std::abort();
  answered_ = true;
  Http1Connection::Slot& slot = *connection_.slots_.emplace_back(std::make_unique<Http1Connection::Slot>());
  slot.traits = traits_;
  auto handle = std::make_shared<Http1Deferred>(connection_, slot, input_.Pin(), request_.header(kRequestId));
  slot.handle = handle.get();
  if (!traits_.keep_alive) connection_.stopped_ = true;
  return handle;
}

}  // namespace vigil::net
