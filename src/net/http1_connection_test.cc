#include "net/http1_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "net/testing/fake_host.h"

namespace vigil::net {
namespace {

using ::testing::EndsWith;
using testing::FakeHost;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string Get(const std::string& path, const std::string& lines = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n";
}

void Echo(const HttpRequest& r, Exchange& e) { e.Send(200, "text/plain", std::string(r.path) + "|" + std::string(r.body)); }

// Keeps every request's answer for later, by path.
struct Later {
  std::map<std::string, std::shared_ptr<Deferred>> answers;
  std::map<std::string, HttpRequest> requests;
  void operator()(const HttpRequest& r, Exchange& e) {
    requests[std::string(r.path)] = r;
    answers[std::string(r.path)] = e.Defer();
  }
};

size_t Count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST(Http1Connection, WritesAWholeAnswer) {
  FakeHost host([](const HttpRequest&, Exchange& e) {
    e.Send(201, "application/json", "{}", {{"X-Request-Id", "abc"}, {"Location", "/v2"}});
  });
  host.context.date_line = "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n";
  host.Receive(Get("/"));
  EXPECT_EQ(host.TakeSent(),
            "HTTP/1.1 201 Created\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            "X-Request-Id: abc\r\nLocation: /v2\r\n\r\n{}");
  EXPECT_FALSE(host.closing);
  EXPECT_TRUE(host.context.answered);
}

TEST(Http1Connection, HeaderValuesCannotSplitAnAnswer) {
  FakeHost host([](const HttpRequest&, Exchange& e) { e.Send(200, "text/plain\r\nX-Evil: 1", "", {{"X-Request-Id", "a\r\nX-Evil: 1"}}); });
  host.Receive(Get("/"));
  EXPECT_THAT(host.TakeSent(), Not(HasSubstr("\nX-Evil")));
}

TEST(Http1Connection, HeadHasTheLengthAndNoBody) {
  FakeHost host(Echo);
  host.Receive("HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n" + Get("/next"));
  const std::string sent = host.TakeSent();
  EXPECT_THAT(sent, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK"));
  EXPECT_THAT(sent, EndsWith("/next|"));
}

TEST(Http1Connection, NoContentHasNeitherLengthNorBody) {
  FakeHost host([](const HttpRequest&, Exchange& e) { e.Send(204, "", "ignored"); });
  host.Receive(Get("/"));
  EXPECT_EQ(host.TakeSent(), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST(Http1Connection, AnswersPipelinedRequestsInOrder) {
  FakeHost host(Echo);
  std::string all;
  for (int i = 0; i < 200; ++i) all += Get(absl::StrCat("/", i));
  host.Receive(all);
  const std::string sent = host.TakeSent();
  size_t at = 0;
  for (int i = 0; i < 200; ++i) {
    at = sent.find(absl::StrCat("\r\n\r\n/", i, "|"), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST(Http1Connection, DeferredAnswersKeepTheOrderOfRequests) {
  Later later;
  FakeHost host([&](const HttpRequest& r, Exchange& e) { r.path == "/now" ? Echo(r, e) : later(r, e); });
  host.Receive(Get("/a") + Get("/now") + Get("/b"));
  EXPECT_EQ(host.TakeSent(), "");
  later.answers["/b"]->Send(200, "", "third");
  EXPECT_EQ(host.TakeSent(), "");
  later.answers["/a"]->Send(200, "", "first");
  const std::string sent = host.TakeSent();
  EXPECT_LT(sent.find("first"), sent.find("/now|"));
  EXPECT_LT(sent.find("/now|"), sent.find("third"));
  EXPECT_EQ(Count(sent, "HTTP/1.1 200"), 3u);
  host.Receive(Get("/now"));
  EXPECT_THAT(host.TakeSent(), EndsWith("/now|"));
}

TEST(Http1Connection, RandomCompletionOrderIsNeverSeen) {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    Later later;
    FakeHost host([&](const HttpRequest& r, Exchange& e) { r.body == "now" ? Echo(r, e) : later(r, e); });
    std::string expected;
    const int n = 1 + static_cast<int>(random.Below(20));
    for (int i = 0; i < n; ++i) {
      const std::string path = absl::StrCat("/", i);
      const std::string body = random.Below(3) == 0 ? "now" : "later";
      host.Receive(absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: x\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
      expected += path + ";";
    }
    std::string sent = host.TakeSent();
    while (!later.answers.empty()) {
      auto it = std::next(later.answers.begin(), static_cast<std::ptrdiff_t>(random.Below(later.answers.size())));
      EXPECT_EQ(later.requests[it->first].body, "later") << "a deferred request's views must stay";
      EXPECT_EQ(later.requests[it->first].path, it->first);
      if (random.Below(2) == 0) {
        it->second->Send(200, "", it->first + "|later");
      } else {
        it->second->Start(200, "");
        it->second->Frame(it->first);
        sent += host.TakeSent();
        it->second->Frame("|later");
        it->second->End();
      }
      later.answers.erase(it);
      sent += host.TakeSent();
    }
    std::string order;
    for (size_t at = sent.find('/', 0); at != std::string::npos; at = sent.find('/', at + 1)) {
      if (sent[at - 1] != '\n') continue;  // "HTTP/1.1", "text/plain"
      const size_t end = sent.find_first_of("|\r", at);
      order += sent.substr(at, end - at) + ";";
    }
    ASSERT_EQ(order, expected);
  }
}

TEST(Http1Connection, StreamsInChunks) {
  Later later;
  FakeHost host(std::ref(later));
  host.Receive(Get("/s"));
  auto& s = *later.answers["/s"];
  s.Start(200, "text/event-stream", {{"X-A", "1"}});
  EXPECT_EQ(host.TakeSent(), "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n");
  s.Frame("hello");
  s.Frame("");  // an empty frame is not the end
  EXPECT_EQ(host.TakeSent(), "5\r\nhello\r\n");
  s.Frame(std::string(300, 'x'));
  s.End();
  EXPECT_EQ(host.TakeSent(), "12c\r\n" + std::string(300, 'x') + "\r\n0\r\n\r\n");
  EXPECT_FALSE(s.client_gone());
  s.Frame("late");
  s.End();
  EXPECT_EQ(host.TakeSent(), "");
}

TEST(Http1Connection, StreamsToHttp10UntilClose) {
  Later later;
  FakeHost host(std::ref(later));
  host.Receive("GET /s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto& s = *later.answers["/s"];
  s.Start(200, "text/plain");
  s.Frame("a");
  s.End();
  EXPECT_EQ(host.TakeSent(), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\na");
  EXPECT_TRUE(host.closing);
}

TEST(Http1Connection, Http10ClosesUnlessAskedToKeep) {
  FakeHost host(Echo);
  host.Receive("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(host.TakeSent(), HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_FALSE(host.closing);
  host.Receive("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(host.TakeSent(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(host.closing);
}

TEST(Http1Connection, NothingIsReadBehindConnectionClose) {
  int seen = 0;
  FakeHost host([&](const HttpRequest& r, Exchange& e) {
    ++seen;
    Echo(r, e);
  });
  host.Receive(Get("/a", "Connection: close\r\n") + Get("/hidden"));
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(host.closing);
  EXPECT_THAT(host.TakeSent(), HasSubstr("Connection: close\r\n"));
}

TEST(Http1Connection, DropsOfDeferredAnswersAreAnswered) {
  Later later;
  FakeHost host([&](const HttpRequest& r, Exchange& e) { r.path == "/now" ? Echo(r, e) : later(r, e); });
  host.Receive(Get("/a") + Get("/now"));
  later.answers.clear();
  const std::string sent = host.TakeSent();
  EXPECT_THAT(sent, StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(sent, HasSubstr("\r\nX-Request-Id: made\r\n"));
  EXPECT_THAT(sent, EndsWith("/now|"));
  host.Receive("GET /c HTTP/1.1\r\nHost: a\r\nx-request-id: mine\r\n\r\n");
  later.answers.clear();
  EXPECT_THAT(host.TakeSent(), HasSubstr("\r\nX-Request-Id: mine\r\n"));
  host.Receive(Get("/b"));
  later.answers["/b"]->Start(200, "");
  later.answers.clear();
  EXPECT_TRUE(host.aborted) << "a cut stream must not look whole";
}

TEST(Http1Connection, AHandlerThatForgetsToAnswerGives500) {
  FakeHost host([](const HttpRequest&, Exchange&) {});
  host.Receive(Get("/"));
  EXPECT_THAT(host.TakeSent(), AllOf(StartsWith("HTTP/1.1 500"), HasSubstr("\r\nX-Request-Id: made\r\n")));
}

TEST(Http1Connection, ADeferredAnswerOutlivesItsClient) {
  Later later;
  FakeHost host(std::ref(later));
  host.Receive(Get("/a") + Get("/b"));
  later.answers["/b"]->Start(200, "");
  host.connection.reset();
  EXPECT_TRUE(later.answers["/a"]->client_gone());
  EXPECT_TRUE(later.answers["/b"]->client_gone());
  later.answers["/a"]->Send(200, "", "x");
  later.answers["/b"]->Frame("x");
  later.answers["/b"]->End();
}

TEST(Http1Connection, ContinueIsSentOnceAndOnlyWhenTheBodyWaits) {
  FakeHost host(Echo);
  const std::string head = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-Continue\r\n\r\n";
  host.Receive(head);
  EXPECT_EQ(host.TakeSent(), "HTTP/1.1 100 Continue\r\n\r\n");
  host.Receive("bo");
  host.Receive("dy");
  EXPECT_THAT(host.TakeSent(), StartsWith("HTTP/1.1 200 OK"));
  host.Receive(head + "body");
  EXPECT_THAT(host.TakeSent(), StartsWith("HTTP/1.1 200 OK"));
}

TEST(Http1Connection, ContinueWaitsForTheAnswersBeforeIt) {
  Later later;
  FakeHost host(std::ref(later));
  host.Receive(Get("/a") + "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(host.TakeSent(), "");
  later.answers["/a"]->Send(200, "", "first");
  EXPECT_THAT(host.TakeSent(), EndsWith("firstHTTP/1.1 100 Continue\r\n\r\n"));
  host.Receive("x");
  later.answers["/b"]->Send(200, "", "second");
  EXPECT_THAT(host.TakeSent(), EndsWith("second"));
}

TEST(Http1Connection, RefusesInOurErrorShapeAndCloses) {
  FakeHost host(Echo);
  host.Receive(Get("/ok") + "GET / HTTP/1.1\r\n\r\n" + Get("/hidden"));
  const std::string sent = host.TakeSent();
  EXPECT_THAT(sent, HasSubstr("/ok|HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n"));
  EXPECT_THAT(sent, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(sent, EndsWith("{\"status\":400,\"detail\":\"HTTP/1.1 without a Host header\"}"));
  EXPECT_TRUE(host.closing);
  EXPECT_EQ(host.counters.protocol_errors.value(), 1);
}

TEST(Http1Connection, ARefusalWaitsItsTurn) {
  Later later;
  FakeHost host(std::ref(later));
  host.Receive(Get("/a") + "BAD\r\n\r\n");
  EXPECT_EQ(host.TakeSent(), "");
  EXPECT_FALSE(host.closing);
  later.answers["/a"]->Send(200, "", "first");
  EXPECT_THAT(host.TakeSent(), HasSubstr("firstHTTP/1.1 400"));
  EXPECT_TRUE(host.closing);
}

TEST(Http1Connection, SlowHeadAndSlowBodyTimeOut) {
  HttpLimits limits;
  limits.header_timeout_ms = 100;
  limits.body_timeout_ms = 200;
  limits.body_bytes_per_s_min = 50;  // 10 bytes in 200 ms
  limits.idle_timeout_ms = 1000;
  {
    FakeHost host(Echo, limits);
    for (char c : std::string("GET / HTTP/")) {  // bytes alone do not buy time
      host.Receive(std::string(1, c));
      host.Advance(10);
    }
    EXPECT_THAT(host.TakeSent(), StartsWith("HTTP/1.1 408"));
    EXPECT_TRUE(host.closing);
  }
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
  {
    FakeHost host(Echo, limits);
    host.Receive(head);
    for (int i = 0; i < 5; ++i) {
      host.Receive(std::string(10, 'b'));
      host.Advance(200);
      EXPECT_EQ(host.TakeSent(), "") << "enough progress";
    }
    host.Receive(std::string(9, 'b'));
    host.Advance(200);
    EXPECT_THAT(host.TakeSent(), StartsWith("HTTP/1.1 408"));
    EXPECT_EQ(host.counters.timeouts.value(), 1);
  }
  {
    FakeHost host(Echo, limits);
    host.Receive("\r\n\r\n");  // empty lines start no request
    host.Advance(999);
    EXPECT_FALSE(host.closing);
    host.Receive(Get("/"));
    host.TakeSent();
    host.Advance(999);
    EXPECT_FALSE(host.closing);
    host.Advance(1);
    EXPECT_TRUE(host.closing);
    EXPECT_EQ(host.TakeSent(), "") << "an idle connection is closed without a word";
  }
}

TEST(Http1Connection, WaitingForTheHandlerIsNotIdle) {
  HttpLimits limits;
  limits.idle_timeout_ms = 100;
  Later later;
  FakeHost host(std::ref(later), limits);
  host.Receive(Get("/a"));
  host.Advance(10'000);
  EXPECT_FALSE(host.closing);
  later.answers["/a"]->Send(200, "", "");
  host.TakeSent();
  host.Advance(99);
  EXPECT_FALSE(host.closing);
  host.Advance(1);
  EXPECT_TRUE(host.closing);
}

TEST(Http1Connection, ReadsAheadOnlySoFar) {
  HttpLimits limits;
  limits.pipelined_max = 4;
  Later later;
  FakeHost host(std::ref(later), limits);
  std::string all;
  for (int i = 0; i < 10; ++i) all += Get(absl::StrCat("/", i));
  host.Receive(all);
  EXPECT_EQ(later.answers.size(), 4u);
  EXPECT_FALSE(host.connection->wants_input());
  later.answers["/0"]->Send(200, "", "");
  host.Settle();
  EXPECT_EQ(later.answers.size(), 5u);
  for (int i = 1; i < 10; ++i) {
    later.answers.at(absl::StrCat("/", i))->Send(200, "", "");
    host.Settle();
  }
  EXPECT_EQ(Count(host.TakeSent(), "HTTP/1.1 200"), 10u);
  EXPECT_TRUE(host.connection->wants_input());
}

TEST(Http1Connection, AReaderThatNeverReadsStopsBeingAnswered) {
  int handled = 0;
  const std::string big(300'000, 'x');
  FakeHost host([&](const HttpRequest&, Exchange& e) {
    ++handled;
    e.Send(200, "", big);
  });
  std::string all;
  for (int i = 0; i < 100; ++i) all += Get("/");
  host.Receive(all);
  EXPECT_EQ(handled, 4);  // 1 MiB waits: no more requests until it is sent
  EXPECT_FALSE(host.connection->wants_input());
  size_t answers = 0;
  for (int i = 0; i < 100 && answers < 100; ++i) answers += Count(host.TakeSent(), "HTTP/1.1 200");
  EXPECT_EQ(answers, 100u);
}

TEST(Http1Connection, OutputIsBounded) {
  HttpLimits limits;
  limits.output_bytes_max = 1000;
  Later later;
  FakeHost host(std::ref(later), limits);
  host.Receive(Get("/a") + Get("/b"));
  later.answers["/b"]->Start(200, "");
  for (int i = 0; i < 8; ++i) later.answers["/b"]->Frame(std::string(100, 'x'));
  EXPECT_FALSE(host.aborted);
  later.answers["/b"]->Frame(std::string(500, 'x'));
  EXPECT_TRUE(host.aborted);
  EXPECT_TRUE(later.answers["/b"]->client_gone());
}

TEST(Http1Connection, LargeBodiesAreShedWhenMemoryIsShort) {
  HttpLimits limits;
  limits.input_bytes_max = 1 << 20;
  FakeHost host(Echo, limits);
  host.budget->bytes = 2 << 20;  // held by others
  host.Receive("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  host.Receive(std::string(1000, 'x'));
  EXPECT_THAT(host.TakeSent(), StartsWith("HTTP/1.1 200"));
  host.Receive("POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  host.Receive(std::string(100'000, 'x'));
  EXPECT_THAT(host.TakeSent(), StartsWith("HTTP/1.1 503"));
  EXPECT_TRUE(host.closing);
}

TEST(Http1Connection, ADeferredRequestStaysThoughItsClientIsGone) {
  Later later;
  auto host = std::make_unique<FakeHost>(std::ref(later));
  const auto budget = host->budget;
  host->Receive("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'));
  EXPECT_GE(budget->bytes, 100'000);
  host.reset();
  EXPECT_TRUE(later.answers["/a"]->client_gone());
  EXPECT_EQ(later.requests["/a"].body, std::string(100'000, 'x'));
  EXPECT_EQ(later.requests["/a"].header("host"), "x");
  later.answers.clear();
  EXPECT_EQ(budget->bytes, 0);
}

TEST(Http1Connection, DrainClosesTheIdleAndFinishesTheRest) {
  {
    FakeHost host(Echo);
    host.context.draining = true;
    host.connection->OnDrain();
    EXPECT_TRUE(host.closing);
  }
  {
    Later later;
    FakeHost host(std::ref(later));
    host.Receive(Get("/a") + Get("/b"));
    host.context.draining = true;
    host.connection->OnDrain();
    EXPECT_FALSE(host.closing);
    later.answers["/a"]->Send(200, "", "");
    EXPECT_THAT(host.TakeSent(), Not(HasSubstr("Connection: close")));
    later.answers["/b"]->Send(200, "", "");
    EXPECT_THAT(host.TakeSent(), HasSubstr("Connection: close"));
    EXPECT_TRUE(host.closing);
  }
  {
    FakeHost host(Echo);
    host.Receive("POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo");
    host.context.draining = true;
    host.connection->OnDrain();
    EXPECT_FALSE(host.closing);
    host.Receive("dy");
    EXPECT_THAT(host.TakeSent(), HasSubstr("Connection: close"));
    EXPECT_TRUE(host.closing);
  }
}

TEST(Http1Connection, AHalfClosedClientStillGetsItsAnswer) {
  Later later;
  FakeHost host(std::ref(later));
  host.Receive(Get("/a"));
  host.connection->OnInputEnd();
  EXPECT_FALSE(host.closing);
  later.answers["/a"]->Send(200, "", "answer");
  EXPECT_THAT(host.TakeSent(), EndsWith("answer"));
  EXPECT_TRUE(host.closing);
}

}  // namespace
}  // namespace vigil::net
