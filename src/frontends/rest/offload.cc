#include "frontends/rest/offload.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace vigil {

OffloadPool::OffloadPool(const OffloadOptions& options) : queue_(options.queue_max) {
  for (size_t i = 0; i < std::max<size_t>(1, options.threads); ++i) threads_.emplace_back([this] { Run(); });
}

OffloadPool::~OffloadPool() { Stop(); }

void OffloadPool::Stop() {
  queue_.Close();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool OffloadPool::TrySubmit(std::function<void()> task) {
  if (queue_.TryPush(task)) return true;
  refused_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void OffloadPool::Run() {
  constexpr std::chrono::milliseconds kWait{60'000};
  for (;;) {
    if (auto task = queue_.Pop(kWait)) {
      (*task)();
    } else if (queue_.closed()) {
      return;
    }
  }
}

}  // namespace vigil
