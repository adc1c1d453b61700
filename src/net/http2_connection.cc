#include "net/http2_connection.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "net/grpc_stream.h"
#include "net/http1_exchange.h"
#include "net/http2_callbacks.h"
#include "net/http2_exchange.h"
#include "net/loop_counters.h"

namespace vigil::net {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kNsPerSecond = 1'000'000'000;
// With this much unsent, further requests wait unhandled: a reader that never reads cannot make us answer into memory.
constexpr size_t kOutputPauseBytes = 1 << 20;
constexpr size_t kFillBytes = 256 << 10;       // given to the socket in one go
constexpr size_t kSmallInputBytes = 64 << 10;  // let through whatever others hold
constexpr int64_t kChargeStepBytes = 16 << 10;

std::shared_ptr<Http2StreamPool> PoolOf(LoopContext& context) {
  if (!context.streams) context.streams = std::make_shared<Http2StreamPool>();
  return context.streams;
}

struct OptionDeleter {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};

}  // namespace

Http2Connection::Http2Connection(ProtocolHost& host, LoopContext& context, bool grpc_only)
    : host_(host),
      context_(context),
      pool_(PoolOf(context)),
      budget_(context.input_budget),
      grpc_only_(grpc_only),
      active_ns_(context.now_ns),
      heard_ns_(context.now_ns),
      allowance_ns_(context.now_ns) {
  context_.counters->h2_connections.Add(1);
  const HttpLimits& limits = context_.limits;
  nghttp2_option* made = nullptr;
  if (nghttp2_option_new(&made) != 0) std::abort();  // no memory
  const std::unique_ptr<nghttp2_option, OptionDeleter> option(made);
  nghttp2_option_set_no_auto_window_update(option.get(), 1);
  nghttp2_option_set_no_closed_streams(option.get(), 1);
  nghttp2_option_set_max_outbound_ack(option.get(), limits.h2_control_frames_burst);
  nghttp2_option_set_max_continuations(option.get(), limits.h2_continuations_max);
  // Resets are counted with the other control frames, so that one limit rules.
  nghttp2_option_set_stream_reset_rate_limit(option.get(), 2 * limits.h2_control_frames_burst, 2 * limits.h2_control_frames_per_s);
  if (nghttp2_session_server_new2(&session_, Http2Callbacks::All(), this, option.get()) != 0) std::abort();  // no memory
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.h2_streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.h2_stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits.header_bytes_max)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},  // answers go in the order in which they are ready
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, static_cast<int32_t>(limits.h2_connection_window_bytes));
  host_.OutputReady();
}

Http2Connection::~Http2Connection() {
  stopped_ = over_ = true;
  ready_.clear();
  while (!streams_.empty()) {
    Http2Stream& stream = *streams_.back();
    stream.queued = false;
    if (stream.open) {
      Closed(stream);
      if (streams_.empty() || streams_.back() != &stream) continue;
    }
    // Held: whoever works on it gives it back.
    stream.connection = nullptr;
    streams_.pop_back();
  }
  budget_->bytes.fetch_sub(charged_bytes_, std::memory_order_relaxed);
  nghttp2_session_del(session_);
}

void Http2Connection::OnInput(InputBuffer& input) {
  if (in_session_ || stopped_) return;
  in_session_ = true;
  if (!input.empty()) {
    heard_ns_ = context_.now_ns;
    const ssize_t n = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(input.data()), input.size());
    input.Truncate(0);
    if (n < 0 && !stopped_) {
      (n == NGHTTP2_ERR_FLOODED ? context_.counters->h2_floods : context_.counters->protocol_errors).Add(1);
      GiveUp(n == NGHTTP2_ERR_FLOODED ? Http2Error::kEnhanceYourCalm : Http2Error::kProtocol);
    }
  }
  in_session_ = false;
  Dispatch();
  host_.OutputReady();
}

// Nothing more is read; what nghttp2 has to say about it still goes out.
void Http2Connection::GiveUp(Http2Error error) {
  if (stopped_) return;
  stopped_ = true;
  nghttp2_session_terminate_session(session_, static_cast<uint32_t>(error));
  host_.OutputReady();
}

void Http2Connection::CountControlFrame() {
  const int64_t refill = (context_.now_ns - allowance_ns_) * context_.limits.h2_control_frames_per_s / kNsPerSecond;
  if (refill > 0) {
    control_frames_ = std::max<int64_t>(0, control_frames_ - refill);
    allowance_ns_ = context_.now_ns;
  }
  if (++control_frames_ <= context_.limits.h2_control_frames_burst || stopped_) return;
  context_.counters->h2_floods.Add(1);
  GiveUp(Http2Error::kEnhanceYourCalm);
}

