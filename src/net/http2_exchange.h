// What a handler holds of one request over HTTP/2: the exchange while OnRequest runs, and the deferred answer for later.
#pragma once

#include <memory>

#include "net/http2_connection.h"

namespace vigil::net {

class Http2Deferred final : public Deferred {
 public:
  Http2Deferred(Http2Connection& connection, Http2Stream& stream);
  // Dropped unanswered: 500; dropped half-answered: the stream is reset, so that it cannot look whole.
  ~Http2Deferred() override;

  void Send(int status, std::string_view content_type, std::string_view body, std::initializer_list<ReplyHeader> headers) override;
  void Start(int status, std::string_view content_type, std::initializer_list<ReplyHeader> headers) override;
  void Frame(std::string_view bytes) override;
  void End() override;
  bool client_gone() const override { return !stream_.open && !done_; }
  size_t unsent_bytes() const override { return stream_.out.size(); }

 private:
  const std::shared_ptr<Http2StreamPool> pool_;
  Http2Stream& stream_;  // held, so that the request stays though its client has gone
  bool started_ = false;
  bool done_ = false;
};

class Http2Exchange final : public Exchange {
 public:
  Http2Exchange(Http2Connection& connection, Http2Stream& stream) : connection_(connection), stream_(stream) {}

  void Send(int status, std::string_view content_type, std::string_view body, std::initializer_list<ReplyHeader> headers) override;
  std::shared_ptr<Deferred> Defer() override;
  bool answered() const { return answered_; }

 private:
  Http2Connection& connection_;
  Http2Stream& stream_;
  bool answered_ = false;
};

// Gives up a hold on `stream`; to `pool` if its connection is gone.
void Unhold(Http2Stream& stream, Http2StreamPool& pool);

}  // namespace vigil::net
