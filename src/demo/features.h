// What a bank knows of a transaction when it happens: how the customer has paid lately, and how much fraud the terminal has seen, the
// latter with the week that it takes to learn of fraud. The same 15 features, in the same order, as the transactions that `--data` reads.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/clock.h"
#include "demo/simulator.h"

namespace vigil::demo {

inline constexpr size_t kFeatureCount = 15;
using Features = std::array<float, kFeatureCount>;
const std::vector<std::string>& FeatureNames();

// Feed transactions in time order.
class FeatureBuilder {
 public:
  // A transaction's label is known `label_delay_us` after it.
  FeatureBuilder(int customers, int terminals, int64_t label_delay_us = 7 * kDayUs);
  // Features of `tx`, itself included in the customer's windows; then remembers it.
  Features Add(const Transaction& tx);

 private:
  // Sums over (now - length, now] of a stream that is only ever read forward: `begin` and `end` are positions in `events` counted from
  // the first ever pushed.
  struct Event {
    TimeUs time;
    float value;
  };
  struct Sums {
    int64_t begin = 0, end = 0;
    double value = 0;
    int64_t count() const { return end - begin; }
  };
  struct History {
    std::deque<Event> events;
    int64_t dropped = 0;  // events already removed from the front
    std::array<Sums, 3> windows;
    void Move(TimeUs now, int64_t delay);
  };

  const int64_t label_delay_us_;
  std::vector<History> customers_;
  std::vector<History> terminals_;
};

}  // namespace vigil::demo
