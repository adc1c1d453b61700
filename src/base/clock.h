// Time always comes from outside: nothing in Vigil reads a clock but through this.
#pragma once

#include <atomic>
#include <cstdint>

namespace vigil {

// Microseconds since 1970-01-01T00:00:00Z.
using TimeUs = int64_t;

inline constexpr TimeUs kSecondUs = 1'000'000;
inline constexpr TimeUs kMinuteUs = 60 * kSecondUs;
inline constexpr TimeUs kHourUs = 60 * kMinuteUs;
inline constexpr TimeUs kDayUs = 24 * kHourUs;

// Any thread may call.
class Clock {
 public:
  virtual ~Clock() = default;
  // Calendar time. May step.
  virtual TimeUs NowUs() const = 0;
  // Never goes back; for latencies and deadlines. Its origin means nothing.
  virtual int64_t MonotonicNs() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimeUs NowUs() const override;
  int64_t MonotonicNs() const override;
};

// Moves only when told to.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(TimeUs now = 0) : now_us_(now) {}
  TimeUs NowUs() const override { return now_us_.load(std::memory_order_relaxed); }
  int64_t MonotonicNs() const override { return now_us_.load(std::memory_order_relaxed) * 1000; }
  void Advance(TimeUs by) { now_us_.fetch_add(by, std::memory_order_relaxed); }
  void Set(TimeUs now) { now_us_.store(now, std::memory_order_relaxed); }

 private:
  std::atomic<TimeUs> now_us_;
};

// The newest event time that any request has carried (`--clock event`): windows, maturity, cool-downs and schedules follow the
// stream, so a month can be replayed in seconds. Before the first event NowUs() is 0. MonotonicNs() stays real.
class EventClock final : public Clock {
 public:
  TimeUs NowUs() const override { return newest_us_.load(std::memory_order_acquire); }
  int64_t MonotonicNs() const override { return system_.MonotonicNs(); }
  // Keeps the maximum. Hot path: one relaxed load when nothing advances.
  void Observe(TimeUs event_time);

 private:
  std::atomic<TimeUs> newest_us_{0};
  SystemClock system_;
};

// What the control loop tells: the time up to which it has judged, so that everything it decides bears that time. Until it is told, the
// source's.
class SteppedClock final : public Clock {
 public:
  explicit SteppedClock(const Clock& source) : source_(source) {}
  TimeUs NowUs() const override {
    const TimeUs step = step_us_.load(std::memory_order_acquire);
    return step != 0 ? step : source_.NowUs();
  }
  int64_t MonotonicNs() const override { return source_.MonotonicNs(); }
  void Set(TimeUs step) { step_us_.store(step, std::memory_order_release); }

 private:
  const Clock& source_;
  std::atomic<TimeUs> step_us_{0};
};

}  // namespace vigil
