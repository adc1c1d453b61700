#include "runtime/batch_queue.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace vigil {
namespace {

bool RowsLead(const Batch& batch) {
  return std::all_of(batch.tensors().begin(), batch.tensors().end(), [&](const TensorView& tensor) {
    return !tensor.shape.empty() && tensor.shape[0] == static_cast<int64_t>(batch.rows());
  });
}

}  // namespace

bool Alike(const WaitingCall& a, const WaitingCall& b) {
  const auto asked = [](const ScoreCall& c) { return std::tie(c.margin, c.contributions, c.leaves, c.doubles, c.tree_limit); };
  if (asked(a.call) != asked(b.call)) return false;
  const auto &x = a.batch->tensors(), &y = b.batch->tensors();
  if (x.size() != y.size() || !RowsLead(*a.batch) || !RowsLead(*b.batch)) return false;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i].name != y[i].name || x[i].dtype != y[i].dtype || x[i].shape.size() != y[i].shape.size()) return false;
    if (!std::equal(x[i].shape.begin() + 1, x[i].shape.end(), y[i].shape.begin() + 1)) return false;
  }
  return true;
}

void BatchQueue::Add(WaitingCall call) {
  rows_ += static_cast<int64_t>(call.batch->rows());
  waiting_.push_back(std::move(call));
}

std::vector<WaitingCall> BatchQueue::TakeExpired(int64_t now_ns) {
  std::vector<WaitingCall> expired;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->call.deadline_ns > now_ns) {
      ++it;
      continue;
    }
    rows_ -= static_cast<int64_t>(it->batch->rows());
    expired.push_back(std::move(*it));
    it = waiting_.erase(it);
  }
  return expired;
}

size_t BatchQueue::FrontBatch(bool* more) const {
  *more = true;
  size_t count = 0;
  int64_t rows = 0;
  for (const WaitingCall& call : waiting_) {
    const auto here = static_cast<int64_t>(call.batch->rows());
    if (count > 0 && (rows + here > options_.rows_max || !Alike(waiting_.front(), call))) {
      *more = false;
      return count;
    }
    rows += here;
    ++count;
  }
  *more = rows < options_.rows_max;
  return count;
}

int64_t BatchQueue::DueNs() const {
  if (waiting_.empty()) return INT64_MAX;
  bool more = false;
  const size_t count = FrontBatch(&more);
  if (!more) return INT64_MIN;
  int64_t due = waiting_.front().arrived_ns + options_.delay_us_max * 1000;
  for (size_t i = 0; i < count; ++i) {
    if (waiting_[i].call.deadline_ns != INT64_MAX) due = std::min(due, waiting_[i].call.deadline_ns - 2 * service_ns_);
  }
  return due;
}

std::vector<WaitingCall> BatchQueue::TakeBatch() {
  bool more = false;
  const size_t count = FrontBatch(&more);
  std::vector<WaitingCall> batch;
  batch.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    rows_ -= static_cast<int64_t>(waiting_.front().batch->rows());
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch;
}

void BatchQueue::Served(int64_t ns) {
  // Up at once, down slowly: a deadline is better kept than a batch filled.
  service_ns_ = ns > service_ns_ ? ns : service_ns_ - (service_ns_ - ns) / 16;
}

}  // namespace vigil
