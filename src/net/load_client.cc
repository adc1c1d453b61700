#include "net/load_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "net/ascii.h"
#include "net/listen_socket.h"

namespace vigil::net {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kErrorBytesMax = 300;
constexpr size_t kLatenciesMax = 4 << 20;  // beyond it new ones replace old ones in turn

struct Client {
  UniqueFd fd;
  std::string unsent;
  std::string received;          // an answer not yet whole
  std::vector<int64_t> sent_ns;  // of requests in flight, oldest first
};

StatusOr<UniqueFd> Connect(const LoadOptions& options) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (!options.unix_socket.empty()) {
    auto* address = reinterpret_cast<sockaddr_un*>(&storage);
    address->sun_family = AF_UNIX;
    if (options.unix_socket.size() >= sizeof address->sun_path) return absl::InvalidArgumentError("the socket's path is too long");
    std::memcpy(address->sun_path, options.unix_socket.data(), options.unix_socket.size());
    size = sizeof *address;
  } else {
    auto* address = reinterpret_cast<sockaddr_in*>(&storage);
    address->sin_family = AF_INET;
    address->sin_port = htons(static_cast<uint16_t>(options.port));
    if (::inet_pton(AF_INET, options.host.c_str(), &address->sin_addr) != 1) {
      return absl::InvalidArgumentError(absl::StrCat("'", options.host, "' is not an IPv4 address"));
    }
    size = sizeof *address;
  }
  UniqueFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0 || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot connect to ", options.unix_socket.empty() ? options.host : options.unix_socket, ": ", std::strerror(errno)));
  }
  const int on = 1;
  if (storage.ss_family == AF_INET) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  return fd;
}

