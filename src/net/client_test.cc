#include "net/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/testing/paths.h"
#include "net/listen_socket.h"
#include "net/load_client.h"
#include "net/server.h"
#include "net/testing/fake_host.h"

namespace vigil::net {
namespace {

using testing::FunctionHandler;
using ::testing::HasSubstr;

void Describe(const HttpRequest& r, Exchange& e) {
  if (r.path == "/missing") return e.Send(404, "application/problem+json", "{}", {{"Retry-After", "7"}});
  if (r.path == "/moved") return e.Send(302, "", "", {{"Location", "/elsewhere"}});
  if (r.path == "/big") return e.Send(200, "text/plain", std::string(100'000, 'x'));
  e.Send(200, "text/plain",
         absl::StrCat(std::string(MethodName(r.method)), " ", std::string(r.target), " ", std::string(r.header("content-type")), " ",
                      std::string(r.header("x-a")), " ", std::string(r.body)));
}

class Client : public ::testing::Test {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.port = 0;
    options.threads = 1;
    options.unix_socket = dir_.file("s.sock");
    auto server = HttpServer::Start(options, [](EventLoop&) { return std::make_unique<FunctionHandler>(Describe); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = std::move(*server);
    url_ = absl::StrCat("http://127.0.0.1:", server_->port());
  }
  std::string socket() const { return dir_.file("s.sock"); }

  vigil::testing::TempDir dir_;
  std::unique_ptr<HttpServer> server_;
  std::string url_;
};

TEST_F(Client, SpeaksEveryMethodOnOneConnection) {
  auto client = HttpClient::Create(url_ + "/");
  EXPECT_EQ(client->Get("/a?b=1")->body, "GET /a?b=1   ");
  EXPECT_EQ(client->PostJson("/p", "{}")->body, "POST /p application/json  {}");
  EXPECT_EQ(client->PostJson("/p", "")->body, "POST /p application/json  ");
  EXPECT_EQ(client->Send("PUT", "/q", "text/csv", "1,2", {"X-A: b"})->body, "PUT /q text/csv b 1,2");
  EXPECT_EQ(client->Send("DELETE", "/d", "", "")->body, "DELETE /d   ");
  const auto head = client->Send("HEAD", "/h", "", "");
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->body, "");
  const std::string large(3'000'000, 'y');
  EXPECT_EQ(client->PostJson("/l", large)->body, "POST /l application/json  " + large);
  EXPECT_EQ(server_->counters().connections_total, 1);
}

TEST_F(Client, AnyStatusIsAnAnswer) {
  auto client = HttpClient::Create(url_);
  const auto missing = client->Get("/missing");
  ASSERT_TRUE(missing.ok());
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->content_type, "application/problem+json");
  EXPECT_EQ(missing->header("retry-after"), "7");
  EXPECT_EQ(client->Get("/moved")->status, 302) << "redirects are the caller's decision";
}

TEST_F(Client, ReachesUnixSockets) {
  auto client = HttpClient::Create("unix:" + socket());
  EXPECT_EQ(client->Get("/u")->body, "GET /u   ");
  const auto gone = HttpClient::Create("unix:" + dir_.file("absent.sock"))->Get("/");
  EXPECT_EQ(gone.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(gone.status().message()), HasSubstr("absent.sock"));
}

TEST_F(Client, LoopbackNeverGoesThroughAProxy) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  EXPECT_TRUE(HttpClient::Create(url_)->Get("/").ok());
  ::unsetenv("http_proxy");
}

TEST_F(Client, ErrorsSayWhatHappened) {
  ClientOptions options;
  options.response_bytes_max = 99'999;
  EXPECT_EQ(HttpClient::Create(url_, options)->Get("/big").status().code(), absl::StatusCode::kResourceExhausted);
  options.response_bytes_max = 100'000;
  EXPECT_TRUE(HttpClient::Create(url_, options)->Get("/big").ok());
  const int port = server_->port();
  auto kept = HttpClient::Create(url_);
  EXPECT_TRUE(kept->Get("/").ok());
  server_.reset();
  const auto refused = kept->Get("/");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(absl::StrCat("127.0.0.1:", port)));
  auto never = HttpClient::Create(url_);
  EXPECT_FALSE(never->Get("/").ok());
  EXPECT_FALSE(never->MayHaveReached()) << "a refused connection carried nothing";
  EXPECT_EQ(HttpClient::Create("ftp://127.0.0.1")->Get("/").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(Client, TimesOut) {
  auto silent = ListenTcp("127.0.0.1", 0, 1);  // accepts into its backlog, never answers
  ASSERT_TRUE(silent.ok());
  ClientOptions options;
  options.timeout_ms = 50;
  const auto client = HttpClient::Create(absl::StrCat("http://127.0.0.1:", silent->port), options);
  EXPECT_EQ(client->Get("/").status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(client->MayHaveReached()) << "it was sent, and nobody knows what became of it";
  client->SetTimeouts(1'000, 10);
  EXPECT_EQ(client->Get("/").status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(Client, RefusesToSendWhatIsNotHttp) {
  auto client = HttpClient::Create(url_);
  EXPECT_EQ(client->Get("/a b").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client->Get("/a\r\nX: 1").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client->Get("a").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client->Send("GET X", "/", "", "").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client->Send("GET", "/", "", "", {"X-A: 1\r\nX-B: 2"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(server_->counters().requests_total, 0);
}

TEST_F(Client, LoadOfAFixedNumberOfRequests) {
  LoadOptions options;
  options.port = server_->port();
  options.connections = 8;
  options.pipeline = 4;
  options.target = "/x";
  options.bodies = {"a", "bb", "ccc"};
  options.requests = 3000;
  options.duration_ms = 60'000;
  const auto result = RunLoad(options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->answered, 3000);
  EXPECT_EQ(result->errors, 0);
  EXPECT_EQ(server_->counters().requests_total, 3000);
  EXPECT_EQ(server_->counters().connections_total, 8);
  EXPECT_GT(result->requests_per_s, 0);
  EXPECT_GT(result->p50_us, 0);
  EXPECT_LE(result->p50_us, result->p99_us);
  EXPECT_LE(result->p99_us, result->max_us);
}

TEST_F(Client, LoadByTimeOverAUnixSocketCountsErrors) {
  LoadOptions options;
  options.unix_socket = socket();
  options.connections = 2;
  options.target = "/missing";
  options.duration_ms = 30;
  const auto result = RunLoad(options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GT(result->answered, 0);
  EXPECT_EQ(result->errors, result->answered);
  EXPECT_EQ(result->first_error_status, 404);
  EXPECT_EQ(result->first_error, "{}");
  options.unix_socket = dir_.file("absent");
  EXPECT_EQ(RunLoad(options).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace vigil::net
