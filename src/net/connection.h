// One accepted socket on its loop. Three parts meet here and know nothing of each other: the transport moves bytes (a plain socket; TLS
// stands beside it), the protocol makes requests of them and answers (HTTP/1.x; HTTP/2 stands beside it), and the connection owns
// buffers, epoll interest and time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"
#include "net/input_buffer.h"
#include "net/output_buffer.h"

namespace vigil::net {

// How a connection begins. TLS will say by ALPN what cleartext shows by its first bytes.
enum class Speaks : uint8_t {
  kDetect,  // HTTP/2 if the first bytes are its preface, else HTTP/1.x
  kGrpc,    // HTTP/2 that carries gRPC alone
};

// Moves bytes. Read and Write return what they moved, 0 at the end of input, or a negative errno (-EAGAIN: not now).
class Transport {
 public:
  virtual ~Transport() = default;
  virtual ssize_t Read(char* to, size_t size) = 0;
  virtual ssize_t Write(std::string_view bytes) = 0;
  virtual void ShutdownWrite() = 0;
};

// A connected non-blocking socket, which it does not own.
std::unique_ptr<Transport> MakeSocketTransport(int fd);

struct LoopCounters;
class Http2StreamPool;

// What every connection of a loop shares.
struct LoopContext {
  HttpLimits limits;
  HttpHandler* handler = nullptr;
  int64_t now_ns = 0;     // monotonic, read once a turn
  std::string date_line;  // "Date: ...\r\n", renewed each second
  bool draining = false;
  bool answered = false;  // in this turn: the turn hooks must run before anything is sent
  LoopCounters* counters = nullptr;
  std::shared_ptr<InputBudget> input_budget;  // of all loops
  std::shared_ptr<Http2StreamPool> streams;   // made by the first HTTP/2 connection
};

// What a protocol asks of the connection that carries it.
class ProtocolHost {
 public:
  virtual ~ProtocolHost() = default;
  virtual OutputBuffer& output() = 0;
  // Something was appended to output(): send it at the end of this turn.
  virtual void OutputReady() = 0;
  // Calls Protocol::OnInput again later in this turn or in the next, with what was left.
  virtual void ResumeInput() = 0;
  // No more input is wanted; close once output() is sent. `linger`: the peer may still be sending, so half-close and discard for a
  // while, else a reset would destroy the last answer on its way.
  virtual void CloseAfterOutput(bool linger) = 0;
  // Closes now, unsent output is lost.
  virtual void Abort() = 0;
  // The other end as text: "127.0.0.1:4711", "[::1]:4711", "unix". Asks the kernel each time.
  virtual std::string PeerName() const = 0;
};

class Protocol {
 public:
  virtual ~Protocol() = default;
  // New bytes wait in `input`, or ResumeInput was asked for. Consumes what it can; what it leaves is offered again.
  virtual void OnInput(InputBuffer& input) = 0;
  // False: leave further bytes in the kernel for now.
  virtual bool wants_input() const = 0;
  // The peer sends no more; it may still read.
  virtual void OnInputEnd() = 0;
  // Output is about to be sent: a protocol that makes its bytes no sooner appends them now. True: there would be more at once.
  virtual bool FillOutput() { return false; }
  // All output is sent.
  virtual void OnOutputSent() = 0;
  // The server drains: finish what has begun, then close. Called once.
  virtual void OnDrain() = 0;
  // Often enough to keep timeouts (a quarter of the shortest).
  virtual void OnTick() = 0;
};

class EpollLoop;

// What epoll wakes.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void OnEvents(uint32_t events) = 0;
};

class Connection final : public ProtocolHost, public EventSink {
 public:
  // Takes `fd`. The loop deletes the connection at the end of the turn in which it closed.
  Connection(int fd, EpollLoop& loop, LoopContext& context, Speaks speaks);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // From the loop.
  void OnEvents(uint32_t events) override;
  void Flush();
  void Resume();
  void OnTick();
  void OnDrain();
  void Close();
  bool closed() const { return closed_; }
  int fd() const { return fd_; }

  // ProtocolHost.
  OutputBuffer& output() override { return output_; }
  void OutputReady() override;
  void ResumeInput() override;
  void CloseAfterOutput(bool linger) override;
  void Abort() override { Close(); }
  std::string PeerName() const override;

  uint32_t registered_events = 0;  // what epoll was last told; the loop's
  size_t index = 0;                // in the loop's table; the loop's

 private:
  void ReadInput();
  bool ReadOnce();
  bool ChooseProtocol();
  void Discard();
  void FinishOutput();
  void UpdateInterest();

  const int fd_;
  EpollLoop& loop_;
  LoopContext& context_;
  std::unique_ptr<Transport> transport_;
  InputBuffer input_;
  OutputBuffer output_;
  std::unique_ptr<Protocol> protocol_;  // HTTP/1.x until the first bytes say otherwise
  bool detecting_;                      // they have not come yet
  int64_t detecting_since_ns_ = 0;      // since some, but too few, came
  int64_t write_progress_ns_ = 0;       // since when output waits without progress
  int64_t linger_until_ns_ = 0;
  bool flush_queued_ = false;
  bool resume_queued_ = false;
  bool blocked_ = false;  // the socket takes no more for now
  bool input_ended_ = false;
  bool closing_ = false;  // close once output_ is sent
  bool linger_ = false;
  bool lingering_ = false;  // half-closed, discarding
  bool closed_ = false;
};

}  // namespace vigil::net
