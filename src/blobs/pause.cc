#include "blobs/pause.h"

#include <chrono>

namespace vigil::blobs {

bool Pause::Wait(int64_t ms) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stop_; });
}

bool Pause::stopped() const {
  std::lock_guard lock(mutex_);
  return stop_;
}

void Pause::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
}

}  // namespace vigil::blobs