Http2Stream* Http2Connection::Open(int32_t id) {
  Http2Stream* const stream = pool_->Take();
  stream->connection = this;
  stream->id = id;
  stream->open = true;
  stream->since_ns = context_.now_ns;
  stream->index = streams_.size();
  streams_.push_back(stream);
  ++open_;
  return stream;
}

// The session forgets the stream. Whoever still answers it hears so, and keeps its memory until then.
void Http2Connection::Closed(Http2Stream& stream) {
  stream.busy = true;
  stream.open = false;
  --open_;
  active_ns_ = context_.now_ns;
  output_bytes_ -= stream.out.size();
  stream.out.Clear();
  if (stream.grpc.method != nullptr) CloseGrpc(stream);
  input_bytes_ -= stream.input_bytes;
  stream.input_bytes = 0;
  Charge();
  stream.busy = false;
  Release(stream);
}

void Http2Connection::Release(Http2Stream& stream) {
  if (stream.open || stream.held || stream.queued || stream.busy) return;
  streams_[stream.index] = streams_.back();
  streams_[stream.index]->index = stream.index;
  streams_.pop_back();
  pool_->Give(&stream);
}

void Http2Connection::Hold(Http2Stream& stream) {
  stream.held = true;
  ++held_;
}

void Http2Connection::Unhold(Http2Stream& stream) {
  stream.held = false;
  --held_;
  Release(stream);
  if (ready_at_ < ready_.size()) host_.ResumeInput();
}

void Http2Connection::Enqueue(Http2Stream& stream) {
  if (stream.queued) return;
  stream.queued = true;
  ready_.push_back(&stream);
}

bool Http2Connection::Paused() const {
  return output_bytes_ + host_.output().size() >= std::min(kOutputPauseBytes, context_.limits.output_bytes_max) ||
         held_ >= size_t{2} * context_.limits.h2_streams_max;  // answers for clients that gave up count too
}

void Http2Connection::Dispatch() {
  while (ready_at_ < ready_.size() && !Paused()) {
    Http2Stream& stream = *ready_[ready_at_++];
    stream.queued = false;
    stream.busy = true;
    if (stream.open) Handle(stream);
    stream.busy = false;
    Release(stream);
  }
  if (ready_at_ == ready_.size()) {
    ready_.clear();
    ready_at_ = 0;
  } else if (ready_at_ > ready_.size() / 2) {
    ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(ready_at_));
    ready_at_ = 0;
  }
}

void Http2Connection::Handle(Http2Stream& stream) {
  if (stream.out_state == Http2Stream::Out::kEnded) return;
  if (!stream.counted) {
    stream.counted = true;
    context_.counters->requests_total.Add(1);
  }
  context_.answered = true;
  if (stream.refuse_status != 0) {
    if (!stream.handled) Refuse(stream, stream.refuse_status, stream.refuse_reason);
    return;
  }
  if (stream.grpc.method != nullptr) {
    HandleGrpc(*this, stream);
    return;
  }
  if (stream.handled || !stream.ended) return;
  stream.handled = true;
  stream.request.body = stream.body;
  Http2Exchange exchange(*this, stream);
  context_.handler->OnRequest(stream.request, exchange);
  if (!exchange.answered()) Refuse(stream, 500, kGivenUp);
}

void Http2Connection::Refuse(Http2Stream& stream, int status, std::string_view reason) {
  stream.handled = true;
  SendError(*context_.handler, stream.request.header(kRequestId), status, reason,
            [&](std::string_view body, std::initializer_list<ReplyHeader> headers) { Answer(stream, status, kErrorType, body, headers); });
}

// True: more than what was made is ready, once the socket has taken this.
bool Http2Connection::FillOutput() {
  if (in_session_) return false;
  in_session_ = true;
  ssize_t n = 0;
  while (host_.output().size() < kFillBytes) {
    const uint8_t* bytes = nullptr;
    n = nghttp2_session_mem_send(session_, &bytes);
    if (n <= 0) break;
    host_.output().Append({reinterpret_cast<const char*>(bytes), static_cast<size_t>(n)});
  }
  in_session_ = false;
  if (n < 0) {
    stopped_ = over_ = true;
    host_.Abort();
    return false;
  }
  if (ready_at_ < ready_.size() && !Paused()) host_.ResumeInput();
  if (n == 0) CloseIfOver();
  return n > 0;
}

void Http2Connection::OnOutputSent() {
  if (ready_at_ < ready_.size() && !Paused()) host_.ResumeInput();
}

void Http2Connection::CloseIfOver() {
  if (over_) return;
  const bool done = nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
  if (!done && !stopped_ && !(goaway_sent_ && open_ == 0)) return;
  stopped_ = over_ = true;
  // A client that was told to go may still be sending; a reset would destroy what it was told.
  host_.CloseAfterOutput(!draining_);
}

