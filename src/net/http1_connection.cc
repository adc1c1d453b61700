#include "net/http1_connection.h"

#include <algorithm>
#include <utility>

#include "net/http1_exchange.h"
#include "net/loop_counters.h"

namespace vigil::net {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
// With this much unsent, further requests wait: a reader that never reads cannot make us answer into memory.
constexpr size_t kOutputPauseBytes = 1 << 20;
constexpr size_t kLargeRequestBytes = 64 << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// Empty lines before a request are ignored (RFC 9112 2.2) and start no clock. True when nothing is left.
bool SkipEmptyLines(InputBuffer& input) {
  while (input.size() >= 2 && input.data()[0] == '\r' && input.data()[1] == '\n') input.Consume(2);
  return input.empty();
}

bool HasNoBody(int status) { return status == 204 || status == 304 || status < 200; }

}  // namespace

Http1Connection::Http1Connection(ProtocolHost& host, LoopContext& context)
    : host_(host), context_(context), parser_(context.limits), phase_since_ns_(context.now_ns) {}

Http1Connection::~Http1Connection() {
  for (const auto& slot : slots_) {
    if (slot->handle != nullptr) slot->handle->Detach(false);
  }
}

void Http1Connection::OnInput(InputBuffer& input) {
  if (parsing_) return;
  parsing_ = true;
  paused_ = false;
  while (!stopped_ && !input.empty()) {
    if (OutputFull()) {
      paused_ = true;
      break;
    }
    if (parser_.idle() && SkipEmptyLines(input)) break;
    const Http1Parser::Result result = parser_.Parse(input.data(), input.size());
    if (result == Http1Parser::Result::kNeedMore) {
      input.Truncate(parser_.kept());
      if (OverBudget(input.size())) {
        Refuse(503, "too many large requests at once");
        break;
      }
      if (parser_.expects_continue() && !continue_sent_ && parser_.body_received() == 0) SendContinue();
      break;
    }
    if (result == Http1Parser::Result::kError) {
      context_.counters->protocol_errors.Add(1);
      Refuse(parser_.status(), parser_.reason());
      break;
    }
    HandleRequest(input);
    input.Consume(parser_.consumed());
    parser_.Reset();
    continue_sent_ = false;
  }
  if (stopped_) input.Truncate(0);
  EnterPhase();
  parsing_ = false;
  CloseIfFinished();
}

// Sets the clock that the bytes now waited for run against.
void Http1Connection::EnterPhase() {
  const Phase phase = parser_.idle() ? Phase::kIdle : parser_.head_complete() ? Phase::kBody : Phase::kHead;
  if (phase == phase_ && phase != Phase::kIdle) return;
  phase_ = phase;
  phase_since_ns_ = context_.now_ns;
  phase_body_bytes_ = parser_.body_received();
}

void Http1Connection::HandleRequest(InputBuffer& input) {
  const HttpRequest& request = parser_.request();
  input_left_ = input.size() > parser_.consumed();
  AnswerTraits traits;
  traits.keep_alive = request.keep_alive && !(context_.draining && !input_left_);
  traits.head_only = request.method == Method::kHead;
  traits.minor_version = request.minor_version;
  context_.counters->requests_total.Add(1);
  context_.answered = true;
  phase_ = Phase::kIdle;
  Http1Exchange exchange(*this, request, traits, input);
  context_.handler->OnRequest(request, exchange);
  if (!exchange.answered()) {
    SendError(*context_.handler, request.header(kRequestId), 500, kGivenUp,
              [&](std::string_view body, std::initializer_list<ReplyHeader> headers) { exchange.Send(500, kErrorType, body, headers); });
  }
  input_left_ = false;
}

void Http1Connection::SendContinue() {
  continue_sent_ = true;
  if (slots_.empty()) {
    host_.output().Append(kContinue);
    host_.OutputReady();
    return;
  }
  Slot& slot = *slots_.emplace_back(std::make_unique<Slot>());
  slot.raw = slot.complete = true;
  slot.held.Append(kContinue);
  held_bytes_ += kContinue.size();
}

void Http1Connection::Refuse(int status, std::string_view reason) {
  stopped_ = true;
  AnswerTraits traits;
  traits.keep_alive = false;
  SendError(*context_.handler, "", status, reason, [&](std::string_view body, std::initializer_list<ReplyHeader> headers) {
    AnswerNow(traits, status, kErrorType, body, headers, true);
  });
}

void Http1Connection::AnswerNow(const AnswerTraits& traits, int status, std::string_view content_type, std::string_view body,
                                std::initializer_list<ReplyHeader> headers, bool last) {
  context_.answered = true;
  if (last) stopped_ = true;
  if (!slots_.empty()) {
    Slot& slot = *slots_.emplace_back(std::make_unique<Slot>());
    slot.traits = traits;
    slot.complete = true;
    slot.close_after = last;
    WriteAnswer(slot.held, traits, status, content_type, body, headers, last);
    held_bytes_ += slot.held.size();
    CheckOutputBound();
    return;
  }
  WriteAnswer(host_.output(), traits, status, content_type, body, headers, last);
  host_.OutputReady();
  CheckOutputBound();
  if (last) host_.CloseAfterOutput(true);
}

void Http1Connection::WriteAnswer(OutputBuffer& to, const AnswerTraits& traits, int status, std::string_view content_type,
                                  std::string_view body, std::initializer_list<ReplyHeader> headers, bool close) {
  ResponseHead head;
  head.status = status;
  head.content_type = content_type;
  head.headers = headers;
  head.framing = HasNoBody(status) ? ResponseHead::Framing::kNone : ResponseHead::Framing::kLength;
  head.length = body.size();
  head.close = close;
  head.keep_alive = !close && traits.minor_version == 0;
  head.date_line = context_.date_line;
  AppendHead(head, to);
  if (!traits.head_only && !HasNoBody(status)) to.Append(body);
}