std::vector<std::string> BuildRequests(const LoadOptions& options) {
  std::string common =
      absl::StrCat(" ", options.target, " HTTP/1.1\r\nHost: ", options.unix_socket.empty() ? options.host : "localhost", "\r\n");
  for (const std::string& line : options.headers) absl::StrAppend(&common, line, "\r\n");
  std::vector<std::string> requests;
  if (options.bodies.empty()) requests.push_back(absl::StrCat("GET", common, "\r\n"));
  for (const std::string& body : options.bodies) {
    requests.push_back(
        absl::StrCat("POST", common, "Content-Type: ", options.content_type, "\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  }
  return requests;
}

// An answer's extent; `size` 0 while its head is not whole, SIZE_MAX when it cannot be framed (the load client asks for no streams).
struct Answer {
  int status = 0;
  size_t head = 0;
  size_t size = 0;
};

Answer ParseAnswer(std::string_view bytes) {
  Answer answer;
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return answer;
  answer.head = end + 4;
  answer.size = SIZE_MAX;
  if (end < 12) return answer;
  std::from_chars(bytes.data() + 9, bytes.data() + 12, answer.status);
  constexpr std::string_view kLength = "content-length:";
  for (size_t line = bytes.find("\r\n"); line < end; line = bytes.find("\r\n", line + 2)) {
    const char first = bytes[line + 2];
    if ((first != 'C' && first != 'c') || !EqualsIgnoreCase(bytes.substr(line + 2, kLength.size()), kLength)) continue;
    const char* at = bytes.data() + line + 2 + kLength.size();
    while (*at == ' ') ++at;
    size_t length = 0;
    std::from_chars(at, bytes.data() + end, length);
    answer.size = answer.head + length;
    return answer;
  }
  if (answer.status == 204 || answer.status == 304) answer.size = answer.head;
  return answer;
}

constexpr int64_t kSpinNs = 50'000;

class Load {
 public:
  explicit Load(const LoadOptions& options) : options_(options), requests_(BuildRequests(options)), buffer_(kReadBytes) {}

  StatusOr<LoadResult> Run() {
    epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
    for (int i = 0; i < options_.connections; ++i) {
      VIGIL_ASSIGN_OR_RETURN(UniqueFd fd, Connect(options_));
      auto client = std::make_unique<Client>();
      client->fd = std::move(fd);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = client.get();
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, client->fd.get(), &event);
      clients_.push_back(std::move(client));
    }
    const int64_t start = clock_.MonotonicNs();
    now_ = last_progress_ = start;
    const int64_t deadline = start + options_.duration_ms * 1'000'000;
    for (auto& client : clients_) Fill(*client);
    while (in_flight_ > 0 && now_ - last_progress_ < options_.stall_timeout_ms * 1'000'000) {
      epoll_event events[256];
      const int n = Wait(events, 256);
      if (now_ >= deadline) stopping_ = true;
      for (int i = 0; i < n; ++i) OnEvent(*static_cast<Client*>(events[i].data.ptr), events[i].events);
    }
    return Finish(start);
  }

 private:
  bool MayStart() const { return !stopping_ && (options_.requests == 0 || started_ < options_.requests); }

  // Looks again and again for a while before it sleeps: waking a sleeper is work, and it would be the server that is measured who does it.
  int Wait(epoll_event* events, int max) {
    const int64_t patience = now_ + kSpinNs;
    int n = 0;
    do {
      n = ::epoll_wait(epoll_.get(), events, max, 0);
      now_ = clock_.MonotonicNs();
    } while (n == 0 && now_ < patience);
    if (n != 0) return n;
    n = ::epoll_wait(epoll_.get(), events, max, 100);
    now_ = clock_.MonotonicNs();
    return n;
  }

  // Keeps `pipeline` requests in flight.
  void Fill(Client& client) {
    while (client.sent_ns.size() < static_cast<size_t>(options_.pipeline) && MayStart()) {
      client.unsent += requests_[static_cast<size_t>(started_++) % requests_.size()];
      client.sent_ns.push_back(now_);
      ++in_flight_;
    }
    SendPending(client);
  }

  void SendPending(Client& client) {
    if (client.unsent.empty()) return;
    const ssize_t n = ::send(client.fd.get(), client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
      Break(client);
      return;
    }
    client.unsent.erase(0, n > 0 ? static_cast<size_t>(n) : 0);
    if (client.unsent.empty()) return;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT;
    event.data.ptr = &client;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.fd.get(), &event);
  }

  void OnEvent(Client& client, uint32_t events) {
    if (client.fd.get() < 0) return;
    if ((events & EPOLLOUT) != 0) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &client;
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.fd.get(), &event);
      SendPending(client);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 || client.fd.get() < 0) return;
    const ssize_t n = ::recv(client.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      Break(client);
      return;
    }
    last_progress_ = now_;
    std::string_view bytes(buffer_.data(), static_cast<size_t>(n));
    if (!client.received.empty()) {
      client.received.append(bytes);
      bytes = client.received;
    }
    const size_t used = TakeAnswers(client, bytes);
    if (client.fd.get() < 0) return;
    if (client.received.empty()) {
      client.received.assign(bytes.substr(used));
    } else {
      client.received.erase(0, used);
    }
    Fill(client);
  }

  size_t TakeAnswers(Client& client, std::string_view bytes) {
    size_t used = 0;
    size_t answers = 0;
    while (used < bytes.size()) {
      const Answer answer = ParseAnswer(bytes.substr(used));
      if (answer.size == SIZE_MAX || (answer.size != 0 && answers >= client.sent_ns.size())) {
        Break(client);
        return used;
      }
      if (answer.size == 0 || bytes.size() - used < answer.size) break;
      Count(answer, bytes.substr(used + answer.head, answer.size - answer.head), now_ - client.sent_ns[answers]);
      ++answers;
      used += answer.size;
    }
    client.sent_ns.erase(client.sent_ns.begin(), client.sent_ns.begin() + static_cast<std::ptrdiff_t>(answers));
    in_flight_ -= static_cast<int64_t>(answers);
    return used;
  }

  void Count(const Answer& answer, std::string_view body, int64_t latency_ns) {
    const auto latency = static_cast<uint32_t>(std::min<int64_t>(latency_ns, UINT32_MAX));
    if (latencies_.size() < kLatenciesMax) {
      latencies_.push_back(latency);
    } else {
      latencies_[static_cast<size_t>(result_.answered) % kLatenciesMax] = latency;
    }
    ++result_.answered;
    if (answer.status >= 200 && answer.status < 300) return;
    if (result_.first_error_status == 0) {
      result_.first_error_status = answer.status;
      result_.first_error = std::string(body.substr(0, kErrorBytesMax));
    }
    ++result_.errors;
  }

  void Break(Client& client) {
    result_.errors += static_cast<int64_t>(client.sent_ns.size());
    in_flight_ -= static_cast<int64_t>(client.sent_ns.size());
    client.sent_ns.clear();
    client.fd = UniqueFd();
  }

  LoadResult Finish(int64_t start) {
    result_.errors += in_flight_;
    result_.seconds = static_cast<double>(now_ - start) / 1e9;
    result_.requests_per_s = result_.seconds > 0 ? static_cast<double>(result_.answered) / result_.seconds : 0;
    result_.p50_us = Quantile(0.50);
    result_.p99_us = Quantile(0.99);
    result_.max_us = Quantile(1.0);
    return result_;
  }

  double Quantile(double q) {
    if (latencies_.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(latencies_.size() - 1));
    std::nth_element(latencies_.begin(), latencies_.begin() + at, latencies_.end());
    return latencies_[static_cast<size_t>(at)] / 1e3;
  }

  const LoadOptions& options_;
  const std::vector<std::string> requests_;
  std::vector<char> buffer_;
  SystemClock clock_;
  UniqueFd epoll_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<uint32_t> latencies_;
  LoadResult result_;
  int64_t now_ = 0;
  int64_t last_progress_ = 0;
  int64_t started_ = 0;
  int64_t in_flight_ = 0;
  bool stopping_ = false;
};

}  // namespace

StatusOr<LoadResult> RunLoad(const LoadOptions& options) {
  if (options.connections < 1 || options.pipeline < 1)
    return absl::InvalidArgumentError("at least one connection and one request in flight");
  return Load(options).Run();
}

}  // namespace vigil::net
