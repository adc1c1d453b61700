#include "net/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <future>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/paths.h"
#include "net/listen_socket.h"
#include "net/testing/fake_host.h"
#include "net/testing/raw_client.h"

namespace vigil::net {
namespace {

using std::chrono::milliseconds;
using testing::FunctionHandler;
using ::testing::HasSubstr;
using testing::RawClient;

std::string Get(const std::string& path, const std::string& lines = "") {
  return absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\n", lines, "\r\n");
}
std::string Post(const std::string& path, const std::string& body) {
  return absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: x\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

void Echo(const HttpRequest& r, Exchange& e) { e.Send(200, "text/plain", std::string(r.path) + "|" + std::string(r.body)); }

ServerOptions Options(int threads = 1) {
  ServerOptions options;
  options.port = 0;
  options.threads = threads;
  return options;
}

std::unique_ptr<HttpServer> StartOrDie(const ServerOptions& options, FunctionHandler::Function function = Echo) {
  auto server = HttpServer::Start(options, [function](EventLoop&) { return std::make_unique<FunctionHandler>(function); });
  EXPECT_TRUE(server.ok()) << server.status();
  return server.ok() ? std::move(*server) : nullptr;
}

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return false;
}

TEST(Server, KeepsAConnectionAndAnswersPipelinedRequestsInOrder) {
  auto server = StartOrDie(Options());
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.Send(Post("/a", "hi") + Get("/b"));
    const auto first = client.Receive();
    EXPECT_EQ(first.body, "/a|hi");
    EXPECT_EQ(first.header("content-type"), "text/plain");
    EXPECT_EQ(first.header("date").size(), 29u);
    EXPECT_EQ(client.Receive().body, "/b|");
  }
  EXPECT_EQ(server->counters().requests_total, 6);
  EXPECT_EQ(server->counters().connections_open, 1);
  EXPECT_GT(server->counters().bytes_in, 0);
  EXPECT_GT(server->counters().bytes_out, 0);
  client.Close();
  EXPECT_TRUE(Eventually([&] { return server->counters().connections_open == 0; }));
}

TEST(Server, AProcessBeingStartedKeepsNoEventsOfAClosedConnectionAlive) {
  auto server = StartOrDie(Options());
  RawClient client(server->port());
  client.Send(Get("/a"));
  EXPECT_EQ(client.Receive().body, "/a|");
  const pid_t child = fork();  // has a copy of every descriptor, as a trainer does until its own program runs
  if (child == 0) {
    pause();
    _exit(0);
  }
  client.Send(Get("/b", "Connection: close\r\n"));
  EXPECT_EQ(client.Receive().body, "/b|");
  EXPECT_TRUE(Eventually([&] { return server->counters().connections_open == 0; }));
  client.Send(Get("/late"));  // arrives, because the child still holds the socket; nobody listens
  for (int i = 0; i < 50; ++i) {
    RawClient other(server->port());
    other.Send(Get("/c"));
    ASSERT_EQ(other.Receive().body, "/c|");
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(server->counters().requests_total, 52);
}

TEST(Server, EveryByteAlone) {
  auto server = StartOrDie(Options());
  RawClient client(server->port());
  for (const char c : Post("/slow", "body") + Get("/next")) client.Send(std::string(1, c));
  EXPECT_EQ(client.Receive().body, "/slow|body");
  EXPECT_EQ(client.Receive().body, "/next|");
}

TEST(Server, BodiesLargerThanAnyBuffer) {
  auto server = StartOrDie(Options());
  std::string body(5'000'000, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 2654435761u >> 13);
  RawClient client(server->port());
  std::thread sender([&] { client.Send(Post("/big", body) + Get("/next")); });
  EXPECT_EQ(client.Receive().body, "/big|" + body);
  EXPECT_EQ(client.Receive().body, "/next|");
  sender.join();
}

TEST(Server, ListensOnAUnixSocketToo) {
  const vigil::testing::TempDir dir;
  ServerOptions options = Options(2);
  options.unix_socket = dir.file("vigil.sock");
  auto server = StartOrDie(options);
  for (int i = 0; i < 20; ++i) {
    RawClient client(options.unix_socket);
    client.Send(Post("/u", "x"));
    EXPECT_EQ(client.Receive().body, "/u|x");
  }
  RawClient tcp(server->port());
  tcp.Send(Get("/t"));
  EXPECT_EQ(tcp.Receive().body, "/t|");

  const auto second = HttpServer::Start(options, [](EventLoop&) { return std::make_unique<FunctionHandler>(Echo); });
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  server.reset();
  struct stat info {};
  EXPECT_NE(::stat(options.unix_socket.c_str(), &info), 0) << "the socket's file is removed";
}

TEST(Server, ReplacesAStaleSocketButNoOtherFile) {
  const vigil::testing::TempDir dir;
  ServerOptions options = Options();
  options.unix_socket = dir.file("stale.sock");
  {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, options.unix_socket.data(), options.unix_socket.size());
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(fd);  // as after kill -9
  }
  EXPECT_NE(StartOrDie(options), nullptr);
  options.unix_socket = dir.file("precious");
  std::ofstream(options.unix_socket) << "data";
  const auto server = HttpServer::Start(options, [](EventLoop&) { return std::make_unique<FunctionHandler>(Echo); });
  EXPECT_EQ(server.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(std::ifstream(options.unix_socket).good());
}

TEST(Server, RefusesAPortThatIsTaken) {
  auto server = StartOrDie(Options());
  ServerOptions options = Options();
  options.port = server->port();
  const auto second = HttpServer::Start(options, [](EventLoop&) { return std::make_unique<FunctionHandler>(Echo); });
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(absl::StrCat("127.0.0.1:", server->port())));
  options.port = 70'000;
  EXPECT_EQ(HttpServer::Start(options, nullptr).status().code(), absl::StatusCode::kInvalidArgument);
  options.port = 0;
  options.host = "no.such.host.invalid";
  EXPECT_EQ(HttpServer::Start(options, nullptr).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Server, ListensOnTheFirstAddressThatTheMachineHas) {
  sockaddr_in elsewhere{}, here{};
  elsewhere.sin_family = here.sin_family = AF_INET;
  ASSERT_EQ(inet_pton(AF_INET, "203.0.113.1", &elsewhere.sin_addr), 1);  // for documents only (RFC 5737): nobody's
  ASSERT_EQ(inet_pton(AF_INET, "127.0.0.1", &here.sin_addr), 1);
  addrinfo first{}, second{};
  first.ai_addr = reinterpret_cast<sockaddr*>(&elsewhere);
  second.ai_addr = reinterpret_cast<sockaddr*>(&here);
  first.ai_addrlen = second.ai_addrlen = sizeof here;
  const auto nowhere = ListenOnFirst(&first, 0, 1, "example");
  EXPECT_EQ(nowhere.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(nowhere.status().message()), HasSubstr("example"));
  first.ai_next = &second;
  const auto listeners = ListenOnFirst(&first, 0, 2, "example");
  ASSERT_TRUE(listeners.ok()) << listeners.status();
  EXPECT_EQ(listeners->sockets.size(), 2u);
  EXPECT_TRUE(RawClient(listeners->port).connected());
  // A port that is taken is an answer, not a reason to listen somewhere else.
  second.ai_next = &first;
  first.ai_next = nullptr;
  EXPECT_EQ(ListenOnFirst(&second, listeners->port, 1, "example").status().code(), absl::StatusCode::kAlreadyExists);
}

TEST(Server, EveryLoopHasAHandlerOfItsOwn) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::set<uint32_t> indices;
  auto server = HttpServer::Start(Options(3), [&](EventLoop& loop) {
    std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    indices.insert(loop.index());
    return std::make_unique<FunctionHandler>(Echo);
  });
  ASSERT_TRUE(server.ok());
  EXPECT_EQ((*server)->threads(), 3);
  EXPECT_EQ(threads.size(), 3u);
  EXPECT_EQ(indices, (std::set<uint32_t>{0, 1, 2}));
}

TEST(Server, HundredsOfConnectionsAcrossLoops) {
  auto server = StartOrDie(Options(2));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 400; ++i) clients.push_back(std::make_unique<RawClient>(server->port()));
  for (int round = 0; round < 3; ++round) {
    for (auto& client : clients) ASSERT_TRUE(client->Send(Post("/c", "body") + Get("/d")));
    for (auto& client : clients) {
      ASSERT_EQ(client->Receive().body, "/c|body");
      ASSERT_EQ(client->Receive().body, "/d|");
    }
  }
  EXPECT_EQ(server->counters().connections_open, 400);
  EXPECT_EQ(server->counters().requests_total, 2400);
}

