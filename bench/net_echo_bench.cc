// Our HTTP echo against a raw epoll echo on the same machine, in one run: a 273-byte JSON POST answered with 62 bytes over kept
// connections, the server's thread pinned to CPU 0, the client to CPU 1, rounds interleaved. The raw server does the least that can
// answer at all (find the head's end, read Content-Length, send a constant), so the ratio is what HTTP done properly costs.
//
//   net_echo_bench [rounds] [milliseconds a round] [connections]
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "net/listen_socket.h"
#include "net/load_client.h"
#include "net/server.h"

namespace vigil::net {
namespace {

constexpr size_t kRequestBytes = 273;
constexpr std::string_view kAnswer = "{\"model\":\"fraud\",\"version\":\"3\",\"predictions\":[0.031250000000]}";
static_assert(kAnswer.size() == 62);

void PinTo(int cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  if (::sched_setaffinity(0, sizeof cpus, &cpus) != 0) std::fprintf(stderr, "cannot pin to CPU %d: figures are noisier\n", cpu);
}

// CPU time of another thread: steadier than throughput on a shared machine.
clockid_t OwnCpuClock() {
  clockid_t clock{};
  ::pthread_getcpuclockid(::pthread_self(), &clock);
  return clock;
}

double CpuSeconds(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

class EchoHandler final : public HttpHandler {
 public:
  void OnRequest(const HttpRequest&, Exchange& exchange) override { exchange.Send(200, "application/json", kAnswer); }
  std::string ErrorBody(int, std::string_view reason, std::string_view) override { return std::string(reason); }
  std::string ErrorRequestId(std::string_view) override { return {}; }
};

// The reference: one thread, epoll, one read and one write a request.
class RawEcho {
 public:
  RawEcho() {
    auto listeners = ListenTcp("127.0.0.1", 0, 1);
    if (!listeners.ok()) std::abort();
    port_ = listeners->port;
    listener_ = std::move(listeners->sockets[0]);
    answer_ = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 62\r\n\r\n" + std::string(kAnswer);
    thread_ = std::thread([this] { Run(); });
  }
  ~RawEcho() {
    stop_ = true;
    thread_.join();
  }
  int port() const { return port_; }
  clockid_t cpu_clock() {
    clockid_t clock{};
    ::pthread_getcpuclockid(thread_.native_handle(), &clock);
    return clock;
  }

 private:
  void Run() {
    PinTo(0);
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    Watch(epoll, listener_.get());
    epoll_event events[512];
    while (!stop_) {
      const int n = ::epoll_wait(epoll, events, 512, 50);
      for (int i = 0; i < n; ++i) {
        if (events[i].data.fd != listener_.get()) {
          Answer(events[i].data.fd);
          continue;
        }
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) continue;
        Watch(epoll, fd);
      }
    }
    ::close(epoll);
  }
  static void Watch(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
  void Answer(int fd) {
    const ssize_t n = ::recv(fd, buffer_, sizeof buffer_, 0);
    if (n <= 0) {
      if (n == 0 || errno != EAGAIN) ::close(fd);
      return;
    }
    const std::string_view bytes(buffer_, static_cast<size_t>(n));
    const size_t head = bytes.find("\r\n\r\n");
    const size_t length = bytes.find("Content-Length: ");
    size_t body = 0;
    if (length != std::string_view::npos) std::from_chars(bytes.data() + length + 16, bytes.data() + n, body);
    if (head == std::string_view::npos || bytes.size() != head + 4 + body) std::abort();
    [[maybe_unused]] const ssize_t sent = ::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL);
  }

  UniqueFd listener_;
  int port_ = 0;
  std::string answer_;
  std::atomic<bool> stop_{false};
  char buffer_[16 << 10];
  std::thread thread_;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Series {
  std::vector<double> requests_per_s, p50_us, p99_us, cpu_us;
};

LoadResult Measure(const LoadOptions& base, int port, const std::string& unix_socket, clockid_t server_cpu, Series& series) {
  LoadOptions options = base;
  options.port = port;
  options.unix_socket = unix_socket;
  const double cpu = CpuSeconds(server_cpu);
  auto result = RunLoad(options);
  if (!result.ok() || result->errors != 0) {
    std::fprintf(stderr, "load failed: %s, %lld errors\n", result.status().ToString().c_str(),
                 result.ok() ? static_cast<long long>(result->errors) : 0LL);
    std::exit(1);
  }
  series.requests_per_s.push_back(result->requests_per_s);
  series.p50_us.push_back(result->p50_us);
  series.p99_us.push_back(result->p99_us);
  series.cpu_us.push_back((CpuSeconds(server_cpu) - cpu) * 1e6 / static_cast<double>(result->answered));
  return *result;
}

void Print(const char* name, const Series& s, double base) {
  std::printf("%-26s %9.0f req/s   ratio %6.3f   server CPU %5.2f us   p50 %6.0f us   p99 %6.0f us\n", name, Median(s.requests_per_s),
              Median(s.requests_per_s) / base, Median(s.cpu_us), Median(s.p50_us), Median(s.p99_us));
}

int Main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
  LoadOptions load;
  load.duration_ms = argc > 2 ? std::atoi(argv[2]) : 400;
  load.connections = argc > 3 ? std::atoi(argv[3]) : 64;
  load.target = "/invocations";
  std::string body = "{\"inputs\":[[";
  while (body.size() < kRequestBytes - 3) body += body.size() % 9 == 0 ? ',' : static_cast<char>('0' + body.size() % 10);
  load.bodies = {body + "]]}"};

  RawEcho raw;
  ServerOptions options;
  options.port = 0;
  options.threads = 1;
  options.unix_socket = "/tmp/vigil-net-echo-bench." + std::to_string(::getpid()) + ".sock";
  clockid_t cpu{};
  auto server = HttpServer::Start(options, [&cpu](EventLoop&) {
    PinTo(0);
    cpu = OwnCpuClock();
    return std::make_unique<EchoHandler>();
  });
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  PinTo(1);
  Series raw_series, ours, pipelined, over_unix;
  std::vector<double> ratios, cpu_ratios;
  for (int round = -1; round < rounds; ++round) {
    if (round == 0) raw_series = ours = pipelined = over_unix = {};  // the first was a warm-up
    const double base = Measure(load, raw.port(), "", raw.cpu_clock(), raw_series).requests_per_s;
    const double http = Measure(load, (*server)->port(), "", cpu, ours).requests_per_s;
    if (round >= 0) {
      ratios.push_back(http / base);
      cpu_ratios.push_back(raw_series.cpu_us.back() / ours.cpu_us.back());
    }
    LoadOptions sixteen = load;
    sixteen.pipeline = 16;
    sixteen.duration_ms = load.duration_ms / 4;
    Measure(sixteen, (*server)->port(), "", cpu, pipelined);
    LoadOptions shorter = load;
    shorter.duration_ms = load.duration_ms / 2;
    Measure(shorter, 0, options.unix_socket, cpu, over_unix);
  }
  const double base = Median(raw_series.requests_per_s);
  std::printf("%zu-byte POST, %zu-byte answer, %d kept connections, %d rounds\n", load.bodies[0].size(), kAnswer.size(), load.connections,
              rounds);
  Print("raw epoll echo", raw_series, base);
  Print("vigil echo", ours, base);
  Print("vigil echo, 16 pipelined", pipelined, base);
  Print("vigil echo, Unix socket", over_unix, base);
  std::printf("echo against raw epoll, median of the rounds' ratios: %.3f by throughput (target 0.85), %.3f by server CPU\n",
              Median(ratios), Median(cpu_ratios));
  return 0;
}

}  // namespace
}  // namespace vigil::net

int main(int argc, char** argv) { return vigil::net::Main(argc, argv); }
