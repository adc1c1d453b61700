#include "app/model_watch.h"

#include <chrono>
#include <set>
#include <string_view>
#include <utility>

namespace vigil {

bool SourceState::Look(uint64_t fingerprint) {
  const bool whole = fingerprint != 0 && fingerprint == seen_;
  seen_ = fingerprint;
  if (!whole || fingerprint == taken_) return false;
  taken_ = fingerprint;
  return true;
}

ModelWatch::ModelWatch(std::function<Sources()> list, int64_t interval_us, std::function<void(const std::string& name)> refresh,
                       std::function<void()> tick)
    : list_(std::move(list)), interval_us_(interval_us), refresh_(std::move(refresh)), tick_(std::move(tick)) {
  for (const WatchedSource& source : list_()) states_.emplace(source.name, SourceState(source.taken ? *source.taken : source.look()));
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
    const Sources sources = list_();
    std::set<std::string_view> names;
    for (const WatchedSource& source : sources) names.insert(source.name);
    std::erase_if(states_, [&](const auto& state) { return names.count(state.first) == 0; });
    for (const WatchedSource& source : sources) {
      SourceState& state = states_.try_emplace(source.name, SourceState(0)).first->second;
      if (state.Look(source.look())) refresh_(source.name);
    }
    tick_();
    lock.lock();
  }
}

}  // namespace vigil
