#include "net/server.h"

#include <gtest/gtest.h>

#include "net/testing/raw_client.h"

namespace vigil::net {
namespace {

using testing::RawClient;

class EchoHandler final : public HttpHandler {
 public:
  void OnRequest(const HttpRequest& request, Exchange& exchange) override {
    exchange.Send(200, "text/plain",
                  std::string(MethodName(request.method)) + " " + std::string(request.path) + " " + std::string(request.body));
  }
  std::string ErrorBody(int status, std::string_view reason) override {
    return "{\"status\":" + std::to_string(status) + ",\"detail\":\"" + std::string(reason) + "\"}";
  }
};

TEST(Server, KeepsAConnectionAndAnswersPipelinedRequestsInOrder) {
  ServerOptions options;
  options.port = 0;
  options.threads = 1;
  auto server = HttpServer::Start(options, [](EventLoop&) { return std::make_unique<EchoHandler>(); });
  ASSERT_TRUE(server.ok()) << server.status();
  RawClient client((*server)->port());
  for (int i = 0; i < 3; ++i) {
    client.Send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.Receive().body, "POST /a hi");
    EXPECT_EQ(client.Receive().body, "GET /b ");
  }
}

}  // namespace
}  // namespace vigil::net
