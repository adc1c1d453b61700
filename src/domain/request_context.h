// What travels with a request through every layer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace vigil {

// W3C trace context, as it came in `traceparent`. All zero: none.
struct TraceContext {
  uint8_t trace_id[16] = {};
  uint8_t span_id[8] = {};
  bool sampled = false;
};

// Who calls. Filled by authentication; "anonymous" until then.
struct Principal {
  std::string_view name = "anonymous";
  std::string_view tenant;
  uint64_t permissions = ~uint64_t{0};
};

// Lives as long as the request; its views point into the connection's buffers.
struct RequestContext {
  std::string_view request_id;  // X-Request-Id, given or made
  Principal principal;
  TraceContext trace;
  std::string_view entity;          // default for rows that bring none
  int64_t deadline_ns = INT64_MAX;  // Clock::MonotonicNs at which an answer is worth nothing
  int64_t arrived_ns = 0;           // Clock::MonotonicNs when the request was whole
  TimeUs received_us = 0;           // Clock::NowUs
  uint32_t shard = 0;               // the serving thread's number
};

}  // namespace vigil
