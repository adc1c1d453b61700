#include "runtime/remote/breaker.h"

#include <algorithm>

#include "runtime/cat.h"

namespace vigil::remote {
namespace {
constexpr int64_t kNsPerMs = 1'000'000;
}

Status Breaker::Admit(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  if (open_ms_ == 0) return absl::OkStatus();
  if (now_ns < probe_ns_) {
    return absl::UnavailableError(Cat("not asked: the server failed ", failures_, " times in a row (", why_, "); asked again in ",
                                      (probe_ns_ - now_ns) / kNsPerMs + 1, " ms"));
  }
  probe_ns_ = now_ns + open_ms_ * kNsPerMs;  // this one is the probe; others wait until it is known or has taken that long
  return absl::OkStatus();
}

void Breaker::Succeeded() {
  const std::lock_guard lock(mutex_);
  failures_ = 0;
  open_ms_ = 0;
}

void Breaker::Failed(int64_t now_ns, std::string_view why) {
  const std::lock_guard lock(mutex_);
  ++failures_;
  why_ = std::string(why.substr(0, 200));
  if (failures_ < limits_.failures_to_open) return;
  open_ms_ = open_ms_ == 0 ? limits_.open_first_ms : std::min(limits_.open_max_ms, open_ms_ * 2);
  probe_ns_ = now_ns + open_ms_ * kNsPerMs;
}

}  // namespace vigil::remote
