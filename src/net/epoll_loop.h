// The loop behind EventLoop. A turn: wait; read every ready connection and hand its requests over; run posted tasks and due timers; run
// the turn hooks if anything was answered; send what the turn produced; bury what closed.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "net/connection.h"
#include "net/loop_counters.h"
#include "net/server.h"

namespace vigil::net {

// What the loops of one server share.
struct SharedState {
  std::atomic<int64_t> connections_open{0};
  const std::shared_ptr<InputBudget> input_budget = std::make_shared<InputBudget>();
  std::mutex mutex;
  std::condition_variable changed;
  int ready = 0;    // loops whose handler exists
  int drained = 0;  // loops that have no connection left and accept no more
};

// An accepting socket on one loop, which owns it.
class Listener final : public EventSink {
 public:
  Listener(int fd, EpollLoop& loop, Speaks speaks);
  ~Listener() override;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  void OnEvents(uint32_t events) override;
  void Close();

 private:
  int fd_;
  EpollLoop& loop_;
  const Speaks speaks_;
  int reserve_fd_;  // given up for a moment when descriptors run out, to accept and close instead of spinning
};

class EpollLoop final : public EventLoop {
 public:
  EpollLoop(uint32_t index, const HttpLimits& limits, const Clock& clock, SharedState& shared);
  ~EpollLoop() override;

  // EventLoop.
  uint32_t index() const override { return index_; }
  void Post(std::function<void()> task) override;
  uint64_t RunAfter(int64_t delay_ms, std::function<void()> task) override;
  void Cancel(uint64_t timer) override;
  void AddTurnHook(std::function<void()> hook) override { hooks_.push_back(std::move(hook)); }

  // Before Run. Takes `fd`, which listens already. `exclusive`: other loops hold duplicates of it, wake one.
  void AddListener(int fd, bool exclusive, Speaks speaks);
  // The loop's thread, until Stop.
  void Run(const HandlerFactory& make_handler);
  void Stop();  // any thread
  // On the loop's thread.
  void BeginDrain();
  void CloseAll();

  // From listeners and connections.
  void Accepted(int fd, Speaks speaks);
  void QueueFlush(Connection& connection) { flush_.push_back(&connection); }
  void QueueResume(Connection& connection) { resume_.push_back(&connection); }
  void Forget(int fd);
  void SetInterest(Connection& connection, uint32_t events);
  void Bury(Connection& connection);
  ScratchBlock& scratch() { return scratch_; }
  const LoopCounters& counters() const { return counters_; }

 private:
  void Turn();
  int WaitMs() const;
  void Dispatch(int events);
  void RunTasks();
  void RunTimers();
  void TickConnections();
  void FlushOutputs();
  void BuryClosed();
  void RefreshTime();
  void ReportDrained();

  const uint32_t index_;
  const Clock& clock_;
  SharedState& shared_;
  const int64_t tick_ns_;
  int epoll_fd_;
  int wake_fd_;

  LoopContext context_;
  LoopCounters counters_;
  ScratchBlock scratch_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> flush_;
  std::vector<Connection*> resume_;
  std::vector<Connection*> scratch_list_;
  std::vector<std::unique_ptr<Connection>> closed_;
  std::vector<std::function<void()>> hooks_;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> timers_;  // by due time
  std::unordered_map<uint64_t, int64_t> timer_due_ns_;
  uint64_t next_timer_ = 1;
  int64_t next_tick_ns_ = 0;
  int64_t next_date_ns_ = 0;
  bool drain_reported_ = false;

  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;  // guarded by mutex_
  std::atomic<bool> stop_{false};
};

}  // namespace vigil::net