void Http1Connection::WriteStreamHead(Slot& slot, int status, std::string_view content_type, std::initializer_list<ReplyHeader> headers) {
  OutputBuffer& sink = Sink(slot);
  const size_t before = sink.size();
  slot.chunked = slot.traits.minor_version >= 1;
  // HTTP/1.0 knows no chunks: the stream ends where the connection does.
  slot.close_after = ShouldClose(slot) || !slot.chunked;
  if (slot.close_after) stopped_ = true;
  ResponseHead head;
  head.status = status;
  head.content_type = content_type;
  head.headers = headers;
  head.framing = slot.chunked ? ResponseHead::Framing::kChunked : ResponseHead::Framing::kUntilClose;
  head.close = slot.close_after;
  head.date_line = context_.date_line;
  AppendHead(head, sink);
  Wrote(slot, before);
}

OutputBuffer& Http1Connection::Sink(Slot& slot) { return &slot == slots_.front().get() ? host_.output() : slot.held; }

void Http1Connection::Wrote(Slot& slot, size_t bytes_before) {
  context_.answered = true;
  if (&slot == slots_.front().get()) {
    host_.OutputReady();
  } else {
    held_bytes_ += slot.held.size() - bytes_before;
  }
  CheckOutputBound();
}

// Draining closes behind the last request that had begun.
bool Http1Connection::ShouldClose(const Slot& slot) const {
  if (!slot.traits.keep_alive) return true;
  return context_.draining && &slot == slots_.back().get() && parser_.idle() && !input_left_ && !paused_;
}

void Http1Connection::Complete(Slot& slot) {
  slot.complete = true;
  if (slot.handle != nullptr) slot.handle->Detach(true);
  slot.handle = nullptr;
  if (slot.close_after) stopped_ = true;
  if (&slot == slots_.front().get()) PopComplete();
}

// The front answer is complete: let those behind it go, up to the first that is not.
void Http1Connection::PopComplete() {
  while (!slots_.empty() && slots_.front()->complete) {
    const bool close = slots_.front()->close_after;
    slots_.pop_front();
    if (close) {
      host_.CloseAfterOutput(true);
      return;
    }
    if (slots_.empty()) break;
    Slot& next = *slots_.front();
    if (next.held.empty()) continue;
    held_bytes_ -= next.held.size();
    host_.output().Append(next.held.pending());
    next.held.Clear();
    host_.OutputReady();
  }
  if (slots_.empty() && phase_ == Phase::kIdle) phase_since_ns_ = context_.now_ns;
  if (paused_) host_.ResumeInput();
  CloseIfFinished();
}

bool Http1Connection::OutputFull() const {
  return host_.output().size() + held_bytes_ >= std::min(kOutputPauseBytes, context_.limits.output_bytes_max) ||
         slots_.size() >= context_.limits.pipelined_max;
}

// Small requests are let through whatever the large ones hold.
bool Http1Connection::OverBudget(size_t kept) const {
  return kept > kLargeRequestBytes &&
         context_.input_budget->bytes.load(std::memory_order_relaxed) > static_cast<int64_t>(context_.limits.input_bytes_max);
}

void Http1Connection::CheckOutputBound() {
  if (host_.output().size() + held_bytes_ <= context_.limits.output_bytes_max) return;
  stopped_ = true;
  for (const auto& slot : slots_) {
    if (slot->handle != nullptr) slot->handle->Detach(false);
    slot->handle = nullptr;
  }
  host_.Abort();
}

// Nothing in progress and nothing to come: close once all is sent.
void Http1Connection::CloseIfFinished() {
  if (!slots_.empty() || parsing_ || paused_) return;
  if (input_ended_ || (context_.draining && parser_.idle())) {
    stopped_ = true;
    host_.CloseAfterOutput(false);
  }
}

void Http1Connection::OnInputEnd() {
  input_ended_ = true;
  CloseIfFinished();
}

void Http1Connection::OnOutputSent() {
  if (phase_ == Phase::kIdle) phase_since_ns_ = context_.now_ns;
  if (paused_) host_.ResumeInput();
}

void Http1Connection::OnDrain() { CloseIfFinished(); }

void Http1Connection::OnTick() {
  if (stopped_ || paused_) {
    phase_since_ns_ = context_.now_ns;
    return;
  }
  const HttpLimits& limits = context_.limits;
  const int64_t waited_ns = context_.now_ns - phase_since_ns_;
  switch (phase_) {
    case Phase::kIdle:
      if (!slots_.empty() || !host_.output().empty() || waited_ns < limits.idle_timeout_ms * kNsPerMs) return;
      context_.counters->timeouts.Add(1);
      stopped_ = true;
      host_.CloseAfterOutput(false);
      return;
    case Phase::kHead:
      if (waited_ns < limits.header_timeout_ms * kNsPerMs) return;
      context_.counters->timeouts.Add(1);
      Refuse(408, "the request's head did not arrive in time");
      return;
    case Phase::kBody: {
      if (waited_ns < limits.body_timeout_ms * kNsPerMs) return;
      const size_t progress = parser_.body_received() - phase_body_bytes_;
      const size_t enough = static_cast<size_t>(limits.body_bytes_per_s_min * limits.body_timeout_ms / 1000);
      if (progress > 0 && progress >= enough) {
        phase_since_ns_ = context_.now_ns;
        phase_body_bytes_ = parser_.body_received();
        return;
      }
      context_.counters->timeouts.Add(1);
      Refuse(408, "the request's body did not arrive in time");
      return;
    }
  }
}

}  // namespace vigil::net
