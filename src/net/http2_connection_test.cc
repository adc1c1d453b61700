#include "net/http2_connection.h"

#include <gtest/gtest.h>

#include "net/testing/http2_client.h"

namespace vigil::net {
namespace {

using testing::FakeHost;
using testing::Http2Client;

void Echo(const HttpRequest& r, Exchange& e) {
  e.Send(200, "text/plain",
         std::string(MethodName(r.method)) + " " + std::string(r.path) + "?" + std::string(r.query) + " " + std::string(r.body),
         {{"X-Host", r.header("Host")}, {"X-Had", r.header("x-had")}});
}

struct H2 : ::testing::Test {
  void Make(testing::FunctionHandler::Function function, const HttpLimits& limits = {},
            const std::vector<nghttp2_settings_entry>& settings = {}) {
    host = std::make_unique<FakeHost>(std::move(function), limits, FakeHost::Version::kHttp2);
    client = std::make_unique<Http2Client>(*host, settings);
  }
  testing::Http2Answer& Answer(int32_t id) { return client->answers[id]; }
  std::unique_ptr<FakeHost> host;
  std::unique_ptr<Http2Client> client;
};

TEST_F(H2, TheSameHandlerAnswers) {
  Make(Echo);
  const int32_t get = client->Request("GET", "/a/b?c=1", "", {{"x-had", "v"}});
  const int32_t post = client->Request("POST", "/p", "body");
  client->Exchange();
  EXPECT_EQ(Answer(get).body, "GET /a/b?c=1 ");
  EXPECT_EQ(Answer(get).header(":status"), "200");
  EXPECT_EQ(Answer(get).header("x-host"), "here");
  EXPECT_EQ(Answer(get).header("x-had"), "v");
  EXPECT_EQ(Answer(get).header("content-length"), "13");
  EXPECT_EQ(Answer(post).body, "POST /p? body");
  EXPECT_TRUE(Answer(post).ended);
  EXPECT_EQ(host->counters.requests_total.value(), 2);
}

TEST_F(H2, HeadAndNoContentHaveNoBody) {
  Make([](const HttpRequest& r, Exchange& e) { e.Send(r.path == "/none" ? 204 : 200, "text/plain", "five!"); });
  const int32_t head = client->Request("HEAD", "/");
  const int32_t none = client->Request("GET", "/none");
  client->Exchange();
  EXPECT_EQ(Answer(head).header("content-length"), "5");
  EXPECT_EQ(Answer(head).body, "");
  EXPECT_TRUE(Answer(head).ended);
  EXPECT_EQ(Answer(none).header(":status"), "204");
  EXPECT_EQ(Answer(none).header("content-length"), "");
}

TEST_F(H2, AValueThatWouldBreakTheHeadIsMadeHarmless) {
  Make([](const HttpRequest&, Exchange& e) { e.Send(200, "text/plain\r\nX-Evil: 1", "x", {{"X-Id", "a\r\nX-Evil: 1"}}); });
  const int32_t id = client->Request("GET", "/");
  client->Exchange();
  EXPECT_EQ(Answer(id).header("x-id"), "a  X-Evil: 1");
  EXPECT_EQ(Answer(id).header("x-evil"), "");
}

TEST_F(H2, DeferredAnswersComeInAnyOrderAndTheirRequestStays) {
  std::vector<std::shared_ptr<Deferred>> later;
  std::vector<std::string_view> bodies;
  Make([&](const HttpRequest& r, Exchange& e) {
    bodies.push_back(r.body);
    later.push_back(e.Defer());
  });
  const int32_t a = client->Request("POST", "/a", std::string(100, 'a'));
  const int32_t b = client->Request("POST", "/b", std::string(100, 'b'));
  client->Exchange();
  ASSERT_EQ(later.size(), 2u);
  later[1]->Send(200, "text/plain", bodies[1]);
  client->Exchange();
  EXPECT_TRUE(Answer(b).ended);
  EXPECT_FALSE(Answer(a).ended);
  later[0]->Start(200, "text/plain");
  later[0]->Frame("one,");
  client->Exchange();
  EXPECT_EQ(Answer(a).body, "one,");
  later[0]->Frame("two");
  later[0]->End();
  client->Exchange();
  EXPECT_EQ(Answer(a).body, "one,two");
  EXPECT_TRUE(Answer(a).ended);
}

TEST_F(H2, ADroppedAnswerIs500AndADroppedStreamIsReset) {
  std::shared_ptr<Deferred> later;
  Make([&](const HttpRequest&, Exchange& e) { later = e.Defer(); });
  const int32_t a = client->Request("GET", "/");
  client->Exchange();
  later.reset();
  const int32_t b = client->Request("GET", "/");
  client->Exchange();
  EXPECT_EQ(Answer(a).header(":status"), "500");
  later->Start(200, "text/plain");
  later->Frame("half");
  client->Exchange();
  later.reset();
  client->Exchange();
  EXPECT_FALSE(Answer(b).ended);
  EXPECT_EQ(Answer(b).error, static_cast<uint32_t>(NGHTTP2_INTERNAL_ERROR));
}

TEST_F(H2, AClientThatGivesUpIsSeenAndItsRequestStaysWhileWorkedOn) {
  std::shared_ptr<Deferred> later;
  std::string_view body;
  Make([&](const HttpRequest& r, Exchange& e) {
    body = r.body;
    later = e.Defer();
  });
  const int32_t id = client->Request("POST", "/", std::string(5000, 'x'));
  client->Exchange();
  EXPECT_FALSE(later->client_gone());
  nghttp2_submit_rst_stream(client->session(), 0, id, NGHTTP2_CANCEL);
  client->Exchange();
  EXPECT_TRUE(later->client_gone());
  EXPECT_EQ(body, std::string(5000, 'x'));
  later->Send(200, "", "nobody listens");
  host->connection.reset();
  EXPECT_EQ(body.back(), 'x');
  later.reset();
  EXPECT_LE(host->budget->bytes.load(), 4096);  // the block that bytes are read into
}

TEST_F(H2, LimitsHaveTheirStatus) {
  HttpLimits limits;
  limits.body_bytes_max = 1000;
  limits.uri_bytes_max = 100;
  limits.header_bytes_max = 2000;
  limits.headers_max = 10;
  Make(Echo, limits);
  const int32_t uri = client->Request("GET", "/" + std::string(100, 'u'));
  const int32_t body = client->Request("POST", "/", std::string(1001, 'b'));
  const int32_t fits = client->Request("POST", "/", std::string(1000, 'b'));
  const int32_t announced = client->Request("POST", "/", "x", {{"content-length", "1001"}}, false);
  testing::HeaderList many;
  for (int i = 0; i < 11; ++i) many.emplace_back("h" + std::to_string(i), "v");
  const int32_t headers = client->Request("GET", "/", "", many);
  const int32_t large = client->Request("GET", "/", "", {{"h", std::string(2000, 'v')}});
  client->Exchange();
  EXPECT_EQ(Answer(uri).header(":status"), "414");
  EXPECT_EQ(Answer(body).header(":status"), "413");
  EXPECT_EQ(Answer(fits).header(":status"), "200");
  EXPECT_EQ(Answer(announced).header(":status"), "413");
  EXPECT_EQ(Answer(announced).error, static_cast<uint32_t>(NGHTTP2_NO_ERROR));
  EXPECT_EQ(Answer(headers).header(":status"), "431");
  EXPECT_EQ(Answer(large).header(":status"), "431");
}

TEST_F(H2, AThousandStreamsAtOnce) {
  std::vector<std::shared_ptr<Deferred>> later;
  Make([&](const HttpRequest&, Exchange& e) { later.push_back(e.Defer()); });
  std::vector<int32_t> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(client->Request("POST", "/", "x"));
  client->Exchange();
  ASSERT_EQ(later.size(), 1000u);
  for (auto& deferred : later) deferred->Send(200, "", "y");
  later.clear();
  client->Exchange();
  for (const int32_t id : ids) ASSERT_EQ(Answer(id).body, "y");
}

TEST_F(H2, AZeroWindowHoldsTheAnswersAndNothingMoreIsMade) {
  HttpLimits limits;
  limits.write_timeout_ms = 1000;
  int made = 0;
  Make(
      [&](const HttpRequest&, Exchange& e) {
        ++made;
        e.Send(200, "", std::string(200'000, 'x'));
      },
      limits, {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}});
  std::vector<int32_t> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(client->Request("GET", "/"));
  client->Exchange();
  EXPECT_LT(made, 10);  // a megabyte and one answer
  const int before = made;
  host->Advance(1100);
  client->Exchange();
  EXPECT_EQ(Answer(ids[0]).error, static_cast<uint32_t>(NGHTTP2_CANCEL));
  EXPECT_GT(made, before);  // those behind have their turn
  EXPECT_GE(host->counters.timeouts.value(), 1);
}

TEST_F(H2, RapidResetsReachHardlyAHandlerAndEndTheConnection) {
  HttpLimits limits;
  limits.h2_control_frames_burst = 100;
  int handled = 0;
  Make(
      [&](const HttpRequest&, Exchange& e) {
        ++handled;
        e.Send(200, "", "x");
      },
      limits);
  std::string attack;
  for (uint32_t id = 1; id < 1000; id += 2) {
    attack += Http2Client::Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id, "\x82\x86\x84\x41\x01h");
    attack += Http2Client::Frame(NGHTTP2_RST_STREAM, 0, id, std::string("\0\0\0\x08", 4));
  }
  host->Receive(attack);
  client->Exchange();
  EXPECT_LE(handled, 2);  // where a read ends between a head and its reset
  EXPECT_EQ(client->goaways, std::vector<uint32_t>{NGHTTP2_ENHANCE_YOUR_CALM});
  EXPECT_TRUE(host->closing);
  EXPECT_EQ(host->counters.h2_floods.value(), 1);
}

TEST_F(H2, FloodsOfFramesThatAskForNothingEndTheConnection) {
  const std::string kPing = Http2Client::Frame(NGHTTP2_PING, 0, 0, "12345678");
  const std::string kSettings = Http2Client::Frame(NGHTTP2_SETTINGS, 0, 0, "");
  const std::string kPriority = Http2Client::Frame(NGHTTP2_PRIORITY, 0, 7, std::string("\0\0\0\1\x10", 5));
  for (const std::string& frame : {kPing, kSettings, kPriority}) {
    HttpLimits limits;
    limits.h2_control_frames_burst = 50;
    Make(Echo, limits);
    std::string attack;
    for (int i = 0; i < 200; ++i) attack += frame;
    host->Receive(attack);
    client->Exchange();
    EXPECT_EQ(client->goaways, std::vector<uint32_t>{NGHTTP2_ENHANCE_YOUR_CALM});
    EXPECT_TRUE(host->closing);
  }
}

TEST_F(H2, TheAllowanceOfControlFramesIsRefilled) {
  HttpLimits limits;
  limits.h2_control_frames_burst = 50;
  limits.h2_control_frames_per_s = 40;
  Make(Echo, limits);
  for (int second = 0; second < 5; ++second) {
    for (int i = 0; i < 40; ++i) host->Receive(Http2Client::Frame(NGHTTP2_PING, 0, 0, "12345678"));
    host->Advance(1000);
    client->Exchange();
  }
  EXPECT_TRUE(client->goaways.empty());
}

TEST_F(H2, AFloodOfContinuationsEndsTheConnection) {
  Make(Echo);
  std::string attack = Http2Client::Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, "\x82\x86\x84\x41\x01h");
  for (int i = 0; i < 1000; ++i) attack += Http2Client::Frame(NGHTTP2_CONTINUATION, 0, 1, std::string("\x00\x01x\x01y", 5));
  host->Receive(attack);
  client->Exchange();
  EXPECT_TRUE(host->closing || host->aborted);
  EXPECT_LT(host->budget->bytes.load(), 1 << 20);
}

TEST_F(H2, AnHpackBombIs431) {
  Make(Echo);
  // One entry of 4,000 bytes into the table, then a reference of one byte to it, thousands of times.
  std::string block("\x82\x86\x84\x41\x01h\x40\x01x", 9);
  block += std::string("\x7f\xa1\x1e", 3) + std::string(4000, 'v');
  block += std::string(8000, '\xbe');
  host->Receive(Http2Client::Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, block));
  nghttp2_session_set_next_stream_id(client->session(), 3);
  std::string sent = host->TakeSent();
  EXPECT_NE(sent.find("header_bytes_max"), std::string::npos);
  EXPECT_LT(host->budget->bytes.load(), 1 << 20);
}

