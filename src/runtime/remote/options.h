// Every limit of remote models.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vigil::remote {

struct RemoteLimits {
  size_t connections_max = 8;     // a model: calls in flight
  size_t queued_calls_max = 256;  // more are RESOURCE_EXHAUSTED
  int64_t connect_ms = 1'000;
  int64_t call_ms = 30'000;  // of a call that has no deadline of its own
  int64_t metadata_ms = 10'000;
  int tries_max = 2;  // only while nothing can have reached the server
  int64_t retry_wait_ms = 25;
  int failures_to_open = 5;                           // in a row: then calls fail at once
  int64_t open_first_ms = 500, open_max_ms = 30'000;  // doubled at each failed probe
  size_t answer_bytes_max = 64u << 20;
};

}  // namespace vigil::remote
