// A value that one thread replaces and many read without a lock: the writer publishes an immutable T, each reader thread keeps a
// cached handle and re-reads only when the generation moved. A reader's cost is one relaxed load; a handle pins its T until the
// reader next looks, so a version in use is never destroyed under a request.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace vigil {

template <typename T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> initial) : current_(std::move(initial)) {}

  // Any thread. Readers see it from their next Get() on.
  void Publish(std::shared_ptr<const T> next) {
    std::shared_ptr<const T> old;  // destroyed outside the lock
    {
      std::lock_guard lock(mutex_);
      old = std::exchange(current_, std::move(next));
      generation_.fetch_add(1, std::memory_order_release);
    }
  }

  // Any thread; takes the lock. For control paths.
  std::shared_ptr<const T> Load() const {
    std::lock_guard lock(mutex_);
    return current_;
  }

  // One per reading thread.
  class Reader {
   public:
    explicit Reader(const Published& source) : source_(&source) {}
    // The current value. The reference holds until this reader's next call.
    const std::shared_ptr<const T>& Get() {
      const uint64_t now = source_->generation_.load(std::memory_order_acquire);
      if (now != generation_ || cached_ == nullptr) {
        cached_ = source_->Load();
        generation_ = now;
      }
      return cached_;
    }

   private:
    const Published* source_;
    uint64_t generation_ = 0;
    std::shared_ptr<const T> cached_;
  };

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;
  std::atomic<uint64_t> generation_{1};
};

}  // namespace vigil
