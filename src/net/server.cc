#include "net/server.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "net/epoll_loop.h"
#include "net/listen_socket.h"

namespace vigil::net {
namespace {

constexpr size_t kOtherDescriptors = 256;  // files, logs and libraries beside the connections

int UsableCores() {
  cpu_set_t cores;
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return std::max(1, CPU_COUNT(&cores));
}

// The usual soft limit of 1024 descriptors would make connections_max a lie.
void RaiseDescriptorLimit(size_t connections_max) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, connections_max + kOtherDescriptors);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

class Server final : public HttpServer {
 public:
  Server(const ServerOptions& options, int port, int grpc_port) : options_(options), port_(port), grpc_port_(grpc_port) {}

  ~Server() override {
    for (auto& loop : loops_) loop->Stop();
    for (std::thread& thread : threads_) thread.join();
    if (!options_.unix_socket.empty()) ::unlink(options_.unix_socket.c_str());
  }

  void Run(std::vector<std::unique_ptr<EpollLoop>> loops, HandlerFactory make_handler) {
    loops_ = std::move(loops);
    // One loop at a time, so that a factory needs no lock.
    make_handler_ = [this, make_handler = std::move(make_handler)](EventLoop& loop) {
      std::lock_guard lock(making_);
      return make_handler(loop);
    };
    for (auto& loop : loops_) {
      threads_.emplace_back([this, loop = loop.get()] { loop->Run(make_handler_); });
    }
    std::unique_lock lock(shared.mutex);
    shared.changed.wait(lock, [&] { return shared.ready == threads(); });
  }

  int port() const override { return port_; }
  int grpc_port() const override { return grpc_port_; }
  int threads() const override { return static_cast<int>(loops_.size()); }
  EventLoop& loop(int index) override { return *loops_[static_cast<size_t>(index)]; }

  ServerCounters counters() const override {
    ServerCounters sum;
    for (const auto& loop : loops_) {
      const LoopCounters& c = loop->counters();
      sum.connections_open += c.connections_open.value();
      sum.connections_total += c.connections_total.value();
      sum.connections_refused += c.connections_refused.value();
      sum.requests_total += c.requests_total.value();
      sum.bytes_in += c.bytes_in.value();
      sum.bytes_out += c.bytes_out.value();
      sum.timeouts += c.timeouts.value();
      sum.protocol_errors += c.protocol_errors.value();
      sum.h2_connections += c.h2_connections.value();
      sum.h2_floods += c.h2_floods.value();
      sum.h2_resets += c.h2_resets.value();
      sum.grpc_calls += c.grpc_calls.value();
    }
    return sum;
  }

  void Drain() override {
    for (auto& loop : loops_) loop->Post([loop = loop.get()] { loop->BeginDrain(); });
    std::unique_lock lock(shared.mutex);
    const auto drained = [&] { return shared.drained == threads(); };
    if (shared.changed.wait_for(lock, std::chrono::milliseconds(options_.limits.drain_timeout_ms), drained)) return;
    lock.unlock();
    for (auto& loop : loops_) loop->Post([loop = loop.get()] { loop->CloseAll(); });
    lock.lock();
    shared.changed.wait(lock, drained);
  }

  SystemClock clock;
  SharedState shared;

 private:
  const ServerOptions options_;
  const int port_;
  const int grpc_port_;
  std::mutex making_;
  HandlerFactory make_handler_;
  std::vector<std::unique_ptr<EpollLoop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace

StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const ServerOptions& options, HandlerFactory make_handler) {
  const int threads = options.threads > 0 ? options.threads : UsableCores();
  RaiseDescriptorLimit(options.limits.connections_max);
  VIGIL_ASSIGN_OR_RETURN(TcpListeners tcp, ListenTcp(options.host, options.port, threads));
  TcpListeners grpc;
  if (options.grpc_port >= 0) {
    VIGIL_ASSIGN_OR_RETURN(grpc, ListenTcp(options.host, options.grpc_port, threads));
  }
  UniqueFd unix_socket;
  if (!options.unix_socket.empty()) {
    VIGIL_ASSIGN_OR_RETURN(unix_socket, ListenUnix(options.unix_socket));
  }
  auto server = std::make_unique<Server>(options, tcp.port, grpc.port);
  std::vector<std::unique_ptr<EpollLoop>> loops;
  for (int i = 0; i < threads; ++i) {
    loops.push_back(std::make_unique<EpollLoop>(static_cast<uint32_t>(i), options.limits, server->clock, server->shared));
    loops.back()->AddListener(tcp.sockets[static_cast<size_t>(i)].release(), false, Speaks::kDetect);
    if (!grpc.sockets.empty()) loops.back()->AddListener(grpc.sockets[static_cast<size_t>(i)].release(), false, Speaks::kGrpc);
    if (unix_socket.get() < 0) continue;
    UniqueFd own(::fcntl(unix_socket.get(), F_DUPFD_CLOEXEC, 0));
    if (own.get() < 0) return absl::ResourceExhaustedError("no descriptor left for the Unix socket's listener");
    loops.back()->AddListener(own.release(), true, Speaks::kDetect);
  }
  server->Run(std::move(loops), std::move(make_handler));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace vigil::net
