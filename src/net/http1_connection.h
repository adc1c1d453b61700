// HTTP/1.x on one connection: requests to the handler in the order they came, answers back in that same order, whenever they are ready.
// Owns the request side's timeouts. Knows no socket: bytes come as an InputBuffer, answers go to the host's OutputBuffer.
#pragma once

#include <deque>
#include <memory>

#include "net/connection.h"
#include "net/http1_parser.h"
#include "net/response_head.h"

namespace vigil::net {

class Http1Deferred;

class Http1Connection final : public Protocol {
 public:
  Http1Connection(ProtocolHost& host, LoopContext& context);
  ~Http1Connection() override;

  void OnInput(InputBuffer& input) override;
  bool wants_input() const override { return !stopped_ && !paused_; }
  void OnInputEnd() override;
  void OnOutputSent() override;
  void OnDrain() override;
  void OnTick() override;

 private:
  friend class Http1Exchange;
  friend class Http1Deferred;

  // How one request wants to be answered.
  struct AnswerTraits {
    bool keep_alive = true;
    bool head_only = false;  // HEAD
    int minor_version = 1;
  };
  // An answer that is not complete, or complete behind one that is not.
  struct Slot {
    AnswerTraits traits;
    OutputBuffer held;  // what may not be sent before the answers in front
    bool complete = false;
    bool chunked = false;  // a stream that frames itself
    bool raw = false;      // no answer: an interim response on its way
    bool close_after = false;
    Http1Deferred* handle = nullptr;
  };
  enum class Phase { kIdle, kHead, kBody };

  void HandleRequest(InputBuffer& input);
  void SendContinue();
  void Refuse(int status, std::string_view reason);
  void AnswerNow(const AnswerTraits& traits, int status, std::string_view content_type, std::string_view body,
                 std::initializer_list<ReplyHeader> headers, bool last);
  void WriteAnswer(OutputBuffer& to, const AnswerTraits& traits, int status, std::string_view content_type, std::string_view body,
                   std::initializer_list<ReplyHeader> headers, bool close);
  void WriteStreamHead(Slot& slot, int status, std::string_view content_type, std::initializer_list<ReplyHeader> headers);
  OutputBuffer& Sink(Slot& slot);
  void Wrote(Slot& slot, size_t bytes_before);
  void Complete(Slot& slot);
  void PopComplete();
  bool ShouldClose(const Slot& slot) const;
  bool OutputFull() const;
  bool OverBudget(size_t kept) const;
  void CheckOutputBound();
  void Stop(bool linger);
  void CloseIfFinished();
  void EnterPhase();

  ProtocolHost& host_;
  LoopContext& context_;
  Http1Parser parser_;
  std::deque<std::unique_ptr<Slot>> slots_;
  size_t held_bytes_ = 0;  // in slots behind the front
  Phase phase_ = Phase::kIdle;
  int64_t phase_since_ns_;       // kBody: since the last sufficient progress
  size_t phase_body_bytes_ = 0;  // body bytes at phase_since_ns_
  bool parsing_ = false;         // inside OnInput
  bool paused_ = false;          // too much unsent or unanswered: input waits
  bool stopped_ = false;         // no further request will be read
  bool input_left_ = false;      // bytes behind the request being handled
  bool input_ended_ = false;
  bool continue_sent_ = false;
};

}  // namespace vigil::net
