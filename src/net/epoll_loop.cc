#include "net/epoll_loop.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

namespace vigil::net {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr int kAcceptsPerTurn = 64;
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kNsPerSecond = 1'000'000'000;

// Timeouts are checked this often: precise enough for the shortest of them, and once a second at most costs nothing.
int64_t TickNs(const HttpLimits& limits) {
  const int64_t shortest = std::min({limits.header_timeout_ms, limits.body_timeout_ms, limits.idle_timeout_ms, limits.write_timeout_ms});
  return std::clamp<int64_t>(shortest / 4, 5, 1000) * kNsPerMs;
}

}  // namespace

Listener::Listener(int fd, EpollLoop& loop, Speaks speaks)
    : fd_(fd), loop_(loop), speaks_(speaks), reserve_fd_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {}

Listener::~Listener() {
  Close();
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
}

void Listener::Close() {
  if (fd_ < 0) return;
  loop_.Forget(fd_);
  ::close(fd_);
  fd_ = -1;
}

void Listener::OnEvents(uint32_t) {
  if (fd_ < 0) return;
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      loop_.Accepted(fd, speaks_);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if ((errno == EMFILE || errno == ENFILE) && reserve_fd_ >= 0) {
      ::close(reserve_fd_);
      const int refused = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (refused >= 0) ::close(refused);
      reserve_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
      continue;
    }
    return;
  }
}

EpollLoop::EpollLoop(uint32_t index, const HttpLimits& limits, const Clock& clock, SharedState& shared)
    : index_(index),
      clock_(clock),
      shared_(shared),
      tick_ns_(TickNs(limits)),
      epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (epoll_fd_ < 0 || wake_fd_ < 0) std::abort();  // no descriptors at start: nothing can be served
  context_.limits = limits;
  context_.counters = &counters_;
  context_.input_budget = shared.input_budget;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event);
}

EpollLoop::~EpollLoop() {
  listeners_.clear();
  ::close(epoll_fd_);
  ::close(wake_fd_);
}

void EpollLoop::Post(std::function<void()> task) {
  bool first;
  {
    std::lock_guard lock(mutex_);
    first = tasks_.empty();
    tasks_.push_back(std::move(task));
  }
  if (!first) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_fd_, &one, sizeof one);
}

uint64_t EpollLoop::RunAfter(int64_t delay_ms, std::function<void()> task) {
  const uint64_t id = next_timer_++;
  const int64_t due = clock_.MonotonicNs() + std::max<int64_t>(delay_ms, 0) * kNsPerMs;
  timers_.emplace(std::pair(due, id), std::move(task));
  timer_due_ns_.emplace(id, due);
  return id;
}

void EpollLoop::Cancel(uint64_t timer) {
  const auto found = timer_due_ns_.find(timer);
  if (found == timer_due_ns_.end()) return;
  timers_.erase({found->second, timer});
  timer_due_ns_.erase(found);
}

void EpollLoop::AddListener(int fd, bool exclusive, Speaks speaks) {
  listeners_.push_back(std::make_unique<Listener>(fd, *this, speaks));
  epoll_event event{};
  event.events = EPOLLIN | (exclusive ? EPOLLEXCLUSIVE : 0u);
  event.data.ptr = static_cast<EventSink*>(listeners_.back().get());
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
}

void EpollLoop::Run(const HandlerFactory& make_handler) {
  RefreshTime();
  std::unique_ptr<HttpHandler> handler = make_handler(*this);
  context_.handler = handler.get();
  {
    std::lock_guard lock(shared_.mutex);
    ++shared_.ready;
  }
  shared_.changed.notify_all();
  while (!stop_.load(std::memory_order_acquire)) Turn();
  CloseAll();
  BuryClosed();
  hooks_.clear();
  timers_.clear();
  std::vector<std::function<void()>> unrun;
  {
    std::lock_guard lock(mutex_);
    unrun.swap(tasks_);
  }
}

void EpollLoop::Stop() {
  stop_.store(true, std::memory_order_release);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_fd_, &one, sizeof one);
}

void EpollLoop::Turn() {
  epoll_event events[kEventsPerTurn];
  const int n = ::epoll_wait(epoll_fd_, events, kEventsPerTurn, WaitMs());
  RefreshTime();
  for (int i = 0; i < n; ++i) {
    if (events[i].data.ptr == nullptr) {
      RunTasks();
    } else {
      static_cast<EventSink*>(events[i].data.ptr)->OnEvents(events[i].events);
    }
  }
  if (!timers_.empty()) RunTimers();
  if (!connections_.empty() && context_.now_ns >= next_tick_ns_) TickConnections();
  if (!resume_.empty()) {
    scratch_list_.swap(resume_);  // what asks again waits for the next turn
    for (Connection* connection : scratch_list_) connection->Resume();
    scratch_list_.clear();
  }
  if (context_.answered) {
    context_.answered = false;
    for (const auto& hook : hooks_) hook();
  }
  FlushOutputs();
  if (!closed_.empty()) BuryClosed();
  if (context_.draining && connections_.empty()) ReportDrained();
}

