// A serving thread's counters as that thread writes them and others read them: relaxed, so that counting costs an addition.
#pragma once

#include <atomic>
#include <cstdint>

#include "prediction/pipeline.h"

namespace vigil {

// Only its thread adds; any thread reads.
class LiveCounter {
 public:
  void Add(int64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  int64_t Read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

struct LiveCounters {
  LiveCounter requests, rows, refused_rows, failed_rows, cleaned_cells, shadow_rows, shadow_skipped, shadow_failed, log_dropped,
      log_failures;

  PipelineCounters Read() const {
    return {requests.Read(),    rows.Read(),           refused_rows.Read(),  failed_rows.Read(), cleaned_cells.Read(),
            shadow_rows.Read(), shadow_skipped.Read(), shadow_failed.Read(), log_dropped.Read(), log_failures.Read()};
  }
};

}  // namespace vigil
