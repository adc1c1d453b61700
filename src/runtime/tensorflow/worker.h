// A worker process with one SavedModel, kept running: calls go to it, answers come back, and one that dies is started again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/tensorflow/options.h"
#include "runtime/tensorflow/protocol.h"

namespace vigil::tensorflow {

struct WorkerPlace {
  std::string program;  // vigil-tensorflow-worker
  std::string library;  // libtensorflow_cc.so.2
  std::string folder;   // the SavedModel
  std::vector<std::string> tags;
};

// Any thread may call. A thread of its own owns the process and its socket. When the worker dies, the calls that it had are UNAVAILABLE; it
// is started again at once, and calls that come meanwhile wait for it. When it dies without having served for a while, the next start waits
// (WorkerLimits) and calls are UNAVAILABLE until then.
class Worker {
 public:
  // The body of kResult, or why there is none. Called exactly once, on the worker's thread: it hands over and returns.
  using Answer = std::function<void(StatusOr<std::string>)>;

  // Starts a worker and waits until it has loaded the model. The model's own faults come as TensorFlow says them.
  static StatusOr<std::unique_ptr<Worker>> Start(WorkerPlace place, const WorkerLimits& limits);
  // Ends the process; calls that wait are answered UNAVAILABLE before it returns.
  ~Worker();

  // Sends a kRun frame whose call number is 0 (it is filled in). `deadline_ns` on the steady clock, INT64_MAX for none: then
  // DEADLINE_EXCEEDED. An error means that `answer` will not be called.
  Status Submit(std::string frame, int64_t deadline_ns, Answer answer);

  const std::string& version() const { return version_; }  // TensorFlow's
  int64_t pid() const { return pid_.load(std::memory_order_relaxed); }
  int64_t restarts() const { return restarts_.load(std::memory_order_relaxed); }

  // Nanoseconds of the steady clock, on which deadlines are.
  static int64_t NowNs();

 private:
  class Loop;
  Worker() = default;

  std::unique_ptr<Loop> loop_;
  std::string version_;
  std::atomic<int64_t> pid_{0}, restarts_{0};
};

}  // namespace vigil::tensorflow