int EpollLoop::WaitMs() const {
  if (!resume_.empty() || !flush_.empty()) return 0;
  int64_t due = INT64_MAX;
  if (!timers_.empty()) due = timers_.begin()->first.first;
  if (!connections_.empty()) due = std::min(due, next_tick_ns_);
  if (due == INT64_MAX) return -1;
  const int64_t ns = due - context_.now_ns;  // as of this turn: a timer is late by a turn at most
  return ns <= 0 ? 0 : static_cast<int>(std::min<int64_t>((ns + kNsPerMs - 1) / kNsPerMs, 60'000));
}

void EpollLoop::RefreshTime() {
  context_.now_ns = clock_.MonotonicNs();
  if (context_.now_ns < next_date_ns_) return;
  const TimeUs now_us = clock_.NowUs();
  const std::time_t seconds = now_us / kSecondUs;
  next_date_ns_ = context_.now_ns + kNsPerSecond - (now_us % kSecondUs) * 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[64];
  const size_t size = std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
  context_.date_line.assign(text, size);
}

void EpollLoop::RunTasks() {
  uint64_t count;
  [[maybe_unused]] const ssize_t n = ::read(wake_fd_, &count, sizeof count);
  std::vector<std::function<void()>> tasks;
  {
    std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (auto& task : tasks) task();
}

void EpollLoop::RunTimers() {
  while (!timers_.empty() && timers_.begin()->first.first <= context_.now_ns) {
    auto node = timers_.extract(timers_.begin());
    timer_due_ns_.erase(node.key().second);
    node.mapped()();
  }
}

void EpollLoop::TickConnections() {
  next_tick_ns_ = context_.now_ns + tick_ns_;
  for (size_t i = 0; i < connections_.size();) {  // a connection that closes is swapped for the last
    Connection* connection = connections_[i].get();
    connection->OnTick();
    if (i < connections_.size() && connections_[i].get() == connection) ++i;
  }
}

void EpollLoop::FlushOutputs() {
  scratch_list_.swap(flush_);
  for (Connection* connection : scratch_list_) connection->Flush();
  scratch_list_.clear();
}

void EpollLoop::Accepted(int fd, Speaks speaks) {
  counters_.connections_total.Add(1);
  if (shared_.connections_open.fetch_add(1, std::memory_order_relaxed) >= static_cast<int64_t>(context_.limits.connections_max)) {
    shared_.connections_open.fetch_sub(1, std::memory_order_relaxed);
    counters_.connections_refused.Add(1);
    ::close(fd);
    return;
  }
  if (connections_.empty()) next_tick_ns_ = context_.now_ns + tick_ns_;
  counters_.connections_open.Add(1);
  auto connection = std::make_unique<Connection>(fd, *this, context_, speaks);
  connection->index = connections_.size();
  epoll_event event{};
  event.events = connection->registered_events = EPOLLIN;
  event.data.ptr = static_cast<EventSink*>(connection.get());
  Connection& added = *connection;
  connections_.push_back(std::move(connection));
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) added.Close();
}

void EpollLoop::Forget(int fd) { ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr); }

void EpollLoop::SetInterest(Connection& connection, uint32_t events) {
  epoll_event event{};
  event.events = connection.registered_events = events;
  event.data.ptr = static_cast<EventSink*>(&connection);
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, connection.fd(), &event);
}

void EpollLoop::Bury(Connection& connection) {
  shared_.connections_open.fetch_sub(1, std::memory_order_relaxed);
  counters_.connections_open.Add(-1);
  const size_t at = connection.index;
  closed_.push_back(std::move(connections_[at]));
  if (at + 1 != connections_.size()) {
    connections_[at] = std::move(connections_.back());
    connections_[at]->index = at;
  }
  connections_.pop_back();
}

void EpollLoop::BuryClosed() {
  // Whoever closed during this turn may still stand in a list; both are empty of them only now.
  std::erase_if(flush_, [](const Connection* c) { return c->closed(); });
  std::erase_if(resume_, [](const Connection* c) { return c->closed(); });
  closed_.clear();
}

void EpollLoop::BeginDrain() {
  if (context_.draining) return;
  for (const auto& listener : listeners_) {
    listener->OnEvents(EPOLLIN);  // who already connected is served
    listener->Close();            // the object stays: this turn may still hold an event of it
  }
  context_.draining = true;
  context_.handler->OnDrain();
  std::vector<Connection*> open;
  for (const auto& connection : connections_) open.push_back(connection.get());
  for (Connection* connection : open) connection->OnDrain();
}

void EpollLoop::CloseAll() {
  while (!connections_.empty()) connections_.back()->Close();
}

void EpollLoop::ReportDrained() {
  if (drain_reported_) return;
  drain_reported_ = true;
  {
    std::lock_guard lock(shared_.mutex);
    ++shared_.drained;
  }
  shared_.changed.notify_all();
}

}  // namespace vigil::net
