#include "prediction/log.h"

namespace vigil {

RowRecorder::RowRecorder(PredictionLog* log, Monitor* monitor, const Clock& clock, uint64_t id_seed, LiveCounters& counters)
    : log_(log), clock_(clock), counters_(counters), unlogged_(id_seed), monitor_(monitor == nullptr ? nullptr : monitor->NewWriter()) {
  OpenWriter();
}

void RowRecorder::OpenWriter() {
  if (log_ == nullptr || writer_ != nullptr) return;
  const int64_t now = clock_.MonotonicNs();
  if (reopen_ns_ != 0 && now < reopen_ns_) return;
  reopen_ns_ = now + kReopenNs;
  StatusOr<std::unique_ptr<LogWriter>> writer = log_->NewWriter();
  if (writer.ok()) {
    writer_ = *std::move(writer);
  } else {
    counters_.log_failures.Add(1);
  }
}

PredictionId RowRecorder::NextId() const { return writer_ != nullptr ? writer_->NextId() : unlogged_.Peek(); }

void RowRecorder::Record(PredictionRecord& record, uint32_t slot, ArmCode arm, uint32_t cleaned_cells, const TextCodes& codes) {
  if (writer_ == nullptr || !writer_->Append(record).ok()) {
    // Not the id that the log would have given: its next record gets that one.
    record.prediction_id = unlogged_.Next();
    if (log_ != nullptr) counters_.log_dropped.Add(1);
  }
  if (monitor_ == nullptr) return;
  Observation row;
  row.slot = slot;
  row.arm = static_cast<uint8_t>(arm);
  row.time = record.time;
  row.latency_us = record.latency_us;
  row.refused = record.status == PredictionStatus::kRefused;
  row.failed = !row.refused && record.outputs.empty();
  row.cleaned = cleaned_cells;
  row.features = record.features;
  if (!codes.empty()) {
    codes.Code(record.features, record.texts, &coded_);
    row.features = coded_;
  }
  row.outputs = record.outputs;
  monitor_->Observe(row);
}

void RowRecorder::Flush() {
  if (writer_ != nullptr && !writer_->Flush().ok()) counters_.log_failures.Add(1);
}

bool RowRecorder::FlushIfDue(int64_t now_ns) {
  if (writer_ == nullptr) OpenWriter();
  if (writer_ == nullptr) return false;
  if (!writer_->FlushIfDue(now_ns).ok()) counters_.log_failures.Add(1);
  return writer_->waiting();
}

bool RowRecorder::Seal() { return monitor_ == nullptr || monitor_->Seal(); }

}  // namespace vigil
