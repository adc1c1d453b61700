// One serving thread's end of the prediction log, and what the log's background thread does for it. Append and Flush belong to the
// serving thread; Tend to the background thread; they meet in atomics, and in a lock only when a segment changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "storage/log_schemas.h"
#include "storage/log_segments.h"
#include "storage/prediction_log.h"

namespace vigil {

// Written by one thread, read by any: plain additions without a locked instruction.
class RelaxedCounter {
 public:
  void Add(int64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

class ShardWriter {
 public:
  // All references outlive the writer.
  ShardWriter(const PredictionLogOptions& options, const Clock& clock, LogSegments& segments, const LogSchemas& schemas, uint32_t shard);
  Status Open();

  // --- the serving thread ---
  PredictionId NextId() const { return PredictionId::Make(shard_, number_, ordinal_); }
  Status Append(PredictionRecord& record);
  Status Flush();
  Status FlushIfDue(int64_t now_ns);
  bool waiting() const { return buffered_ > 0; }
  // Flushes, seals and syncs; nothing may be appended after it.
  Status Close();

  // --- the background thread, and whoever holds the log's tend lock ---
  // Syncs what was flushed (unless `sync` is false), closes segments that were rotated away, prepares the next one when it will soon be
  // needed.
  void Tend(bool sync);

  // --- any thread ---
  // Records ever appended, and of these how many are in the file or lost.
  int64_t appended() const { return appended_.value(); }
  int64_t settled() const { return settled_.value(); }

  uint32_t shard() const { return shard_; }
  void AddTo(LogCounters* counters) const;

 private:
  // An open segment file. Shared by the serving and the background thread; the file is written by the former and synced by both.
  struct OpenSegment {
    LogSegmentPtr segment;
    std::unique_ptr<WritableFile> file;
    int64_t reserved = 0;            // serving thread: bytes preallocated
    std::atomic<int64_t> synced{0};  // bytes known to be durable
  };
  using OpenSegmentPtr = std::shared_ptr<OpenSegment>;

  StatusOr<OpenSegmentPtr> CreateSegment();
  // Switches to the spare segment, or to a new one.
  Status Rotate();
  Status SyncSegment(OpenSegment& open);
  // Seals a segment that nobody appends to any more.
  Status Finish(OpenSegment& open);
  const LogSchema* SchemaFor(uint32_t number);
  void Reserve(size_t bytes);
  Status WriteBuffer();

  const PredictionLogOptions& options_;
  const Clock& clock_;
  LogSegments& segments_;
  const LogSchemas& schemas_;
  const uint32_t shard_;

  // Serving thread only.
  uint32_t number_ = 0;
  uint32_t ordinal_ = 0;
  bool gap_ = false;  // the disk refused records of this segment
  OpenSegmentPtr open_;
  std::unique_ptr<char[]> buffer_;
  size_t buffered_ = 0, buffer_capacity_ = 0;
  int64_t buffered_records_ = 0;
  int64_t buffered_since_ns_ = 0;  // the first FlushIfDue that left something waiting; 0: nothing waits
  RelaxedCounter appended_, settled_;
  TimeUs time_min_ = INT64_MAX, time_max_ = INT64_MIN;  // of the segment, with what is buffered
  struct KnownSchema {
    bool written = false;  // into the current segment
    std::unique_ptr<LogSchema> schema;
  };
  std::vector<KnownSchema> known_;  // by schema number
  Redaction redaction_;
  uint64_t known_generation_ = 0;
  RelaxedCounter records_, bytes_, dropped_;
  Status owed_error_;                 // kAlways: a sync that failed while a segment was left; the next Flush tells
  std::atomic<bool> suspect_{false};  // a sync of the current segment failed: what it holds may be lost, so leave it

  std::atomic<int64_t> syncs_{0}, sync_failures_{0};

  std::mutex handover_mutex_;
  OpenSegmentPtr current_;                // guarded by handover_mutex_: open_, for the background thread
  OpenSegmentPtr spare_;                  // guarded
  std::vector<OpenSegmentPtr> finished_;  // guarded: rotated away, to be sealed
};

}  // namespace vigil