TEST(Server, ConnectionsAreCapped) {
  ServerOptions options = Options(2);
  options.limits.connections_max = 10;
  auto server = StartOrDie(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 15; ++i) clients.push_back(std::make_unique<RawClient>(server->port()));
  int answered = 0;
  for (auto& client : clients) {
    client->Send(Get("/"));
    if (client->Receive().status == 200) ++answered;
  }
  EXPECT_EQ(answered, 10);
  EXPECT_EQ(server->counters().connections_refused, 5);
  clients.clear();
  EXPECT_TRUE(Eventually([&] { return server->counters().connections_open == 0; }));
  RawClient client(server->port());
  client.Send(Get("/"));
  EXPECT_EQ(client.Receive().status, 200);
}

TEST(Server, HooksRunAfterRequestsAndBeforeAnswers) {
  std::atomic<int> handled{0}, hooks{0}, handled_at_hook{0};
  std::promise<void> in_hook, go_on;
  auto server = HttpServer::Start(Options(), [&](EventLoop& loop) {
    loop.AddTurnHook([&, first = true]() mutable {
      ++hooks;
      handled_at_hook = handled.load();
      if (!std::exchange(first, false)) return;
      in_hook.set_value();
      go_on.get_future().wait();
    });
    return std::make_unique<FunctionHandler>([&](const HttpRequest& r, Exchange& e) {
      ++handled;
      Echo(r, e);
    });
  });
  ASSERT_TRUE(server.ok());
  RawClient client((*server)->port());
  client.Send(Get("/1") + Get("/2") + Get("/3"));
  in_hook.get_future().wait();
  EXPECT_EQ(handled_at_hook, 3) << "one hook for the whole turn";
  client.SetTimeoutMs(50);
  EXPECT_EQ(client.Receive().status, 0) << "no answer may precede the hook's end";
  go_on.set_value();
  client.SetTimeoutMs(5000);
  EXPECT_EQ(client.Receive().body, "/1|");
  EXPECT_EQ(client.Receive().body, "/2|");
  EXPECT_EQ(client.Receive().body, "/3|");
  EXPECT_EQ(hooks, 1);
}

