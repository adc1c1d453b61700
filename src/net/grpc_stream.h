// gRPC on the streams of an HTTP/2 connection: from heads and data to calls of methods, from their answers to data and trailers.
#pragma once

#include <memory>

#include "net/grpc.h"
#include "net/grpc_message.h"
#include "net/http2_connection.h"

namespace vigil::net {

// The head has come: finds the method, or ends the call with what is wrong.
void BeginGrpc(Http2Connection& connection, Http2Stream& stream);
// More bytes have come: a message that is too large or no message is refused before it is buffered.
void CheckGrpcMessage(Http2Connection& connection, Http2Stream& stream);
// Calls the method with what has come.
void HandleGrpc(Http2Connection& connection, Http2Stream& stream);
// Ends the call: trailers, or a head with the status alone.
void FinishGrpc(Http2Connection& connection, Http2Stream& stream, const Status& status, std::initializer_list<ReplyHeader> metadata = {});
// Its deadline has passed.
void ExpireGrpc(Http2Connection& connection, Http2Stream& stream);
// The session forgets the stream.
void CloseGrpc(Http2Stream& stream);

// A deferred answer, and the client's stream.
class GrpcStreamCall final : public GrpcCall {
 public:
  GrpcStreamCall(Http2Connection& connection, Http2Stream& stream);
  ~GrpcStreamCall() override;

  void Send(std::string_view message, std::initializer_list<ReplyHeader> metadata = {}) override;
  void Finish(const Status& status, std::initializer_list<ReplyHeader> metadata = {}) override;
  bool cancelled() const override { return cancelled_; }
  size_t unsent_bytes() const override { return stream_.out.size(); }
  void OnCancel(std::function<void()> tell) override { tell_ = std::move(tell); }

  // From the stream: nobody waits any more.
  void Cancel();

 private:
  const std::shared_ptr<Http2StreamPool> pool_;
  Http2Stream& stream_;
  std::function<void()> tell_;
  bool cancelled_ = false;
};

}  // namespace vigil::net
