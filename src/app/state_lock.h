// One process a state directory: two would hand out the same prediction ids.
#pragma once

#include <string>

#include "base/status.h"

namespace vigil {

// Held until it is destroyed, or the process ends.
class StateLock {
 public:
  StateLock() = default;
  ~StateLock();
  StateLock(const StateLock&) = delete;
  StateLock& operator=(const StateLock&) = delete;

  // Makes the directory where there is none. UNAVAILABLE when it cannot be written, or another process holds it.
  Status Take(const std::string& directory);

 private:
  int fd_ = -1;
};

}  // namespace vigil