// A client that sends no more wants no answer either: HTTP/2 ends a connection as a whole.
void Http2Connection::OnInputEnd() {
  if (over_) return;
  stopped_ = over_ = true;
  host_.CloseAfterOutput(false);
}

void Http2Connection::Account(Http2Stream& stream) {
  const size_t bytes = stream.header_bytes + stream.body.size();
  input_bytes_ += bytes - stream.input_bytes;
  stream.input_bytes = bytes;
  Charge();
}

// In steps, so that small requests cost no shared write.
void Http2Connection::Charge() {
  const int64_t change = static_cast<int64_t>(input_bytes_) - charged_bytes_;
  if (change < kChargeStepBytes && change > -kChargeStepBytes) return;
  charged_bytes_ += change;
  budget_->bytes.fetch_add(change, std::memory_order_relaxed);
}

bool Http2Connection::OverBudget(const Http2Stream& stream) const {
  return (stream.body.size() > kSmallInputBytes || input_bytes_ > kSmallInputBytes) &&
         budget_->bytes.load(std::memory_order_relaxed) > static_cast<int64_t>(context_.limits.input_bytes_max);
}

// While the client is silent with streams open it is asked whether it lives.
void Http2Connection::CheckPing() {
  if (open_ == 0) return;
  const HttpLimits& limits = context_.limits;
  if (pinged_ns_ != 0 && heard_ns_ > pinged_ns_) pinged_ns_ = 0;
  if (pinged_ns_ != 0 && context_.now_ns - pinged_ns_ >= limits.h2_ping_timeout_ms * kNsPerMs) {
    context_.counters->timeouts.Add(1);
    stopped_ = over_ = true;
    host_.Abort();
    return;
  }
  if (pinged_ns_ != 0 || context_.now_ns - heard_ns_ < limits.h2_ping_after_ms * kNsPerMs) return;
  pinged_ns_ = context_.now_ns;
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  host_.OutputReady();
}

// First word that no new streams are wanted, then, when streams that were under way have arrived (the answer to a ping, a tick at the
// latest), which was the last.
void Http2Connection::OnDrain() {
  if (draining_ || over_) return;
  draining_ = true;
  if (open_ == 0) {
    FinishDrain();
    return;
  }
  nghttp2_submit_shutdown_notice(session_);
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  host_.OutputReady();
}

void Http2Connection::FinishDrain() {
  if (goaway_sent_) return;
  goaway_sent_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR, nullptr, 0);
  host_.OutputReady();
}

void Http2Connection::OnTick() {
  if (over_) return;
  if (draining_) FinishDrain();
  if (open_ > 0) active_ns_ = context_.now_ns;
  if (open_ == 0 && host_.output().empty() && context_.now_ns - active_ns_ >= context_.limits.idle_timeout_ms * kNsPerMs) {
    context_.counters->timeouts.Add(1);
    FinishDrain();
    return;
  }
  for (size_t i = 0; i < streams_.size();) {  // one that is given back is replaced by the last
    Http2Stream* const stream = streams_[i];
    if (stream->open) CheckStream(*stream);
    if (over_) return;
    if (i < streams_.size() && streams_[i] == stream) ++i;
  }
  CheckPing();
}

void Http2Connection::CheckStream(Http2Stream& stream) {
  const HttpLimits& limits = context_.limits;
  const int64_t now = context_.now_ns;
  if (!stream.out.empty() && now - stream.out_since_ns >= limits.write_timeout_ms * kNsPerMs) {
    context_.counters->timeouts.Add(1);
    Reset(stream, Http2Error::kCancel);  // its window stays shut
    return;
  }
  if (stream.grpc.deadline_ns != 0 && now >= stream.grpc.deadline_ns) {
    ExpireGrpc(*this, stream);
    return;
  }
  if (stream.ended || stream.handled || stream.grpc.begun) return;
  if (!stream.head_complete) {
    if (now - stream.since_ns < limits.header_timeout_ms * kNsPerMs) return;
    context_.counters->timeouts.Add(1);
    GiveUp(Http2Error::kEnhanceYourCalm);  // a head that stops halfway blocks the whole connection
    return;
  }
  if (now - stream.since_ns < limits.body_timeout_ms * kNsPerMs) return;
  const size_t progress = stream.body.size() - stream.body_at_since;
  if (progress > 0 && progress >= static_cast<size_t>(limits.body_bytes_per_s_min * limits.body_timeout_ms / 1000)) {
    stream.since_ns = now;
    stream.body_at_since = stream.body.size();
    return;
  }
  context_.counters->timeouts.Add(1);
  if (stream.grpc.method != nullptr) {
    FinishGrpc(*this, stream, absl::DeadlineExceededError("the call's message did not arrive in time"));
  } else {
    Refuse(stream, 408, "the request's body did not arrive in time");
  }
}

}  // namespace vigil::net
