// Loads that requests wait for: one load a version however many ask, on a few threads of its own, with a bound on those that wait.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/status.h"

namespace vigil {

// Any thread may call. Waiters are told on a loading thread, each exactly once; those that still wait at the end are told UNAVAILABLE.
class DemandQueue {
 public:
  using Key = std::pair<std::string, std::string>;  // model, version
  using Load = std::function<Status(const Key& key)>;
  using Done = std::function<void(Status)>;

  // `load` is called on at most `threads` threads at once, never twice at once for one key.
  DemandQueue(size_t threads, size_t waiters_max, Load load);
  ~DemandQueue();

  // UNAVAILABLE when too many wait already: then `done` is not called.
  Status Ask(const Key& key, Done done);
  // Ends the threads once their present loads are done. Idempotent.
  void Stop();

  size_t waiting() const;
  int64_t refused() const;

 private:
  void Run();

  const size_t waiters_max_;
  const Load load_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<Key, std::vector<Done>> flights_;  // queued or loading; guarded by mutex_, like everything below
  std::deque<Key> queued_;
  size_t waiting_ = 0;
  int64_t refused_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace vigil
