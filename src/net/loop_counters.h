// Counters of one loop's transport: written by its thread alone, read by any.
#pragma once

#include <atomic>
#include <cstdint>

namespace vigil::net {

class LoopCounter {
 public:
  void Add(int64_t by) { value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

struct alignas(64) LoopCounters {
  LoopCounter connections_open;
  LoopCounter connections_total;
  LoopCounter connections_refused;
  LoopCounter requests_total;
  LoopCounter bytes_in;
  LoopCounter bytes_out;
  LoopCounter timeouts;
  LoopCounter protocol_errors;
  LoopCounter h2_connections;
  LoopCounter h2_floods;
  LoopCounter h2_resets;
  LoopCounter grpc_calls;
};

}  // namespace vigil::net
