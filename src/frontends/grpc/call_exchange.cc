#include "frontends/grpc/call_exchange.h"

#include <charconv>
#include <memory>
#include <utility>

#include "frontends/errors.h"

namespace vigil {
namespace {

constexpr std::string_view kRequestIdHeader = "X-Request-Id";

class DeferredCall final : public net::Deferred {
 public:
  explicit DeferredCall(std::shared_ptr<net::GrpcCall> call) : call_(std::move(call)) {}
  void Send(int status, std::string_view, std::string_view body, std::initializer_list<net::ReplyHeader> headers) override {
    const CallAnswer answer = ReadCallAnswer(status, body, headers);
    if (answer.status.ok()) call_->Send(body, {{kRequestIdMetadata, answer.request_id}});
    call_->Finish(answer.status, {{kRequestIdMetadata, answer.request_id}});
  }
  // No route of gRPC streams its body: it streams messages (net::GrpcReader).
  void Start(int, std::string_view, std::initializer_list<net::ReplyHeader>) override {}
  void Frame(std::string_view) override {}
  void End() override {}
  bool client_gone() const override { return call_->cancelled(); }
  size_t unsent_bytes() const override { return call_->unsent_bytes(); }

 private:
  const std::shared_ptr<net::GrpcCall> call_;
};

class CallExchange final : public net::Exchange {
 public:
  explicit CallExchange(net::GrpcExchange& exchange) : exchange_(exchange) {}
  void Send(int status, std::string_view, std::string_view body, std::initializer_list<net::ReplyHeader> headers) override {
    const CallAnswer answer = ReadCallAnswer(status, body, headers);
    if (answer.status.ok()) {
      exchange_.Reply(body, {{kRequestIdMetadata, answer.request_id}});
    } else {
      exchange_.Fail(answer.status, {{kRequestIdMetadata, answer.request_id}});
    }
  }
  std::shared_ptr<net::Deferred> Defer() override { return std::make_shared<DeferredCall>(exchange_.Defer()); }

 private:
  net::GrpcExchange& exchange_;
};

}  // namespace

net::HttpRequest HttpRequestOf(const net::GrpcRequest& request) {
  net::HttpRequest http;
  http.method = net::Method::kPost;
  http.target = http.path = request.path;
  http.headers.assign(request.metadata.begin(), request.metadata.end());
  http.body = request.message;
  http.minor_version = 0;
  return http;
}

CallAnswer ReadCallAnswer(int status, std::string_view body, std::initializer_list<net::ReplyHeader> headers) {
  CallAnswer answer;
  int code = status == 200 ? 0 : static_cast<int>(GrpcCode(CodeOfHttp(status)));
  for (const net::ReplyHeader& header : headers) {
    if (header.name == kRequestIdHeader) answer.request_id = header.value;
    if (header.name == kGrpcStatus) std::from_chars(header.value.data(), header.value.data() + header.value.size(), code);
  }
  if (code != 0) answer.status = Status(static_cast<absl::StatusCode>(code), absl::string_view(body.data(), body.size()));
  return answer;
}

void ServeCall(RestHandler& handler, const Route& route, const net::GrpcRequest& request, net::GrpcExchange& exchange) {
  CallExchange as_http(exchange);
  handler.OnCall(route, HttpRequestOf(request), request.deadline_ns, as_http);
}

}  // namespace vigil
