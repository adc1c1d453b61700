// Which waiting calls are scored together, and when: a pure decision over times that are given. See batching.h for the threads.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "runtime/model.h"

namespace vigil {

struct BatchingOptions {
  int64_t rows_max = 64;           // rows scored together; a call with more is a batch of its own
  int64_t delay_us_max = 1'000;    // how long the first of a batch waits for others
  int64_t queue_rows_max = 8'192;  // rows waiting; a call that would pass it is refused
  int threads = 1;                 // that score
};

// One call that waits. The batch and the outputs are the caller's and stay until `call.done`.
struct WaitingCall {
  const Batch* batch = nullptr;
  Outputs* outputs = nullptr;
  ScoreCall call;
  int64_t arrived_ns = 0;
};

// Not thread-safe. First in, first out: a batch is the longest run of calls from the front that are alike (types, widths, what is asked)
// and fit.
class BatchQueue {
 public:
  explicit BatchQueue(const BatchingOptions& options) : options_(options) {}

  bool HasRoom(int64_t rows) const { return rows_ == 0 || rows_ + rows <= options_.queue_rows_max; }
  void Add(WaitingCall call);
  int64_t rows() const { return rows_; }
  bool empty() const { return waiting_.empty(); }

  // Calls whose deadline has passed, taken out wherever they stand.
  std::vector<WaitingCall> TakeExpired(int64_t now_ns);

  // When the front batch must go: at once (`now_ns` or less) if it is full or another kind of call waits behind it, else when its first
  // call has waited delay_us_max, or `service_ns` (what a batch takes) before the earliest deadline in it. INT64_MAX: nothing waits.
  int64_t DueNs() const;

  // The front batch, whether due or not. Empty when nothing waits.
  std::vector<WaitingCall> TakeBatch();

  // A batch took so long: the estimate that deadlines are kept with.
  void Served(int64_t ns);
  int64_t service_ns() const { return service_ns_; }

 private:
  // How many calls from the front go together; `more`: could another one still join them.
  size_t FrontBatch(bool* more) const;

  const BatchingOptions options_;
  std::deque<WaitingCall> waiting_;
  int64_t rows_ = 0;
  int64_t service_ns_ = 0;
};

// May the two be scored as one: the same tensors but for the number of rows, and the same asked of both.
bool Alike(const WaitingCall& a, const WaitingCall& b);

}  // namespace vigil
