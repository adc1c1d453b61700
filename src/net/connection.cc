#include "net/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

#include "net/epoll_loop.h"
#include "net/http1_connection.h"
#include "net/http2_connection.h"
#include "net/loop_counters.h"

namespace vigil::net {
namespace {

constexpr int kReadsPerTurn = 16;  // one fast sender does not starve the others
constexpr int64_t kLingerNs = 2'000'000'000;

class SocketTransport final : public Transport {
 public:
  explicit SocketTransport(int fd) : fd_(fd) {}
  ssize_t Read(char* to, size_t size) override {
    ssize_t n;
    do n = ::recv(fd_, to, size, 0);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
  }
  ssize_t Write(std::string_view bytes) override {
    ssize_t n;
    do n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
  }
  void ShutdownWrite() override { ::shutdown(fd_, SHUT_WR); }

 private:
  const int fd_;
};

}  // namespace

std::unique_ptr<Transport> MakeSocketTransport(int fd) { return std::make_unique<SocketTransport>(fd); }

Connection::Connection(int fd, EpollLoop& loop, LoopContext& context, Speaks speaks)
    : fd_(fd),
      loop_(loop),
      context_(context),
      transport_(MakeSocketTransport(fd)),
      input_(context.input_budget),
      detecting_(speaks == Speaks::kDetect) {
  if (speaks == Speaks::kGrpc) {
    protocol_ = std::make_unique<Http2Connection>(*this, context, true);
  } else {
    protocol_ = std::make_unique<Http1Connection>(*this, context);
  }
}

Connection::~Connection() {
  if (!closed_) ::close(fd_);
}

void Connection::OnEvents(uint32_t events) {
  if (closed_) return;
  if (lingering_) {
    Discard();
    return;
  }
  if ((events & EPOLLOUT) != 0) {
    blocked_ = false;
    Flush();
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) ReadInput();
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) Close();
}

void Connection::ReadInput() {
  for (int reads = 0; reads < kReadsPerTurn; ++reads) {
    if (closed_ || closing_ || input_ended_ || blocked_ || !protocol_->wants_input()) break;
    if (!ReadOnce()) break;
  }
  UpdateInterest();
}

// True when there is probably more.
bool Connection::ReadOnce() {
  const bool borrowed = input_.empty();
  if (borrowed) input_.Borrow(loop_.scratch());
  const std::span<char> room = input_.Prepare();
  const ssize_t n = transport_->Read(room.data(), room.size());
  if (n > 0) {
    context_.counters->bytes_in.Add(n);
    input_.Commit(static_cast<size_t>(n));
    if (!detecting_ || ChooseProtocol()) protocol_->OnInput(input_);
  }
  if (borrowed) {
    input_.GiveBack(loop_.scratch());
  } else {
    input_.ReleaseIfEmpty();
  }
  if (n == 0) {
    input_ended_ = true;
    protocol_->OnInputEnd();
  } else if (n < 0 && n != -EAGAIN) {
    Close();
  }
  return n > 0 && static_cast<size_t>(n) == room.size();
}

// False while the bytes may still become either.
bool Connection::ChooseProtocol() {
  const std::string_view bytes(input_.data(), input_.size());
  if (bytes.size() < kHttp2Preface.size() && kHttp2Preface.starts_with(bytes)) {
    if (detecting_since_ns_ == 0) detecting_since_ns_ = context_.now_ns;
    return false;
  }
  detecting_ = false;
  if (bytes.starts_with(kHttp2Preface)) protocol_ = std::make_unique<Http2Connection>(*this, context_, false);
  return true;
}

std::string Connection::PeerName() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "gone";
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return absl::StrCat(text, ":", ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return absl::StrCat("[", text, "]:", ntohs(v6.sin6_port));
  }
  return "unix";
}

// Half-closed: whatever still comes is thrown away until the peer closes or its time is up.
void Connection::Discard() {
  for (int reads = 0; reads < kReadsPerTurn; ++reads) {
    input_.Truncate(0);
    input_.ReleaseIfEmpty();
    input_.Borrow(loop_.scratch());
    const std::span<char> room = input_.Prepare();
    const ssize_t n = transport_->Read(room.data(), room.size());
    input_.GiveBack(loop_.scratch());
    if (n == -EAGAIN) return;
    if (n <= 0) {
      Close();
      return;
    }
  }
}

void Connection::Flush() {
  flush_queued_ = false;
  if (closed_ || lingering_) return;
  const bool more = !blocked_ && protocol_->FillOutput();
  if (closed_) return;
  if (!output_.empty() && !blocked_) {
    const std::string_view pending = output_.pending();
    const ssize_t n = transport_->Write(pending);
    if (n < 0 && n != -EAGAIN) {
      Close();
      return;
    }
    write_progress_ns_ = context_.now_ns;
    if (n > 0) {
      context_.counters->bytes_out.Add(n);
      output_.Drop(static_cast<size_t>(n));
    }
    blocked_ = !output_.empty();
  }
  if (output_.empty()) FinishOutput();
  if (more && !blocked_) OutputReady();  // in the next turn: others are waiting too
  if (!closed_) UpdateInterest();
}

void Connection::FinishOutput() {
  if (!closing_) {
    protocol_->OnOutputSent();
    return;
  }
  if (!linger_ || input_ended_) {
    Close();
    return;
  }
  transport_->ShutdownWrite();
  lingering_ = true;
  linger_until_ns_ = context_.now_ns + kLingerNs;
  Discard();
}

void Connection::Resume() {
  resume_queued_ = false;
  if (closed_ || closing_) return;
  protocol_->OnInput(input_);
  input_.ReleaseIfEmpty();
  if (!closed_) UpdateInterest();
}

void Connection::OnTick() {
  if (closed_) return;
  if (lingering_) {
    if (context_.now_ns >= linger_until_ns_) Close();
    return;
  }
  if (blocked_ && context_.now_ns - write_progress_ns_ >= context_.limits.write_timeout_ms * 1'000'000) {
    context_.counters->timeouts.Add(1);
    Close();
    return;
  }
  if (detecting_since_ns_ != 0 && detecting_ && context_.now_ns - detecting_since_ns_ >= context_.limits.header_timeout_ms * 1'000'000) {
    context_.counters->timeouts.Add(1);
    Close();
    return;
  }
  protocol_->OnTick();
}

void Connection::OnDrain() {
  if (closed_) return;
  if (lingering_) {
    Close();
    return;
  }
  ReadInput();  // a request already here is answered rather than reset
  if (!closed_) protocol_->OnDrain();
}

void Connection::OutputReady() {
  if (flush_queued_ || closed_) return;
  flush_queued_ = true;
  loop_.QueueFlush(*this);
}

void Connection::ResumeInput() {
  if (resume_queued_ || closed_) return;
  resume_queued_ = true;
  loop_.QueueResume(*this);
}

void Connection::CloseAfterOutput(bool linger) {
  closing_ = true;
  linger_ = linger;
  OutputReady();
}

void Connection::UpdateInterest() {
  if (closed_ || (closing_ && flush_queued_)) return;  // the flush decides, and usually closes
  uint32_t events = blocked_ ? EPOLLOUT : 0u;
  if (lingering_ || (!input_ended_ && !closing_ && !blocked_ && protocol_->wants_input())) events |= EPOLLIN;
  if (events != registered_events) loop_.SetInterest(*this, events);
}

void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  // Closing alone does not take it off the epoll set while a process that is just being started still holds a copy of the descriptor.
  loop_.Forget(fd_);
  ::close(fd_);
  output_.Clear();
  loop_.Bury(*this);
}

}  // namespace vigil::net
