#include "net/grpc.h"

#include <gtest/gtest.h>

#include "absl/strings/cord.h"
#include "net/content_coding.h"
#include "net/grpc_message.h"
#include "net/testing/http2_client.h"

namespace vigil::net {
namespace {

using testing::FakeHost;
using testing::HeaderList;
using testing::Http2Client;

std::string Framed(const std::string& message, bool compressed = false) {
  const auto prefix = GrpcPrefix(compressed, message.size());
  return std::string(prefix.data(), prefix.size()) + message;
}

// Every message says what it echoes.
class EchoReader final : public GrpcReader {
 public:
  explicit EchoReader(std::shared_ptr<GrpcCall> call) : call_(std::move(call)) {}
  void OnMessage(std::string_view message) override { call_->Send(message); }
  void OnEnd() override { call_->Finish(absl::OkStatus()); }

 private:
  const std::shared_ptr<GrpcCall> call_;
};

struct Grpc : ::testing::Test {
  Grpc() {
    Add("/s/Echo", [](const GrpcRequest& r, GrpcExchange& e) { e.Reply(r.message); });
    Add("/s/Later", [this](const GrpcRequest& r, GrpcExchange& e) {
      deadline_ns = r.deadline_ns;
      metadata = r.Metadata("x-key");
      later = e.Defer();
    });
    Add("/s/Fail", [](const GrpcRequest&, GrpcExchange& e) {
      Status status = absl::NotFoundError("keine \xc3\xa4pfel: 100%\n");
      status.SetPayload(absl::string_view(kGrpcDetails.data(), kGrpcDetails.size()), absl::Cord("\x08\x05"));
      e.Fail(status);
    });
    Add("/s/Named", [](const GrpcRequest& r, GrpcExchange& e) { e.Reply(r.message, {{"x-request-id", "r\n1"}}); });
    Add("/s/NamedFail", [](const GrpcRequest&, GrpcExchange& e) { e.Fail(absl::NotFoundError("gone"), {{"x-request-id", "r2"}}); });
    Add("/s/Silent", [](const GrpcRequest&, GrpcExchange&) {});
    methods.Add({"/s/Chat", nullptr,
                 [](const GrpcRequest&, std::shared_ptr<GrpcCall> call) { return std::make_unique<EchoReader>(std::move(call)); }});
    Make({});
  }
  void Add(std::string path, std::function<void(const GrpcRequest&, GrpcExchange&)> unary) {
    methods.Add({std::move(path), std::move(unary), nullptr});
  }
  void Make(const HttpLimits& limits) {
    host = std::make_unique<FakeHost>([](const HttpRequest&, Exchange& e) { e.Send(200, "", "route"); }, limits, FakeHost::Version::kGrpc,
                                      &methods);
    client = std::make_unique<Http2Client>(*host);
  }
  testing::Http2Answer& Call(const std::string& path, const std::string& body, const HeaderList& headers = {}) {
    const int32_t id = client->Call(path, body, headers);
    client->Exchange();
    return client->answers[id];
  }

