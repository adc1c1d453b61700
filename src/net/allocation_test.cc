// The hot path allocates nothing when warm: counted on the loop's own thread, over real sockets.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "net/load_client.h"
#include "net/server.h"
#include "net/testing/fake_host.h"

namespace {
thread_local int64_t allocations = 0;
}  // namespace

// noinline: gcc otherwise takes the free() of an inlined pair for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  void* const p = std::malloc(size == 0 ? 1 : size);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
// This form too: a sanitizer brings its own, whose memory must not come to our delete.
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void* operator new[](size_t size) { return operator new(size); }
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, size_t) noexcept { std::free(p); }

namespace vigil::net {
namespace {

TEST(Allocation, AWarmConnectionAnswersWithoutAny) {
  constexpr int kWarm = 500, kRequests = 2000;
  std::atomic<int64_t> before{-1}, after{-1};
  int seen = 0;
  ServerOptions options;
  options.port = 0;
  options.threads = 1;
  auto server = HttpServer::Start(options, [&](EventLoop& loop) {
    loop.AddTurnHook([] {});
    return std::make_unique<testing::FunctionHandler>([&](const HttpRequest& r, Exchange& e) {
      e.Send(200, "application/json", r.body.substr(0, 62), {{"X-Request-Id", "0123456789abcdef"}});
      ++seen;
      if (seen == kWarm) before = allocations;
      if (seen == kRequests) after = allocations;
    });
  });
  ASSERT_TRUE(server.ok());
  LoadOptions load;
  load.port = (*server)->port();
  load.connections = 4;
  load.pipeline = 3;
  load.bodies = {std::string(273, '1')};
  load.headers = {"Accept: */*", "User-Agent: test", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
  load.requests = kRequests;
  load.duration_ms = 30'000;
  const auto result = RunLoad(load);
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->errors, 0);
  ASSERT_GE(before, 0);
  EXPECT_EQ(after - before, 0);
}

}  // namespace
}  // namespace vigil::net
