#include "runtime/tensorflow/worker_loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/cat.h"

namespace vigil::tensorflow {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr size_t kReadBytes = 256 << 10;
constexpr uint64_t kLoadCall = 0;
constexpr int64_t kFarNs = int64_t{365} * 86'400 * 1'000'000'000;  // a deadline beyond is none

absl::StatusCode CodeOf(uint32_t code) {
  return code <= 16 && code != 0 ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kInternal;
}

std::string LoadFrame(const WorkerPlace& place, uint32_t threads) {
  FrameWriter writer(FrameKind::kLoad, kLoadCall);
  writer.Text(place.library);
  writer.Text(place.folder);
  writer.U32(static_cast<uint32_t>(place.tags.size()));
  for (const std::string& tag : place.tags) writer.Text(tag);
  writer.U32(threads);
  return writer.Finish();
}

}  // namespace

Worker::Loop::Loop(Worker& owner, WorkerPlace place, const WorkerLimits& limits)
    : owner_(owner), place_(std::move(place)), limits_(limits), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), thread_([this] { Run(); }) {}

Worker::Loop::~Loop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
  close(wake_);
}

void Worker::Loop::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));  // full means that a wake is due anyway
}

StatusOr<std::string> Worker::Loop::WaitLoaded() {
  std::unique_lock lock(mutex_);
  loaded_.wait(lock, [this] { return first_load_.has_value(); });
  return *first_load_;
}

Status Worker::Loop::Submit(std::string frame, int64_t deadline_ns, Answer answer) {
  if (deadline_ns > NowNs() + kFarNs) deadline_ns = INT64_MAX;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kDown && !down_reason_.ok()) return down_reason_;
    if (calls_count_ >= limits_.calls_max || unsent_bytes_ + frame.size() > limits_.unsent_bytes_max) {
      return absl::ResourceExhaustedError(
          Cat("TensorFlow's worker is behind: ", calls_count_, " calls and ", unsent_bytes_, " bytes wait for it"));
    }
    ++calls_count_;
    unsent_bytes_ += frame.size();
    const uint64_t id = ++last_id_;
    std::memcpy(frame.data() + 8, &id, sizeof(id));
    arrived_.push_back({id, std::move(frame), {deadline_ns, std::move(answer)}});
  }
  Wake();
  return absl::OkStatus();
}

void Worker::Loop::SetState(State state) {
  const std::lock_guard lock(mutex_);
  state_ = state;
  if (state != State::kDown) down_reason_ = absl::OkStatus();
}

void Worker::Loop::Run() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
    if (!process_.running() && NowNs() >= next_start_ns_) StartProcess();
    Poll();
    TakeArrived();
    ExpireCalls();
  }
  process_.Kill();
  TakeArrived();
  FailAll(absl::UnavailableError("the model was unloaded"));
}

void Worker::Loop::StartProcess() {
  load_error_.clear();
  StatusOr<WorkerProcess> started = WorkerProcess::Start(place_.program);
  started_ns_ = NowNs();
  if (!started.ok()) return OnDeath(std::string(started.status().message()));
  process_ = *std::move(started);
  owner_.pid_ = process_.pid();
  if (ever_loaded_) ++owner_.restarts_;
  load_deadline_ns_ = started_ns_ + limits_.load_ms * kNsPerMs;
  SetState(State::kLoading);
  // Calls that came in between follow it: the worker reads them once it has loaded.
  unsent_.push_front(LoadFrame(place_, limits_.threads));
  sent_ = 0;
}

int64_t Worker::Loop::NextWakeNs() const {
  int64_t next = process_.running() ? load_deadline_ns_ : next_start_ns_;
  for (const auto& [id, call] : calls_) {
    if (call.deadline_ns == INT64_MAX) continue;
    next = std::min(next, call.answer ? call.deadline_ns : call.deadline_ns + limits_.stuck_ms * kNsPerMs);
  }
  return next;
}

