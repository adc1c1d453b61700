// Settings of the ONNX runtime.
#pragma once

#include <string>
#include <vector>

#include "runtime/batch_queue.h"

namespace vigil::onnx {

struct OnnxOptions {
  // Threads inside one operator, and operators side by side, of a session; 0: as many as cores. One each suits a server whose own threads
  // already fill the cores: a request then runs where it arrived.
  int intra_threads = 1;
  int inter_threads = 1;
  // Execution providers in order of preference, as ONNX Runtime names them with or without "ExecutionProvider" ("CUDA"); the CPU comes
  // last of itself.
  std::vector<std::string> providers;
  // Calls that arrive about the same time are scored together; rows_max 0: each is scored where it arrives. Models that are lifted into our
  // own trees are never batched.
  BatchingOptions batching{.rows_max = 0};
};

inline constexpr int kOnnxThreadsMax = 1024;

}  // namespace vigil::onnx
