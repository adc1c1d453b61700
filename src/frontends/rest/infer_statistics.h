// Inference counts and times by version, as the Open Inference Protocol's statistics give them. Each thread adds to cells of its own;
// whoever asks sums them.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "telemetry/metrics.h"

namespace vigil {

// Monotonic times of one request.
struct InferTimes {
  int64_t arrived_ns = 0, parsed_ns = 0, scored_ns = 0, done_ns = 0;
};

// One thread's of one version. Counts are of requests unless they say rows; times are summed.
struct InferCell {
  Counter success, success_ns, fail, fail_ns, rows;
  Counter input_ns, infer_ns, output_ns;  // of the successful: reading the body, scoring, writing the answer
  std::atomic<TimeUs> last{0};            // when the last one was answered

  // Only the owning thread.
  void Add(bool ok, size_t row_count, const InferTimes& times, TimeUs now);
};

struct InferSums {
  int64_t success = 0, success_ns = 0, fail = 0, fail_ns = 0, rows = 0;
  int64_t input_ns = 0, infer_ns = 0, output_ns = 0;
  TimeUs last = 0;
};

class InferStatistics {
 public:
  // A new cell for the calling thread; lives as long as this.
  InferCell& NewCell(std::string_view model, std::string_view version);
  // All zero for what was never asked.
  InferSums Sum(std::string_view model, std::string_view version) const;
  // Of all its versions.
  InferSums SumOf(std::string_view model) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::deque<InferCell>> cells_;
};

}  // namespace vigil