void Worker::Loop::Poll() {
  pollfd ready[2] = {{wake_, POLLIN, 0}, {process_.socket(), static_cast<short>(POLLIN | (unsent_.empty() ? 0 : POLLOUT)), 0}};
  const int64_t next = NextWakeNs();
  int timeout = -1;
  if (next != INT64_MAX) timeout = static_cast<int>(std::clamp<int64_t>((next - NowNs()) / kNsPerMs + 1, 0, 60'000));
  if (poll(ready, process_.running() ? 2 : 1, timeout) < 0) return;  // EINTR
  if (ready[0].revents != 0) {
    uint64_t ignored;
    [[maybe_unused]] const ssize_t drained = read(wake_, &ignored, sizeof(ignored));
  }
  if (!process_.running() || ready[1].revents == 0) return;
  if ((ready[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !Receive()) return OnDeath("");
  if ((ready[1].revents & POLLOUT) != 0 && !Send()) OnDeath("");
}

void Worker::Loop::TakeArrived() {
  std::deque<Arrived> arrived;
  {
    const std::lock_guard lock(mutex_);
    arrived.swap(arrived_);
  }
  for (Arrived& one : arrived) {
    if (one.call.deadline_ns != INT64_MAX) {
      const int64_t left_us = std::max<int64_t>((one.call.deadline_ns - NowNs()) / 1000, 0);
      std::memcpy(one.frame.data() + kFrameHeadBytes, &left_us, sizeof(left_us));
    }
    calls_.emplace(one.id, std::move(one.call));
    unsent_.push_back(std::move(one.frame));
  }
  // Usually the socket has room: no need to ask poll first.
  if (!arrived.empty() && process_.running() && !Send()) OnDeath("");
}

bool Worker::Loop::Send() {
  while (!unsent_.empty()) {
    const std::string& frame = unsent_.front();
    const ssize_t n = send(process_.socket(), frame.data() + sent_, frame.size() - sent_, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    sent_ += static_cast<size_t>(n);
    if (sent_ < frame.size()) continue;
    FrameHead head;
    if (ReadFrameHead(frame.data(), &head) && head.kind == FrameKind::kRun) {
      const std::lock_guard lock(mutex_);
      unsent_bytes_ -= frame.size();
    }
    unsent_.pop_front();
    sent_ = 0;
  }
  return true;
}

bool Worker::Loop::Receive() {
  for (;;) {
    std::string& to = frame_ ? body_ : head_;
    const size_t want = frame_ ? frame_->body_bytes : kFrameHeadBytes;
    if (to.size() < want) {
      const size_t had = to.size();
      to.resize(std::min(want, had + kReadBytes));  // what a length promises is believed as it arrives
      const ssize_t n = recv(process_.socket(), to.data() + had, to.size() - had, 0);
      to.resize(had + static_cast<size_t>(std::max<ssize_t>(n, 0)));
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      if (n == 0) return false;
      if (to.size() < want) continue;
    }
    if (!frame_) {
      FrameHead head;
      if (!ReadFrameHead(head_.data(), &head)) return false;
      frame_ = head;
      continue;
    }
    if (!OnFrame()) return false;
    frame_.reset();
    head_.clear();
    body_.clear();
  }
}

bool Worker::Loop::OnFrame() {
  StatusOr<std::string> result = absl::InternalError("");
  if (frame_->kind == FrameKind::kError) {
    FrameReader reader(body_);
    const uint32_t code = reader.U32();
    const std::string_view text = reader.Text(kErrorTextBytesMax);
    if (!reader.AtEnd()) return false;
    result = Status(CodeOf(code), AbslView(text));
  } else if (frame_->kind == FrameKind::kResult) {
    result = std::move(body_);
  } else if (frame_->kind == FrameKind::kLoaded && frame_->call == kLoadCall) {
    FrameReader reader(body_);
    result = std::string(reader.Text(kFrameNameBytesMax));
    if (!reader.AtEnd()) return false;
  } else {
    return false;
  }
  if (frame_->call == kLoadCall) {
    const bool loaded = result.ok();
    OnLoaded(std::move(result));
    return loaded;
  }
  const auto found = calls_.find(frame_->call);
  if (found == calls_.end()) return false;
  const Answer answer = std::move(found->second.answer);
  calls_.erase(found);
  {
    const std::lock_guard lock(mutex_);
    --calls_count_;
  }
  if (answer) answer(std::move(result));
  return true;
}

void Worker::Loop::OnLoaded(StatusOr<std::string> version) {
  if (version.ok()) {
    ever_loaded_ = true;
    load_deadline_ns_ = INT64_MAX;
    SetState(State::kServing);
  } else {
    load_error_ = std::string(version.status().message());
  }
  const std::lock_guard lock(mutex_);
  if (!first_load_) first_load_ = std::move(version);
  loaded_.notify_all();
}

void Worker::Loop::ExpireCalls() {
  const int64_t now = NowNs();
  std::vector<Answer> late;
  bool stuck = false;
  for (auto& [id, call] : calls_) {
    if (call.deadline_ns > now) continue;
    if (call.answer) {
      late.push_back(std::exchange(call.answer, nullptr));
    } else if (process_.running() && now - call.deadline_ns > limits_.stuck_ms * kNsPerMs) {
      stuck = true;
    }
  }
  for (const Answer& answer : late) answer(absl::DeadlineExceededError("the deadline passed before TensorFlow answered"));
  if (stuck) return OnDeath(Cat("a call ran on for ", limits_.stuck_ms, " ms after its deadline"));
  if (process_.running() && now >= load_deadline_ns_) OnDeath(Cat("the model did not load within ", limits_.load_ms, " ms"));
}

// `why` is empty where the worker ended by itself.
void Worker::Loop::OnDeath(const std::string& why) {
  const std::string end = process_.Kill();
  owner_.pid_ = 0;
  frame_.reset();
  head_.clear();
  body_.clear();
  load_deadline_ns_ = INT64_MAX;
  const Status reason = load_error_.empty() ? absl::UnavailableError(Cat("TensorFlow's worker ended: ", why.empty() ? end : why))
                                            : absl::UnavailableError(Cat("TensorFlow's worker could not load the model: ", load_error_));
  const int64_t now = NowNs();
  if (ever_loaded_ && now - started_ns_ >= limits_.stable_ms * kNsPerMs) failures_ = 0;
  int64_t wait_ms = 0;
  if (failures_ > 0) wait_ms = std::min(limits_.backoff_max_ms, limits_.backoff_first_ms << std::min(failures_ - 1, 20));
  ++failures_;
  next_start_ns_ = ever_loaded_ ? now + wait_ms * kNsPerMs : INT64_MAX;  // a model that never loaded is its loader's to report
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kDown;
    if (wait_ms > 0) down_reason_ = absl::UnavailableError(Cat(reason.message(), "; it is started again in ", wait_ms, " ms"));
    if (!first_load_) first_load_ = Status(reason);
    loaded_.notify_all();
  }
  FailAll(reason);
}

void Worker::Loop::FailAll(const Status& why) {
  std::map<uint64_t, Call> calls;
  calls.swap(calls_);
  unsent_.clear();
  sent_ = 0;
  {
    const std::lock_guard lock(mutex_);
    calls_count_ -= calls.size();
    unsent_bytes_ = 0;
    for (const Arrived& one : arrived_) unsent_bytes_ += one.frame.size();
  }
  for (auto& [id, call] : calls) {
    if (call.answer) call.answer(why);
  }
}

}  // namespace vigil::tensorflow
