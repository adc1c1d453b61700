// A protocol's connection without a socket: bytes in, bytes out, time by hand.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "net/grpc.h"
#include "net/http1_connection.h"
#include "net/http2_connection.h"
#include "net/loop_counters.h"

namespace vigil::net::testing {

// Answers through a function.
class FunctionHandler final : public HttpHandler {
 public:
  using Function = std::function<void(const HttpRequest&, Exchange&)>;
  explicit FunctionHandler(Function function, GrpcMethods* methods = nullptr) : function_(std::move(function)), methods_(methods) {}
  const GrpcMethods* grpc() const override { return methods_; }
  void OnRequest(const HttpRequest& request, Exchange& exchange) override { function_(request, exchange); }
  std::string ErrorRequestId(std::string_view given) override { return given.empty() ? "made" : std::string(given); }
  std::string ErrorBody(int status, std::string_view reason, std::string_view) override {
    return "{\"status\":" + std::to_string(status) + ",\"detail\":\"" + std::string(reason) + "\"}";
  }

 private:
  const Function function_;
  GrpcMethods* const methods_;
};

class FakeHost final : public ProtocolHost {
 public:
  enum class Version { kHttp1, kHttp2, kGrpc };
  FakeHost(FunctionHandler::Function function, const HttpLimits& limits = {}, Version version = Version::kHttp1,
           GrpcMethods* methods = nullptr)
      : handler_(std::move(function), methods) {
    context.limits = limits;
    context.handler = &handler_;
    context.counters = &counters;
    context.input_budget = budget;
    if (version == Version::kHttp1) {
      connection = std::make_unique<Http1Connection>(*this, context);
    } else {
      connection = std::make_unique<Http2Connection>(*this, context, version == Version::kGrpc);
    }
  }

  // As the socket's connection does: offers the bytes while they are wanted.
  void Receive(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::span<char> room = input_.Prepare();
      const size_t n = std::min(room.size(), bytes.size());
      std::memcpy(room.data(), bytes.data(), n);
      input_.Commit(n);
      bytes.remove_prefix(n);
      if (connection) connection->OnInput(input_);
    }
    Settle();
  }
  void Advance(int64_t ms) {
    context.now_ns += ms * 1'000'000;
    if (connection) connection->OnTick();
  }
  // What was sent since the last call.
  std::string TakeSent() {
    while (connection && connection->FillOutput()) {
    }
    std::string sent(output_.pending());
    output_.Clear();
    if (connection && !sent.empty() && !closing) connection->OnOutputSent();
    Settle();
    return sent;
  }
  void Settle() {
    while (std::exchange(resume_, false) && connection) connection->OnInput(input_);
  }

  OutputBuffer& output() override { return output_; }
  void OutputReady() override {}
  void ResumeInput() override { resume_ = true; }
  void CloseAfterOutput(bool) override { closing = true; }
  void Abort() override { aborted = true; }
  std::string PeerName() const override { return "test"; }

  LoopContext context;
  LoopCounters counters;
  const std::shared_ptr<InputBudget> budget = std::make_shared<InputBudget>();
  std::unique_ptr<Protocol> connection;
  bool closing = false;
  bool aborted = false;

 private:
  FunctionHandler handler_;
  InputBuffer input_{budget};
  OutputBuffer output_;
  bool resume_ = false;
};

}  // namespace vigil::net::testing
