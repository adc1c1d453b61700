#include "runtime/remote/call_pool.h"

#include <algorithm>
#include <chrono>

#include "runtime/cat.h"

namespace vigil::remote {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

Status Late() { return absl::DeadlineExceededError("the deadline passed before the server was asked"); }

}  // namespace

StatusOr<RemoteAnswer> SendWithRetries(RemoteConnection& connection, RemoteRequest request, int64_t deadline_ns, const RemoteLimits& limits,
                                       const Clock& clock, Breaker& breaker) {
  for (int tries = 1;; ++tries) {
    const int64_t now = clock.MonotonicNs();
    if (now >= deadline_ns) return Late();
    VIGIL_RETURN_IF_ERROR(breaker.Admit(now));
    request.total_ms = limits.call_ms;
    if (deadline_ns != INT64_MAX) request.total_ms = std::clamp<int64_t>((deadline_ns - now) / kNsPerMs, 1, limits.call_ms);
    request.connect_ms = std::min(limits.connect_ms, request.total_ms);
    StatusOr<RemoteAnswer> answer = connection.Send(request);
    if (answer.ok()) {
      if (answer->status >= 500 && answer->status != 501) {
        breaker.Failed(clock.MonotonicNs(), Cat("HTTP ", answer->status));
      } else {
        breaker.Succeeded();
      }
      return answer;
    }
    breaker.Failed(clock.MonotonicNs(), StdView(answer.status().message()));
    const bool safe = absl::IsUnavailable(answer.status()) && !connection.MayHaveReached();
    if (!safe || tries >= limits.tries_max || clock.MonotonicNs() + limits.retry_wait_ms * kNsPerMs >= deadline_ns) return answer;
    std::this_thread::sleep_for(std::chrono::milliseconds(limits.retry_wait_ms));
  }
}

CallPool::CallPool(std::string base_url, std::string target, Connect connect, const RemoteLimits& limits, const Clock& clock)
    : base_url_(std::move(base_url)),
      target_(std::move(target)),
      connect_(std::move(connect)),
      limits_(limits),
      clock_(clock),
      breaker_(limits_),
      watcher_([this] { WatchDeadlines(); }) {}

CallPool::~CallPool() {
  std::deque<RemoteCall> waiting;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting.swap(queue_);
  }
  queued_.notify_all();
  changed_.notify_all();
  for (std::thread& sender : senders_) sender.join();
  watcher_.join();
  for (const RemoteCall& call : waiting) call.answer(absl::UnavailableError("the model was unloaded"));
}

Status CallPool::Submit(RemoteCall call) {
  if (call.deadline_ns <= clock_.MonotonicNs()) return Late();
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= limits_.queued_calls_max) {
      return absl::ResourceExhaustedError(Cat(limits_.queued_calls_max, " calls wait for ", base_url_, " already"));
    }
    queue_.push_back(std::move(call));
    if (idle_ < queue_.size() && senders_.size() < limits_.connections_max) senders_.emplace_back([this] { SendLoop(); });
  }
  queued_.notify_one();
  changed_.notify_one();
  return absl::OkStatus();
}

void CallPool::SendLoop() {
  const std::unique_ptr<RemoteConnection> connection = connect_(base_url_);
  for (;;) {
    RemoteCall call;
    {
      std::unique_lock lock(mutex_);
      ++idle_;
      queued_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      --idle_;
      if (stopping_) return;
      call = std::move(queue_.front());
      queue_.pop_front();
    }
    StatusOr<std::string> body = call.body();
    if (!body.ok()) {
      call.answer(body.status());
      continue;
    }
    RemoteRequest request{"POST", target_, *std::move(body)};
    call.answer(SendWithRetries(*connection, std::move(request), call.deadline_ns, limits_, clock_, breaker_));
  }
}

// Answers what is still waiting when its time is over: all connections may be busy with slower calls.
void CallPool::WatchDeadlines() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const int64_t now = clock_.MonotonicNs();
    int64_t next = INT64_MAX;
    std::vector<RemoteCall> late;
    for (auto call = queue_.begin(); call != queue_.end();) {
      if (call->deadline_ns <= now) {
        late.push_back(std::move(*call));
        call = queue_.erase(call);
      } else {
        next = std::min(next, (call++)->deadline_ns);
      }
    }
    if (!late.empty()) {
      lock.unlock();
      for (const RemoteCall& call : late) call.answer(Late());
      lock.lock();
    } else if (next == INT64_MAX) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, std::chrono::nanoseconds(std::min<int64_t>(next - now, 3'600 * 1'000 * kNsPerMs)));
    }
  }
}

}  // namespace vigil::remote