  GrpcMethods methods;
  std::shared_ptr<GrpcCall> later;
  int64_t deadline_ns = 0;
  std::string metadata;
  std::unique_ptr<FakeHost> host;
  std::unique_ptr<Http2Client> client;
};

TEST_F(Grpc, MetadataLeavesWithTheFirstPartOfAnAnswer) {
  const auto& answer = Call("/s/Named", Framed("hello"));
  EXPECT_EQ(answer.header("x-request-id"), "r 1");
  EXPECT_EQ(answer.body, Framed("hello"));
  const auto& failure = Call("/s/NamedFail", Framed(""));
  EXPECT_EQ(failure.header("x-request-id"), "r2");
  EXPECT_EQ(failure.header("grpc-status"), "5");
  const int32_t id = client->Call("/s/Later", Framed(""));
  client->Exchange();
  later->Send("a", {{"x-request-id", "r3"}});
  later->Send("b", {{"x-request-id", "r4"}});
  later->Finish(absl::OkStatus(), {{"x-request-id", "r5"}});
  later = nullptr;
  client->Exchange();
  EXPECT_EQ(client->answers[id].header("x-request-id"), "r3");
  EXPECT_EQ(client->answers[id].body, Framed("a") + Framed("b"));
}

TEST_F(Grpc, AUnaryCallIsAnsweredWithOneMessageAndTrailers) {
  const auto& answer = Call("/s/Echo", Framed("hello"));
  EXPECT_EQ(answer.header(":status"), "200");
  EXPECT_EQ(answer.header("content-type"), "application/grpc");
  EXPECT_EQ(answer.body, Framed("hello"));
  EXPECT_EQ(answer.header("grpc-status"), "0");
  EXPECT_TRUE(answer.ended);
  EXPECT_EQ(host->counters.grpc_calls.value(), 1);
}

TEST_F(Grpc, AnEmptyMessageIsAMessage) { EXPECT_EQ(Call("/s/Echo", Framed("")).body, Framed("")); }

TEST_F(Grpc, AFailureIsATrailerWithItsTextAndDetails) {
  const auto& answer = Call("/s/Fail", Framed("x"));
  EXPECT_EQ(answer.header(":status"), "200");
  EXPECT_EQ(answer.header("grpc-status"), "5");
  EXPECT_EQ(answer.header("grpc-message"), "keine %C3%A4pfel: 100%25%0A");
  EXPECT_EQ(answer.header("grpc-status-details-bin"), "CAU=");
  EXPECT_EQ(answer.body, "");
}

TEST_F(Grpc, WhatIsNoCallIsRefused) {
  EXPECT_EQ(Call("/s/Nothing", Framed("x")).header("grpc-status"), "12");
  EXPECT_EQ(Call("/s/Silent", Framed("x")).header("grpc-status"), "13");
  EXPECT_EQ(Call("/s/Echo", "").header("grpc-status"), "13");
  EXPECT_EQ(Call("/s/Echo", Framed("a") + Framed("b")).header("grpc-status"), "13");
  EXPECT_EQ(Call("/s/Echo", Framed("abc").substr(0, 6)).header("grpc-status"), "13");
  EXPECT_EQ(Call("/s/Echo", "\x07" + Framed("abc")).header("grpc-status"), "13");
  EXPECT_EQ(Call("/s/Echo", Framed("a"), {{"grpc-timeout", "12x"}}).header("grpc-status"), "3");
  EXPECT_EQ(Call("/s/Echo", Framed("a"), {{"grpc-encoding", "snappy"}}).header("grpc-status"), "12");
  EXPECT_EQ(Call("/s/Echo", Framed("a", true)).header("grpc-status"), "13");
  const int32_t json = client->Request("POST", "/s/Echo", "{}", {{"content-type", "application/json"}});
  const int32_t get = client->Request("GET", "/s/Echo", "", {{"content-type", "application/grpc"}});
  client->Exchange();
  EXPECT_EQ(client->answers[json].header(":status"), "415");
  EXPECT_EQ(client->answers[get].header(":status"), "405");
}

TEST_F(Grpc, AMessageBeyondTheLimitIsRefusedBeforeItHasCome) {
  HttpLimits limits;
  limits.grpc_message_bytes_max = 1000;
  Make(limits);
  EXPECT_EQ(Call("/s/Echo", Framed(std::string(1000, 'x'))).header("grpc-status"), "0");
  const int32_t id = client->Call("/s/Echo", Framed(std::string(1001, 'x')).substr(0, 5), {}, false);
  client->Exchange();
  EXPECT_EQ(client->answers[id].header("grpc-status"), "8");
  EXPECT_EQ(client->answers[id].error, static_cast<uint32_t>(NGHTTP2_NO_ERROR));
}

TEST_F(Grpc, GzipGoesBothWaysAndABombIsRefused) {
  HttpLimits limits;
  limits.grpc_message_bytes_max = 100'000;
  Make(limits);
  const std::string text(50'000, 'z');
  std::string packed, unpacked;
  Encode(Coding::kGzip, text, &packed);
  const auto& answer =
      Call("/s/Echo", Framed(packed, true), {{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "identity, deflate,gzip"}});
  EXPECT_EQ(answer.header("grpc-encoding"), "gzip");
  ASSERT_EQ(answer.body.substr(0, 1), "\x01");
  ASSERT_TRUE(Decode(Coding::kGzip, std::string_view(answer.body).substr(5), 100'000, &unpacked).ok());
  EXPECT_EQ(unpacked, text);
  EXPECT_EQ(Call("/s/Echo", Framed(packed, true), {{"grpc-encoding", "gzip"}}).body, Framed(text));
  Encode(Coding::kGzip, std::string(100'001, 0), &packed);
  EXPECT_EQ(Call("/s/Echo", Framed(packed, true), {{"grpc-encoding", "gzip"}}).header("grpc-status"), "8");
  EXPECT_EQ(Call("/s/Echo", Framed("no gzip", true), {{"grpc-encoding", "gzip"}}).header("grpc-status"), "3");
}

TEST_F(Grpc, ADeferredAnswerStreamsAndKnowsItsDeadlineAndMetadata) {
  host->context.now_ns = 7;
  const int32_t id = client->Call("/s/Later", Framed("x"), {{"grpc-timeout", "250m"}, {"x-key", "value"}});
  client->Exchange();
  ASSERT_NE(later, nullptr);
  EXPECT_EQ(deadline_ns, 7 + 250'000'000);
  EXPECT_EQ(metadata, "value");
  later->Send("one");
  client->Exchange();
  EXPECT_EQ(client->answers[id].body, Framed("one"));
  later->Send("two");
  later->Finish(absl::OkStatus());
  later->Send("ignored");
  client->Exchange();
  EXPECT_EQ(client->answers[id].body, Framed("one") + Framed("two"));
  EXPECT_EQ(client->answers[id].header("grpc-status"), "0");
  EXPECT_FALSE(later->cancelled());
}

TEST_F(Grpc, ADeadlineThatPassesEndsTheCall) {
  bool told = false;
  const int32_t id = client->Call("/s/Later", Framed("x"), {{"grpc-timeout", "250m"}});
  client->Exchange();
  later->OnCancel([&] { told = true; });
  host->Advance(300);
  client->Exchange();
  EXPECT_TRUE(told);
  EXPECT_TRUE(later->cancelled());
  EXPECT_EQ(client->answers[id].header("grpc-status"), "4");
}

TEST_F(Grpc, AResetIsSeenByTheHandler) {
  bool told = false;
  const int32_t id = client->Call("/s/Later", Framed("x"));
  client->Exchange();
  later->OnCancel([&] {
    told = true;
    later.reset();
  });
  nghttp2_submit_rst_stream(client->session(), 0, id, NGHTTP2_CANCEL);
  client->Exchange();
  EXPECT_TRUE(told);
}

TEST_F(Grpc, TheConnectionsEndCancels) {
  client->Call("/s/Later", Framed("x"));
  client->Exchange();
  EXPECT_FALSE(later->cancelled());
  host->connection.reset();
  EXPECT_TRUE(later->cancelled());
  later->Send("to nobody");
  later->Finish(absl::OkStatus());
}

TEST_F(Grpc, ADroppedAnswerIsInternal) {
  const int32_t id = client->Call("/s/Later", Framed("x"));
  client->Exchange();
  later.reset();
  client->Exchange();
  EXPECT_EQ(client->answers[id].header("grpc-status"), "13");
}

TEST_F(Grpc, BothSidesStream) {
  const int32_t id = client->Call("/s/Chat", Framed("a") + Framed("bc").substr(0, 4), {}, false);
  client->Exchange();
  EXPECT_EQ(client->answers[id].body, Framed("a"));
  client->More(id, Framed("bc").substr(4), false);
  client->Exchange();
  EXPECT_EQ(client->answers[id].body, Framed("a") + Framed("bc"));
  const std::string large(3 << 20, 'l');  // beyond the stream's window
  client->More(id, Framed(large), true);
  client->Exchange();
  EXPECT_EQ(client->answers[id].body, Framed("a") + Framed("bc") + Framed(large));
  EXPECT_EQ(client->answers[id].header("grpc-status"), "0");
  const int32_t cut = client->Call("/s/Chat", Framed("abc").substr(0, 6));
  client->Exchange();
  EXPECT_EQ(client->answers[cut].header("grpc-status"), "13");
}

TEST(GrpcMessage, Timeouts) {
  EXPECT_EQ(ParseGrpcTimeout("1H").value(), int64_t{3600} * 1'000'000'000);
  EXPECT_EQ(ParseGrpcTimeout("2M").value(), int64_t{120} * 1'000'000'000);
  EXPECT_EQ(ParseGrpcTimeout("3S").value(), int64_t{3} * 1'000'000'000);
  EXPECT_EQ(ParseGrpcTimeout("99999999u").value(), int64_t{99999999} * 1000);
  EXPECT_EQ(ParseGrpcTimeout("5n").value(), 5);
  for (const char* bad : {"", "H", "1", "1h", "-1S", "123456789S", "1.5S", " 1S"}) EXPECT_FALSE(ParseGrpcTimeout(bad).ok()) << bad;
}

TEST(GrpcMessage, ContentTypes) {
  for (const char* good : {"application/grpc", "application/grpc+proto", "application/grpc;x=y"})
    EXPECT_TRUE(IsGrpcContentType(good)) << good;
  for (const char* bad : {"", "application/grpc-web", "application/grpc+json", "application/json"})
    EXPECT_FALSE(IsGrpcContentType(bad)) << bad;
}

}  // namespace
}  // namespace vigil::net
