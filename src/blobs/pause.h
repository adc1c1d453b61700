// Waiting between attempts, which the end of the server cuts short.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace vigil::blobs {

// Any thread.
class Pause {
 public:
  virtual ~Pause() = default;
  // False: everything is to end, do not go on.
  virtual bool Wait(int64_t ms);
  bool stopped() const;
  void Stop();

 private:
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // guarded by mutex_
};

}  // namespace vigil::blobs
