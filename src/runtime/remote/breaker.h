// A circuit breaker: after several failures in a row calls fail at once, but for one probe now and then. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "base/status.h"
#include "runtime/remote/options.h"

namespace vigil::remote {

class Breaker {
 public:
  explicit Breaker(const RemoteLimits& limits) : limits_(limits) {}
  // OK: go, and report with Succeeded or Failed. UNAVAILABLE, saying why and when to come back: the circuit is open.
  Status Admit(int64_t now_ns);
  // The server answered, if only to say that the request was wrong.
  void Succeeded();
  void Failed(int64_t now_ns, std::string_view why);

 private:
  const RemoteLimits& limits_;
  std::mutex mutex_;
  int failures_ = 0;      // in a row
  int64_t open_ms_ = 0;   // 0: closed
  int64_t probe_ns_ = 0;  // when the next probe may go
  std::string why_;
};

}  // namespace vigil::remote