TEST(Server, PostsAndTimersRunOnTheLoop) {
  auto server = StartOrDie(Options());
  EventLoop& loop = server->loop(0);
  std::promise<std::thread::id> first, second;
  loop.Post([&] { first.set_value(std::this_thread::get_id()); });
  std::vector<int> order;
  std::promise<void> done;
  loop.Post([&] {
    loop.RunAfter(30, [&] { order.push_back(3); });
    loop.RunAfter(5, [&] { order.push_back(1); });
    const uint64_t cancelled = loop.RunAfter(10, [&] { order.push_back(99); });
    loop.RunAfter(15, [&] { order.push_back(2); });
    loop.RunAfter(50, [&] { done.set_value(); });
    loop.Cancel(cancelled);
    loop.Cancel(cancelled);
    second.set_value(std::this_thread::get_id());
  });
  const std::thread::id id = first.get_future().get();
  EXPECT_EQ(id, second.get_future().get());
  EXPECT_NE(id, std::this_thread::get_id());
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(Server, AnswersLaterFromATimer) {
  EventLoop* the_loop = nullptr;
  auto server = HttpServer::Start(Options(), [&](EventLoop& loop) {
    the_loop = &loop;
    return std::make_unique<FunctionHandler>([&loop](const HttpRequest& r, Exchange& e) {
      if (r.path == "/now") return Echo(r, e);
      loop.RunAfter(20, [answer = e.Defer(), body = r.body] { answer->Send(200, "text/plain", "later " + std::string(body)); });
    });
  });
  ASSERT_TRUE(server.ok());
  RawClient client((*server)->port());
  client.Send(Post("/later", "abc") + Get("/now"));
  EXPECT_EQ(client.Receive().body, "later abc");
  EXPECT_EQ(client.Receive().body, "/now|");
}

TEST(Server, StreamsFramesAsTheyCome) {
  auto server = HttpServer::Start(Options(), [&](EventLoop& loop) {
    return std::make_unique<FunctionHandler>([&loop](const HttpRequest&, Exchange& e) {
      auto answer = e.Defer();
      answer->Start(200, "text/event-stream");
      answer->Frame("one;");
      loop.RunAfter(20, [answer] {
        answer->Frame("two;");
        answer->End();
      });
    });
  });
  ASSERT_TRUE(server.ok());
  RawClient client((*server)->port());
  client.Send(Get("/s") + Get("/s"));
  EXPECT_EQ(client.Receive().body, "one;two;");
  EXPECT_EQ(client.Receive().body, "one;two;");
}

TEST(Server, AClientThatVanishesMidAnswerHurtsNobody) {
  std::atomic<bool> gone{false};
  const std::string block(200'000, 'x');
  auto server = HttpServer::Start(Options(), [&](EventLoop& loop) {
    return std::make_unique<FunctionHandler>([&](const HttpRequest& r, Exchange& e) {
      if (r.path != "/stream") return Echo(r, e);
      auto answer = e.Defer();
      answer->Start(200, "text/plain");
      auto step = std::make_shared<std::function<void()>>();
      *step = [&, answer, weak = std::weak_ptr(step)] {
        answer->Frame(block);
        if (answer->client_gone()) {
          gone = true;
          return;
        }
        loop.RunAfter(1, [self = weak.lock()] { (*self)(); });
      };
      (*step)();
    });
  });
  ASSERT_TRUE(server.ok());
  {
    RawClient client((*server)->port());
    client.Send(Get("/stream"));
    char some[1000];
    ASSERT_GT(::recv(client.fd(), some, sizeof some, 0), 0);
  }
  EXPECT_TRUE(Eventually([&] { return gone.load(); }));
  for (int i = 0; i < 50; ++i) {
    RawClient client((*server)->port());
    client.Send(i % 2 == 0 ? Post("/x", "half").substr(0, 30) : Get("/y"));
  }
  RawClient client((*server)->port());
  client.Send(Get("/alive"));
  EXPECT_EQ(client.Receive().body, "/alive|");
}

TEST(Server, SlowClientsTimeOutAndBlockNobody) {
  ServerOptions options = Options();
  options.limits.header_timeout_ms = 60;
  options.limits.body_timeout_ms = 60;
  options.limits.idle_timeout_ms = 120;
  auto server = StartOrDie(options);
  RawClient head(server->port()), body(server->port()), idle(server->port());
  head.Send("GET / HTT");
  body.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab");
  std::vector<std::unique_ptr<RawClient>> others;
  for (int i = 0; i < 50; ++i) {
    others.push_back(std::make_unique<RawClient>(server->port()));
    others.back()->Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Le");
  }
  RawClient good(server->port());
  good.Send(Get("/good"));
  EXPECT_EQ(good.Receive().body, "/good|");
  const auto late_head = head.Receive();
  EXPECT_EQ(late_head.status, 408);
  EXPECT_EQ(late_head.header("connection"), "close");
  EXPECT_TRUE(head.Closed());
  EXPECT_EQ(body.Receive().status, 408);
  EXPECT_TRUE(body.Closed());
  EXPECT_TRUE(idle.Closed());
  EXPECT_TRUE(Eventually([&] { return server->counters().timeouts >= 53; }));
}

TEST(Server, AReaderThatNeverReadsIsClosed) {
  ServerOptions options = Options();
  options.limits.write_timeout_ms = 60;
  const std::string big(1 << 20, 'x');
  auto server = StartOrDie(options, [&](const HttpRequest& r, Exchange& e) { r.path == "/big" ? e.Send(200, "", big) : Echo(r, e); });
  RawClient deaf(server->port());
  std::string many;
  for (int i = 0; i < 60; ++i) many += Get("/big");
  deaf.Send(many);
  RawClient good(server->port());
  good.Send(Get("/good"));
  EXPECT_EQ(good.Receive().body, "/good|");
  EXPECT_TRUE(Eventually([&] { return server->counters().connections_open == 1; }));
  EXPECT_LT(server->counters().requests_total, 40) << "answering stops when nobody reads";
}

TEST(Server, ARefusalArrivesThoughTheClientStillSends) {
  ServerOptions options = Options();
  options.limits.body_bytes_max = 1000;
  auto server = StartOrDie(options);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n");
  client.Send(std::string(3'000'000, 'x'));  // already on its way
  const auto refused = client.Receive();
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(refused.header("connection"), "close");
  EXPECT_THAT(refused.body, HasSubstr("50000000"));
  client.FinishSending();
  EXPECT_TRUE(client.Closed());
  EXPECT_EQ(server->counters().protocol_errors, 1);
}

TEST(Server, HalfClosedClientsAreAnswered) {
  auto server = StartOrDie(Options());
  RawClient client(server->port());
  client.Send(Get("/last"));
  client.FinishSending();
  EXPECT_EQ(client.Receive().body, "/last|");
  EXPECT_TRUE(client.Closed());
}

TEST(Server, DrainFinishesWhatIsInFlight) {
  std::promise<void> arrived;
  auto server = HttpServer::Start(Options(), [&](EventLoop& loop) {
    return std::make_unique<FunctionHandler>([&](const HttpRequest& r, Exchange& e) {
      if (r.path != "/later") return Echo(r, e);
      loop.RunAfter(100, [answer = e.Defer()] { answer->Send(200, "", "finished"); });
      arrived.set_value();
    });
  });
  ASSERT_TRUE(server.ok());
  RawClient idle((*server)->port()), half((*server)->port()), busy((*server)->port());
  idle.Send(Get("/"));
  EXPECT_EQ(idle.Receive().status, 200);
  half.Send(Post("/half", "body").substr(0, 50));
  busy.Send(Get("/later"));
  arrived.get_future().wait();
  std::jthread drain([&] { (*server)->Drain(); });
  EXPECT_TRUE(idle.Closed());
  half.Send(Post("/half", "body").substr(50));
  const auto half_answer = half.Receive();
  EXPECT_EQ(half_answer.body, "/half|body");
  EXPECT_EQ(half_answer.header("connection"), "close");
  const auto busy_answer = busy.Receive();
  EXPECT_EQ(busy_answer.body, "finished");
  EXPECT_EQ(busy_answer.header("connection"), "close");
  half.Close();
  busy.Close();
  drain.join();
  RawClient late((*server)->port());
  EXPECT_FALSE(late.connected()) << "nobody listens any more";
  (*server)->Drain();  // again is harmless
}

TEST(Server, DrainIsBounded) {
  ServerOptions options = Options();
  options.limits.drain_timeout_ms = 50;
  std::vector<std::shared_ptr<Deferred>> kept;
  std::promise<void> arrived;
  auto server = StartOrDie(options, [&](const HttpRequest&, Exchange& e) {
    kept.push_back(e.Defer());
    arrived.set_value();
  });
  RawClient client(server->port());
  client.Send(Get("/never"));
  arrived.get_future().wait();
  const auto start = std::chrono::steady_clock::now();
  server->Drain();
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(2000));
  EXPECT_TRUE(client.Closed());
  server.reset();
  EXPECT_TRUE(kept.at(0)->client_gone());
}

TEST(Server, DrainUnderLoadCutsNoAnswer) {
  auto server = StartOrDie(Options(2));
  std::atomic<int> cut{0}, answered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      RawClient client(server->port());
      for (;;) {
        if (!client.Send(Get("/x"))) return;
        const auto answer = client.Receive();
        if (answer.status == 0) {
          if (!client.unread().empty()) ++cut;
          return;
        }
        ++answered;
        if (answer.headers.count("connection") > 0) return;
      }
    });
  }
  EXPECT_TRUE(Eventually([&] { return answered > 200; }));
  server->Drain();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cut, 0);
  EXPECT_EQ(server->counters().connections_open, 0);
}

}  // namespace
}  // namespace vigil::net
