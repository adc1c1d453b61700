// Looks at the models' sources now and then, and says when one has changed and is whole again.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace vigil {

// One source's life as pure steps, so that a test needs no clock. A change counts once the source has looked the same twice in a row, and
// once only: a version that does not load is tried again when the source changes again.
class SourceState {
 public:
  explicit SourceState(uint64_t fingerprint) : taken_(fingerprint), seen_(fingerprint) {}
  // What the source looks like now (0: it is not there, which is no change). True: load it.
  bool Look(uint64_t fingerprint);

 private:
  uint64_t taken_, seen_;
};

struct WatchedSource {
  std::string name;
  std::function<uint64_t()> look;  // how it looks now (SourceState::Look)
  std::optional<uint64_t> taken;   // how it looked when it was loaded; nothing: as it looks when the watch is made
};

// Owns one thread. `refresh(name)` is called on it for each change of the source `name`; it may take as long as loading does.
class ModelWatch {
 public:
  using Sources = std::vector<WatchedSource>;
  // `list` says which sources there are, before each look; construct before those that are taken as they look now are loaded,
  // so that nothing is missed. A source that was not there before counts once it has looked the same twice.
  ModelWatch(std::function<Sources()> list, int64_t interval_us, std::function<void(const std::string& name)> refresh,
             std::function<void()> tick);
  ~ModelWatch();
  // `tick` is called after every look.
  void Start();
  // Waits for a refresh that is going on. Idempotent.
  void Stop();

 private:
  void Run();

  const std::function<Sources()> list_;
  const int64_t interval_us_;
  const std::function<void(const std::string& name)> refresh_;
  const std::function<void()> tick_;
  std::map<std::string, SourceState, std::less<>> states_;  // by name
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace vigil
