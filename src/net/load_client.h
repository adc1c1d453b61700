// A thin epoll load generator for benchmarks and tests: cheap enough that the server, not it, is what one core measures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace vigil::net {

struct LoadOptions {
  std::string host = "127.0.0.1";  // IPv4 literal
  int port = 0;
  std::string unix_socket;  // instead of host and port
  int connections = 64;
  int pipeline = 1;  // requests in flight on one connection
  std::string target = "/";
  std::string content_type = "application/json";
  std::vector<std::string> headers;   // whole lines without CRLF: "X-A: b"
  std::vector<std::string> bodies;    // taken in turn; empty: GET
  int64_t requests = 0;               // stop after so many; 0: by time
  int64_t duration_ms = 1'000;        // stop after so long; with `requests`, a bound
  int64_t stall_timeout_ms = 10'000;  // nothing received for so long: give up, the rest are errors
};

struct LoadResult {
  int64_t answered = 0;
  int64_t errors = 0;  // answers that are not 2xx, broken connections, and requests left without an answer
  double seconds = 0;
  double requests_per_s = 0;
  double p50_us = 0;  // from handing a request to the kernel to reading its answer
  double p99_us = 0;
  double max_us = 0;
  int first_error_status = 0;
  std::string first_error;  // of the first answer that is not 2xx: its body's beginning
};

// Runs on the calling thread. UNAVAILABLE: not a single connection could be made.
StatusOr<LoadResult> RunLoad(const LoadOptions& options);

}  // namespace vigil::net
