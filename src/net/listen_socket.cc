#include "net/listen_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"

namespace vigil::net {
namespace {

constexpr int kBacklog = 4096;

Status SocketError(const std::string& what, int error) {
  const std::string text = absl::StrCat("cannot listen on ", what, ": ", std::strerror(error));
  switch (error) {
    case EADDRINUSE: return absl::AlreadyExistsError(absl::StrCat(text, "; another process has it: choose another, or 0 for a free port"));
    case EACCES:
    case EPERM: return absl::PermissionDeniedError(text);
    case EMFILE:
    case ENFILE: return absl::ResourceExhaustedError(text);
    default: return absl::UnavailableError(text);
  }
}

// `absent`: this machine has no such address.
StatusOr<UniqueFd> BindTcp(const sockaddr* address, socklen_t size, bool shared, const std::string& what, bool* absent) {
  UniqueFd fd(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) {
    *absent = errno == EAFNOSUPPORT;
    return SocketError(what, errno);
  }
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
  if (::bind(fd.get(), address, size) != 0) {
    *absent = errno == EADDRNOTAVAIL;
    return SocketError(what, errno);
  }
  return fd;
}

int PortOf(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
}

void SetPort(sockaddr* address, int port) {
  if (address->sa_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(static_cast<uint16_t>(port));
  } else {
    reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(static_cast<uint16_t>(port));
  }
}

StatusOr<TcpListeners> ListenOn(sockaddr* address, socklen_t size, int port, int count, const std::string& what, bool* absent) {
  SetPort(address, port);
  // SO_REUSEPORT would silently share the port with another process of the same user: ask for it alone first.
  if (port != 0) {
    VIGIL_ASSIGN_OR_RETURN(const UniqueFd alone, BindTcp(address, size, false, what, absent));
  }
  TcpListeners listeners;
  for (int i = 0; i < count; ++i) {
    VIGIL_ASSIGN_OR_RETURN(UniqueFd fd, BindTcp(address, size, true, what, absent));
    if (i == 0) {
      listeners.port = PortOf(fd.get());
      SetPort(address, listeners.port);
    }
    if (::listen(fd.get(), kBacklog) != 0) return SocketError(what, errno);
    listeners.sockets.push_back(std::move(fd));
  }
  return listeners;
}

}  // namespace

void UniqueFd::Reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

StatusOr<TcpListeners> ListenOnFirst(const addrinfo* candidates, int port, int count, const std::string& what) {
  Status refused;
  for (const addrinfo* candidate = candidates; candidate != nullptr; candidate = candidate->ai_next) {
    sockaddr_storage address{};
    std::memcpy(&address, candidate->ai_addr, candidate->ai_addrlen);
    bool absent = false;
    StatusOr<TcpListeners> listeners = ListenOn(reinterpret_cast<sockaddr*>(&address), candidate->ai_addrlen, port, count, what, &absent);
    if (listeners.ok() || !absent) return listeners;
    refused.Update(listeners.status());
  }
  return refused;
}

StatusOr<TcpListeners> ListenTcp(const std::string& host, int port, int count) {
  if (port < 0 || port > 65535) return absl::InvalidArgumentError(absl::StrCat("port ", port, " is not between 0 and 65535"));
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  std::string name = host;
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(name.empty() ? nullptr : name.c_str(), "0", &hints, &found); error != 0) {
    return absl::InvalidArgumentError(absl::StrCat("cannot resolve host '", host, "': ", ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  return ListenOnFirst(found, port, count, absl::StrCat(host, ":", port));
}

StatusOr<UniqueFd> ListenUnix(const std::string& path) {
  const std::string what = absl::StrCat("unix:", path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": the path is longer than ", sizeof address.sun_path - 1, " bytes"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return SocketError(what, errno);
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) return absl::AlreadyExistsError(absl::StrCat(what, " exists and is not a socket"));
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int connected = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (connected == 0 || errno == EAGAIN) return absl::AlreadyExistsError(absl::StrCat(what, ": another process listens there"));
    if (errno == ECONNREFUSED) ::unlink(path.c_str());
  }
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return SocketError(what, errno);
  if (::listen(fd.get(), kBacklog) != 0) return SocketError(what, errno);
  return fd;
}

}  // namespace vigil::net
