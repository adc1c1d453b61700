// The prediction log's segment files: which there are, what is in them, and which number comes next. A number is never given twice,
// because prediction ids are made of it; docs/formats/prediction-log.md says how that survives removal and crashes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "storage/file_system.h"
#include "storage/log_format.h"

namespace vigil {

inline constexpr uint32_t kShardsMax = 1u << 10;
inline constexpr uint32_t kSegmentNumbersMax = 1u << 22;

// One segment file. Constant fields, then what its one writer publishes and any thread may read.
struct LogSegment {
  LogSegment(uint32_t shard_number, uint32_t segment_number, std::string file, TimeUs created_at)
      : shard(shard_number), number(segment_number), path(std::move(file)), created(created_at) {}
  const uint32_t shard;
  const uint32_t number;
  const std::string path;
  const TimeUs created;

  std::atomic<int64_t> bytes{0};  // readable: whole frames, flushed
  std::atomic<int64_t> records{0};
  std::atomic<TimeUs> time_min{INT64_MAX};  // of prediction times; never narrower than the readable records
  std::atomic<TimeUs> time_max{INT64_MIN};
  std::atomic<bool> live{false};  // a writer still appends

  SegmentFooter Footer() const { return {records.load(), time_min.load(), time_max.load()}; }
};
using LogSegmentPtr = std::shared_ptr<LogSegment>;
using SegmentKey = std::pair<uint32_t, uint32_t>;  // shard, number

// Any thread may call.
class LogSegments {
 public:
  LogSegments(FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

  // Lists the directory. `repair` (the log's owner): cuts torn tails, seals what a crash left open, removes segments that hold no
  // prediction. Without it nothing is changed, and an open segment is read up to its last good frame.
  Status Load(bool repair);

  // Creates the file with its header, durably, and takes the shard's next number. It is not listed until Add.
  StatusOr<std::pair<LogSegmentPtr, std::unique_ptr<WritableFile>>> Create(uint32_t shard, TimeUs now);
  void Add(const LogSegmentPtr& segment);
  // Deletes a segment none of whose ids was ever told.
  void Discard(const LogSegment& segment);
  // Deletes listed segments, remembering their numbers durably first.
  Status Remove(const std::vector<LogSegmentPtr>& segments);

  // Oldest first.
  std::vector<LogSegmentPtr> List() const;
  LogSegmentPtr Find(SegmentKey key) const;  // nullptr when there is none
  int64_t torn_bytes_cut() const { return torn_bytes_cut_; }

 private:
  Status LoadOne(const FileSystem::Entry& entry, SegmentKey key, bool repair, std::vector<LogSegmentPtr>* empty);
  Status LoadNumbers();
  Status SaveNumbers(const std::vector<LogSegmentPtr>& leaving);

  FileSystem& files_;
  const std::string directory_;
  int64_t torn_bytes_cut_ = 0;

  mutable std::mutex mutex_;
  std::map<SegmentKey, LogSegmentPtr> segments_;  // guarded by mutex_
  std::map<uint32_t, uint32_t> next_number_;      // guarded by mutex_; by shard
};

}  // namespace vigil
