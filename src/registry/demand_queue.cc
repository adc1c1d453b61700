#include "registry/demand_queue.h"

#include "absl/strings/str_cat.h"

namespace vigil {

DemandQueue::DemandQueue(size_t threads, size_t waiters_max, Load load) : waiters_max_(waiters_max), load_(std::move(load)) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

DemandQueue::~DemandQueue() { Stop(); }

Status DemandQueue::Ask(const Key& key, Done done) {
  std::lock_guard lock(mutex_);
  if (stop_) return absl::UnavailableError("the server is stopping");
  if (waiting_ >= waiters_max_) {
    ++refused_;
    return absl::UnavailableError(absl::StrCat(waiting_, " requests wait for models to be loaded already; ask again"));
  }
  ++waiting_;
  std::vector<Done>& waiters = flights_[key];
  const bool is_first = waiters.empty();
  waiters.push_back(std::move(done));
  if (is_first) {
    queued_.push_back(key);
    wake_.notify_one();
  }
  return absl::OkStatus();
}

void DemandQueue::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || !queued_.empty(); });
    if (stop_) return;
    const Key key = std::move(queued_.front());
    queued_.pop_front();
    lock.unlock();
    const Status status = load_(key);
    lock.lock();
    // Who asks from here on begins another flight, and finds the version loaded.
    const auto flight = flights_.find(key);
    std::vector<Done> waiters = std::move(flight->second);
    flights_.erase(flight);
    waiting_ -= waiters.size();
    lock.unlock();
    for (const Done& done : waiters) done(status);
    waiters.clear();
    lock.lock();
  }
}

void DemandQueue::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  std::map<Key, std::vector<Done>> left;
  {
    std::lock_guard lock(mutex_);
    left.swap(flights_);
    queued_.clear();
    waiting_ = 0;
  }
  for (const auto& [key, waiters] : left) {
    for (const Done& done : waiters) done(absl::UnavailableError("the server is stopping"));
  }
}

size_t DemandQueue::waiting() const {
  std::lock_guard lock(mutex_);
  return waiting_;
}

int64_t DemandQueue::refused() const {
  std::lock_guard lock(mutex_);
  return refused_;
}

}  // namespace vigil
