#include "base/clock.h"

#include <ctime>

namespace vigil {
namespace {

int64_t ReadNs(clockid_t id) {
  timespec ts;
  clock_gettime(id, &ts);
  return int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec;
}

}  // namespace

TimeUs SystemClock::NowUs() const { return ReadNs(CLOCK_REALTIME) / 1000; }
int64_t SystemClock::MonotonicNs() const { return ReadNs(CLOCK_MONOTONIC); }

void EventClock::Observe(TimeUs event_time) {
  TimeUs seen = newest_us_.load(std::memory_order_relaxed);
  while (event_time > seen && !newest_us_.compare_exchange_weak(seen, event_time, std::memory_order_release)) {
  }
}

}  // namespace vigil
