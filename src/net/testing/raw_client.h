// A blocking client that sends exactly the bytes it is told to, for tests of what a polite client never does.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "net/ascii.h"

namespace vigil::net::testing {

struct RawResponse {
  int status = 0;                              // 0: the peer closed or said nothing in time
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  // `name` in lower case; empty when absent.
  std::string header(const std::string& name) const { return headers.count(name) > 0 ? headers.at(name) : ""; }
};

class RawClient {
 public:
  explicit RawClient(int port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  explicit RawClient(const std::string& unix_path) {
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, unix_path.data(), std::min(unix_path.size(), sizeof address.sun_path - 1));
    Connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  ~RawClient() { Close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void FinishSending() { ::shutdown(fd_, SHUT_WR); }
  void SetTimeoutMs(int64_t ms) {
    timeval t{.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
  }

  // False when the peer took no more.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  // The next answer; an interim 100 is one of its own. `head_only`: the answer to HEAD.
  RawResponse Receive(bool head_only = false) {
    RawResponse response;
    size_t head_end;
    while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!More()) return response;
    }
    const std::string head = buffer_.substr(0, head_end);
    buffer_.erase(0, head_end + 4);
    response.status = std::atoi(head.substr(std::min<size_t>(head.size(), 9), 3).c_str());
    for (size_t at = head.find("\r\n"); at != std::string::npos;) {
      const size_t end = head.find("\r\n", at + 2);
      std::string name = head.substr(at + 2, end == std::string::npos ? end : end - at - 2);
      const size_t colon = name.find(": ");
      const std::string value = colon == std::string::npos ? "" : name.substr(colon + 2);
      name.resize(std::min(colon, name.size()));
      std::transform(name.begin(), name.end(), name.begin(), &AsciiLower);
      response.headers[name] = value;
      at = end;
    }
    if (head_only || response.status < 200 || response.status == 204 || response.status == 304) return response;
    if (response.headers.count("transfer-encoding") > 0) {
      ReceiveChunks(response);
    } else if (const auto length = response.headers.find("content-length"); length != response.headers.end()) {
      response.body = Take(std::strtoull(length->second.c_str(), nullptr, 10));
    } else {
      while (More()) {
      }
      response.body = std::move(buffer_);
      buffer_.clear();
    }
    return response;
  }

  // True when the peer has closed and nothing is left to read.
  bool Closed() { return buffer_.empty() && !More() && ended_; }
  const std::string& unread() const { return buffer_; }

 private:
  void Connect(const sockaddr* address, socklen_t size) {
    connected_ = ::connect(fd_, address, size) == 0;
    SetTimeoutMs(5'000);
  }
  bool More() {
    char bytes[65536];
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) ended_ = true;
    if (n <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(n));
    return true;
  }
  std::string Take(size_t size) {
    while (buffer_.size() < size && More()) {
    }
    std::string bytes = buffer_.substr(0, size);
    buffer_.erase(0, bytes.size());
    return bytes;
  }
  void ReceiveChunks(RawResponse& response) {
    for (;;) {
      size_t end;
      while ((end = buffer_.find("\r\n")) == std::string::npos) {
        if (!More()) {
          response.status = 0;  // cut off
          return;
        }
      }
      const size_t size = std::stoul(buffer_.substr(0, end), nullptr, 16);
      buffer_.erase(0, end + 2);
      response.body += Take(size);
      Take(2);
      if (size == 0) return;
    }
  }

  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  std::string buffer_;
};

}  // namespace vigil::net::testing