TEST_F(H2, GarbageEndsTheConnection) {
  Make(Echo);
  host->Receive(std::string(200, '\xff'));
  client->Exchange();
  EXPECT_TRUE(host->closing);
  EXPECT_EQ(client->goaways.size(), 1u);
}

TEST_F(H2, SlowHeadsAndBodiesRunOut) {
  HttpLimits limits;
  limits.body_timeout_ms = 1000;
  limits.header_timeout_ms = 500;
  Make(Echo, limits);
  const int32_t slow = client->Request("POST", "/", "a", {}, false);
  client->Exchange();
  host->Advance(1100);
  client->Exchange();
  EXPECT_EQ(Answer(slow).header(":status"), "408");
  client->Raw(NGHTTP2_HEADERS, 0, 3, "\x82\x86\x84");
  host->Advance(600);
  client->Exchange();
  EXPECT_TRUE(host->closing);
}

TEST_F(H2, AnIdleConnectionIsToldToGo) {
  HttpLimits limits;
  limits.idle_timeout_ms = 1000;
  Make(Echo, limits);
  host->Advance(1100);
  client->Exchange();
  EXPECT_EQ(client->goaways, std::vector<uint32_t>{NGHTTP2_NO_ERROR});
  EXPECT_TRUE(host->closing);
}

