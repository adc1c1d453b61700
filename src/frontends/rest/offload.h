// Worker threads for what may block (catalog, labels, loading), so that a serving thread never does. A full queue refuses, and the caller
// answers 503.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"

namespace vigil {

struct OffloadOptions {
  size_t threads = 2;
  size_t queue_max = 256;  // requests waiting
};

// Any thread may call. Destroyed after every serving thread that submits has stopped; running tasks are finished, waiting ones too.
class OffloadPool {
 public:
  explicit OffloadPool(const OffloadOptions& options);
  ~OffloadPool();
  OffloadPool(const OffloadPool&) = delete;
  OffloadPool& operator=(const OffloadPool&) = delete;

  // Finishes what runs and what waits, and refuses the rest from now on. Once, from one thread.
  void Stop();
  // False when the queue is full; counted.
  bool TrySubmit(std::function<void()> task);
  size_t waiting() const { return queue_.size(); }
  int64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  void Run();

  BoundedQueue<std::function<void()>> queue_;
  std::atomic<int64_t> refused_{0};
  std::vector<std::thread> threads_;
};

}  // namespace vigil
