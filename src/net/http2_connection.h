// HTTP/2 on one connection: nghttp2 keeps the session (framing, HPACK, flow control); this gives its streams to the handler, as requests
// that are whole or as gRPC calls, and sends what they answer. Bounds what a client can make us keep: streams, heads, bodies, unsent
// answers, answers still being made, and frames that only an attacker sends. Knows no socket.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include "net/connection.h"
#include "net/http2_stream.h"

struct nghttp2_session;
struct nghttp2_session_callbacks;

namespace vigil::net {

inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Error codes of RFC 9113, 7.
enum class Http2Error : uint32_t { kNone = 0, kProtocol = 1, kInternal = 2, kRefusedStream = 7, kCancel = 8, kEnhanceYourCalm = 11 };

class Http2Connection final : public Protocol {
 public:
  // `grpc_only`: other requests are refused with 415.
  Http2Connection(ProtocolHost& host, LoopContext& context, bool grpc_only);
  ~Http2Connection() override;

  void OnInput(InputBuffer& input) override;
  bool wants_input() const override { return !stopped_; }
  bool FillOutput() override;
  void OnInputEnd() override;
  void OnOutputSent() override;
  void OnDrain() override;
  void OnTick() override;

  // For answers. All do nothing once the stream is closed.
  // The head, and with `last` the end; `length`: of a body to come, -1 unknown. Names need not be in lower case.
  void SendHead(Http2Stream& stream, int status, std::string_view content_type, std::initializer_list<ReplyHeader> headers, int64_t length,
                bool last);
  void SendGrpcHead(Http2Stream& stream, std::initializer_list<ReplyHeader> metadata);
  // A head that is also the end: only the status.
  void SendGrpcStatus(Http2Stream& stream, std::initializer_list<ReplyHeader> metadata);
  // Room for `size` bytes of body, then their number.
  void SendBody(Http2Stream& stream, std::string_view first, std::string_view second = {});
  void EndBody(Http2Stream& stream);
  void Reset(Http2Stream& stream, Http2Error error);
  // A whole answer.
  void Answer(Http2Stream& stream, int status, std::string_view content_type, std::string_view body,
              std::initializer_list<ReplyHeader> headers);
  void Refuse(Http2Stream& stream, int status, std::string_view reason);
  // A deferred answer is out, or was dropped.
  void Hold(Http2Stream& stream);
  void Unhold(Http2Stream& stream);
  // `n` bytes of the body were handed over and are dropped.
  void DropInput(Http2Stream& stream, size_t n);
  // Grants the client what was received of a stream and withheld.
  void Grant(Http2Stream& stream);

  LoopContext& context() { return context_; }
  ProtocolHost& host() { return host_; }
  const std::shared_ptr<Http2StreamPool>& pool() const { return pool_; }

 private:
  friend struct Http2Callbacks;  // what nghttp2 calls

  Http2Stream* Open(int32_t id);
  void AddHeader(Http2Stream& stream, std::string_view name, std::string_view value);
  void HeadComplete(Http2Stream& stream);
  void MakeRequest(Http2Stream& stream);
  void AddData(Http2Stream& stream, std::string_view bytes);
  void Closed(Http2Stream& stream);
  void Release(Http2Stream& stream);
  void Enqueue(Http2Stream& stream);
  void Dispatch();
  void Handle(Http2Stream& stream);
  bool Paused() const;
  bool OverBudget(const Http2Stream& stream) const;
  void Account(Http2Stream& stream);
  void Charge();
  void CountControlFrame();
  void GiveUp(Http2Error error);
  void CheckStream(Http2Stream& stream);
  void CheckPing();
  void FinishDrain();
  void CloseIfOver();

  ProtocolHost& host_;
  LoopContext& context_;
  const std::shared_ptr<Http2StreamPool> pool_;
  const std::shared_ptr<InputBudget> budget_;
  const bool grpc_only_;
  nghttp2_session* session_ = nullptr;
  std::vector<Http2Stream*> streams_;  // all that it owns, closed ones that are held too
  std::vector<Http2Stream*> ready_;    // to be looked at, in order; before ready_at_: done
  size_t ready_at_ = 0;
  size_t open_ = 0;
  size_t held_ = 0;
  size_t input_bytes_ = 0;     // heads and bodies of open streams
  int64_t charged_bytes_ = 0;  // of these, known to the budget
  size_t output_bytes_ = 0;    // of answers, not yet given to the host
  int64_t active_ns_;          // when a stream was last open
  int64_t heard_ns_;           // when bytes last came
  int64_t pinged_ns_ = 0;      // 0: no answer is awaited
  int64_t allowance_ns_;       // when control_frames_ was last reduced
  int64_t control_frames_ = 0;
  bool in_session_ = false;  // nghttp2 is on the stack
  bool stopped_ = false;
  bool over_ = false;  // the host was told to close
  bool draining_ = false;
  bool goaway_sent_ = false;
};

}  // namespace vigil::net
