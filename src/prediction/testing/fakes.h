// What a pipeline writes to, in memory: a prediction log and a monitor that keep what they were given.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "monitoring/monitor.h"
#include "storage/prediction_log.h"

namespace vigil::testing {

// Keeps every record. Writers may be used from their own threads.
class MemoryLog final : public PredictionLog {
 public:
  StatusOr<uint32_t> RegisterSchema(const LogSchema&) override { return absl::UnimplementedError("memory log"); }
  StatusOr<LogSchema> FindSchema(uint32_t) const override { return absl::UnimplementedError("memory log"); }
  StatusOr<std::unique_ptr<LogWriter>> NewWriter() override {
    if (!writer_failure.ok()) return writer_failure;
    std::lock_guard lock(mutex_);
    return std::make_unique<Writer>(*this, writers_++);
  }
  StatusOr<LabelCounts> Join(const std::vector<Label>&, const std::function<void(const LabelledPrediction&)>&) override {
    return absl::UnimplementedError("memory log");
  }
  Status Scan(const LogQuery&, const std::function<bool(const LoggedPrediction&)>&) const override {
    return absl::UnimplementedError("memory log");
  }
  LogCounters counters() const override { return {}; }
  Status Verify() const override { return absl::OkStatus(); }
  Status Maintain() override { return absl::OkStatus(); }

  // Set before use.
  bool keep = true;  // false: records are only numbered, so that nothing is allocated
  Status writer_failure, append_failure, flush_failure;

  std::vector<LoggedPrediction> records;  // in the order of Append
  int flushes = 0;
  size_t flushed = 0;  // records that the last flush covered

 private:
  class Writer final : public LogWriter {
   public:
    Writer(MemoryLog& log, uint32_t shard) : log_(log), shard_(shard) {}
    PredictionId NextId() override { return PredictionId::Make(shard_, 1, ordinal_); }
    Status Append(PredictionRecord& record) override {
      if (!log_.append_failure.ok()) return log_.append_failure;
      record.prediction_id = NextId();
      ++ordinal_;
      if (!log_.keep) return absl::OkStatus();
      LoggedPrediction kept;
      kept.prediction_id = record.prediction_id;
      kept.schema = record.schema;
      kept.time = record.time;
      kept.latency_us = record.latency_us;
      kept.status = record.status;
      kept.id = record.id;
      kept.entity = record.entity;
      kept.arm = record.arm;
      kept.features.assign(record.features.begin(), record.features.end());
      kept.cleaning.assign(record.cleaning.begin(), record.cleaning.end());
      kept.outputs.assign(record.outputs.begin(), record.outputs.end());
      kept.exact.assign(record.exact.begin(), record.exact.end());
      kept.texts.assign(record.texts.begin(), record.texts.end());
      kept.answer_numbers.assign(record.answer_numbers.begin(), record.answer_numbers.end());
      kept.answer_texts.assign(record.answer_texts.begin(), record.answer_texts.end());
      std::lock_guard lock(log_.mutex_);
      log_.records.push_back(std::move(kept));
      return absl::OkStatus();
    }
    Status FlushIfDue(int64_t) override { return Flush(); }
    bool waiting() const override { return false; }
    Status Flush() override {
      if (!log_.flush_failure.ok()) return log_.flush_failure;
      std::lock_guard lock(log_.mutex_);
      ++log_.flushes;
      log_.flushed = log_.records.size();
      return absl::OkStatus();
    }

   private:
    MemoryLog& log_;
    const uint32_t shard_;
    uint32_t ordinal_ = 0;
  };

  std::mutex mutex_;
  uint32_t writers_ = 0;
};

// Keeps every observation of one writer.
class MemoryMonitor final : public Monitor {
 public:
  struct Seen {
    uint32_t slot;
    uint8_t arm;
    TimeUs time;
    bool refused, failed;
    uint32_t cleaned;
    std::vector<float> features, outputs;
  };
  Status AddVersion(const MonitoredVersion&) override { return absl::OkStatus(); }
  std::unique_ptr<MonitorWriter> NewWriter() override { return std::make_unique<Writer>(*this); }
  void AddLabelled(const LabelledPrediction&) override {}
  std::vector<Finding> Advance(TimeUs) override { return {}; }
  std::vector<Finding> Series(const SeriesQuery&) const override { return {}; }
  std::string Serialize() const override { return ""; }
  Status Restore(std::string_view) override { return absl::OkStatus(); }

  bool keep = true;
  std::vector<Seen> seen;
  int seals = 0;
  bool seal_succeeds = true;

 private:
  class Writer final : public MonitorWriter {
   public:
    explicit Writer(MemoryMonitor& monitor) : monitor_(monitor) {}
    void Observe(const Observation& row) override {
      if (!monitor_.keep) return;
      monitor_.seen.push_back({row.slot,
                               row.arm,
                               row.time,
                               row.refused,
                               row.failed,
                               row.cleaned,
                               {row.features.begin(), row.features.end()},
                               {row.outputs.begin(), row.outputs.end()}});
    }
    float OutlierScore(uint32_t, absl::Span<const float>) const override { return 0; }
    bool Seal() override {
      ++monitor_.seals;
      return monitor_.seal_succeeds;
    }

   private:
    MemoryMonitor& monitor_;
  };
};

}  // namespace vigil::testing
