#include "app/model_watch.h"

#include <chrono>
#include <utility>

namespace vigil {

bool SourceState::Look(uint64_t fingerprint) {
  const bool whole = fingerprint != 0 && fingerprint == seen_;
  seen_ = fingerprint;
  if (!whole || fingerprint == taken_) return false;
  taken_ = fingerprint;
  return true;
}

ModelWatch::ModelWatch(std::vector<WatchedSource> sources, int64_t interval_us, std::function<void(const std::string& name)> refresh,
                       std::function<void()> tick)
    : sources_(std::move(sources)), interval_us_(interval_us), refresh_(std::move(refresh)), tick_(std::move(tick)) {
  for (const WatchedSource& source : sources_) states_.emplace_back(source.taken);
}

ModelWatch::~ModelWatch() { Stop(); }

void ModelWatch::Start() {
  thread_ = std::thread([this] { Run(); });
}

void ModelWatch::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ModelWatch::Run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, std::chrono::microseconds(interval_us_), [this] { return stop_; })) {
    lock.unlock();
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (states_[i].Look(sources_[i].look())) refresh_(sources_[i].name);
    }
    tick_();
    lock.lock();
  }
}

}  // namespace vigil
