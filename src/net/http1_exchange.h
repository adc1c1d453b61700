// What a handler holds of one HTTP/1.x request: the exchange while OnRequest runs, and the deferred answer for later.
#pragma once

#include <memory>

#include "net/http1_connection.h"

namespace vigil::net {

inline constexpr std::string_view kErrorType = "application/problem+json";
inline constexpr std::string_view kGivenUp = "the request was given up without an answer";
inline constexpr std::string_view kRequestId = "X-Request-Id";

// Hands the handler's error body and the headers that go with it to `send`. `given_id` is the request's own X-Request-Id, if any.
template <typename SendFn>
void SendError(HttpHandler& handler, std::string_view given_id, int status, std::string_view reason, SendFn send) {
  const std::string id = handler.ErrorRequestId(given_id);
  const std::string body = handler.ErrorBody(status, reason, id);
  id.empty() ? send(body, std::initializer_list<ReplyHeader>{}) : send(body, std::initializer_list<ReplyHeader>{{kRequestId, id}});
}

// Lives in the handler's hands; the connection's slot and this point at each other until either goes.
class Http1Deferred final : public Deferred {
 public:
  // `request_id`: the request's own, a view into what `pin` holds.
  Http1Deferred(Http1Connection& connection, Http1Connection::Slot& slot, std::shared_ptr<const void> pin, std::string_view request_id);
  // Dropped unanswered: the client must not wait for ever, nor the answers behind.
  ~Http1Deferred() override;

  void Send(int status, std::string_view content_type, std::string_view body, std::initializer_list<ReplyHeader> headers) override;
  void Start(int status, std::string_view content_type, std::initializer_list<ReplyHeader> headers) override;
  void Frame(std::string_view bytes) override;
  void End() override;
  bool client_gone() const override { return slot_ == nullptr && !done_; }
  size_t unsent_bytes() const override { return slot_ == nullptr ? 0 : connection_->Sink(*slot_).size(); }

  // From the connection: the answer is complete, or the connection is gone.
  void Detach(bool done);

 private:
  Http1Connection* connection_;
  Http1Connection::Slot* slot_;
  std::shared_ptr<const void> pin_;  // the request's bytes
  const std::string_view request_id_;
  bool started_ = false;
  bool done_ = false;
};

class Http1Exchange final : public Exchange {
 public:
  Http1Exchange(Http1Connection& connection, const HttpRequest& request, const Http1Connection::AnswerTraits& traits, InputBuffer& input)
      : connection_(connection), request_(request), traits_(traits), input_(input) {}

  void Send(int status, std::string_view content_type, std::string_view body, std::initializer_list<ReplyHeader> headers) override;
  std::shared_ptr<Deferred> Defer() override;
  bool answered() const { return answered_; }

 private:
  Http1Connection& connection_;
  const HttpRequest& request_;
  const Http1Connection::AnswerTraits traits_;
  InputBuffer& input_;
  bool answered_ = false;
};

}  // namespace vigil::net
