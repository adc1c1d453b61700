// Listening sockets, TCP and Unix.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

struct addrinfo;

namespace vigil::net {

// A descriptor with one owner.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { Reset(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  void Reset();
  int fd_ = -1;
};

struct TcpListeners {
  std::vector<UniqueFd> sockets;
  int port = 0;
};

// `count` sockets that listen on one port and share its connections (SO_REUSEPORT). Port 0 takes a free one. A port on which another
// process listens is ALREADY_EXISTS, even if that one would share too.
// A name with several addresses (localhost is often ::1 and 127.0.0.1) listens on the first that this machine has.
StatusOr<TcpListeners> ListenTcp(const std::string& host, int port, int count);
// The same for addresses that are known. `what` names them in errors.
StatusOr<TcpListeners> ListenOnFirst(const addrinfo* candidates, int port, int count, const std::string& what);

// Replaces a socket file that nobody listens on. ALREADY_EXISTS: somebody does, or the path is something else.
StatusOr<UniqueFd> ListenUnix(const std::string& path);

}  // namespace vigil::net
