// One ModelStreamInfer: requests come as the client sends them and are answered in their order, each by one message. A request that fails
// is answered by an error_message, and the stream goes on; with the metadata triton_grpc_error: true the failure ends it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "frontends/rest/rest_handler.h"
#include "net/grpc.h"

namespace vigil {

// On its loop's thread. Answers that come late keep it.
class InferStream : public std::enable_shared_from_this<InferStream> {
 public:
  // Requests that wait for their answers, which later ones wait for too; one beyond that is refused. Their bytes likewise.
  static constexpr size_t kWaitingMax = 512;
  static constexpr size_t kWaitingBytesMax = 64 << 20;

  // `handler` and `route` outlive it.
  InferStream(RestHandler& handler, const Route& route, const net::GrpcRequest& request, std::shared_ptr<net::GrpcCall> call);

  void OnMessage(std::string_view message);
  // The client sends no more.
  void End();
  // The server stops: the stream ends once nothing waits.
  void Stop();

 private:
  struct Turn;
  class TurnExchange;
  class TurnDeferred;

  void Answer(Turn& turn, int status, std::string_view body, std::initializer_list<net::ReplyHeader> headers);
  void Flush();

  RestHandler& handler_;
  const Route& route_;
  const std::shared_ptr<net::GrpcCall> call_;
  net::HttpRequest request_;  // but for the body; views last as long as the call
  const int64_t deadline_ns_;
  const bool failure_ends_;
  std::deque<std::shared_ptr<Turn>> turns_;
  size_t waiting_bytes_ = 0;
  bool flushing_ = false;
  bool ended_ = false;
  bool stopped_ = false;
  bool finished_ = false;
};

class InferStreamReader final : public net::GrpcReader {
 public:
  explicit InferStreamReader(std::shared_ptr<InferStream> stream) : stream_(std::move(stream)) {}
  void OnMessage(std::string_view message) override { std::shared_ptr<InferStream>(stream_)->OnMessage(message); }
  void OnEnd() override { std::shared_ptr<InferStream>(stream_)->End(); }

 private:
  const std::shared_ptr<InferStream> stream_;
};

}  // namespace vigil
