#include "frontends/rest/infer_statistics.h"

#include <algorithm>

namespace vigil {

void InferCell::Add(bool ok, size_t row_count, const InferTimes& times, TimeUs now) {
  last.store(now, std::memory_order_relaxed);
  if (!ok) {
    fail.Add();
    fail_ns.Add(times.done_ns - times.arrived_ns);
    return;
  }
  success.Add();
  success_ns.Add(times.done_ns - times.arrived_ns);
  rows.Add(static_cast<int64_t>(row_count));
  input_ns.Add(times.parsed_ns - times.arrived_ns);
  infer_ns.Add(times.scored_ns - times.parsed_ns);
  output_ns.Add(times.done_ns - times.scored_ns);
}

InferCell& InferStatistics::NewCell(std::string_view model, std::string_view version) {
  const std::lock_guard lock(mutex_);
  return cells_[{std::string(model), std::string(version)}].emplace_back();
}

namespace {

void AddCells(const std::deque<InferCell>& cells, InferSums* sums) {
  for (const InferCell& cell : cells) {
    sums->success += cell.success.value();
    sums->success_ns += cell.success_ns.value();
    sums->fail += cell.fail.value();
    sums->fail_ns += cell.fail_ns.value();
    sums->rows += cell.rows.value();
    sums->input_ns += cell.input_ns.value();
    sums->infer_ns += cell.infer_ns.value();
    sums->output_ns += cell.output_ns.value();
    sums->last = std::max(sums->last, cell.last.load(std::memory_order_relaxed));
  }
}

}  // namespace

InferSums InferStatistics::Sum(std::string_view model, std::string_view version) const {
  const std::lock_guard lock(mutex_);
  InferSums sums;
  const auto found = cells_.find({std::string(model), std::string(version)});
  if (found != cells_.end()) AddCells(found->second, &sums);
  return sums;
}

InferSums InferStatistics::SumOf(std::string_view model) const {
  const std::lock_guard lock(mutex_);
  InferSums sums;
  for (auto at = cells_.lower_bound({std::string(model), std::string()}); at != cells_.end() && at->first.first == model; ++at) {
    AddCells(at->second, &sums);
  }
  return sums;
}

}  // namespace vigil