TEST_F(H2, ASilentClientWithStreamsIsAskedAndGivenUp) {
  std::shared_ptr<Deferred> later;
  HttpLimits limits;
  limits.h2_ping_after_ms = 1000;
  limits.h2_ping_timeout_ms = 500;
  Make([&](const HttpRequest&, Exchange& e) { later = e.Defer(); }, limits);
  client->Request("GET", "/");
  client->Exchange();
  host->Advance(1100);
  client->Exchange();
  EXPECT_EQ(client->pings, 1);
  host->Advance(600);
  EXPECT_FALSE(host->aborted);  // it answered
  host->Advance(600);
  host->TakeSent();  // the question is lost
  host->Advance(600);
  EXPECT_TRUE(host->aborted);
  later.reset();
}

TEST_F(H2, DrainingFinishesWhatHasBegun) {
  std::shared_ptr<Deferred> later;
  Make([&](const HttpRequest&, Exchange& e) { later = e.Defer(); });
  const int32_t id = client->Request("GET", "/");
  client->Exchange();
  host->context.draining = true;
  host->connection->OnDrain();
  client->Exchange();
  EXPECT_EQ(client->goaways.size(), 2u);  // the notice, and the last stream
  EXPECT_FALSE(host->closing);
  later->Send(200, "", "done");
  client->Exchange();
  EXPECT_EQ(Answer(id).body, "done");
  EXPECT_TRUE(host->closing);
}

TEST_F(H2, LargeBodiesAreRefusedWhenTogetherTheyHoldTooMuch) {
  HttpLimits limits;
  limits.input_bytes_max = 100'000;
  std::vector<std::shared_ptr<Deferred>> later;
  Make([&](const HttpRequest&, Exchange& e) { later.push_back(e.Defer()); }, limits);
  client->Request("POST", "/", std::string(90'000, 'x'));
  client->Exchange();
  const int32_t second = client->Request("POST", "/", std::string(90'000, 'x'));
  client->Exchange();
  EXPECT_EQ(Answer(second).header(":status"), "503");
  EXPECT_EQ(later.size(), 1u);
}

}  // namespace
}  // namespace vigil::net
