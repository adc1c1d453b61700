// The prediction log: append-only checksummed segments under STATE/log, one writer a serving thread, so that appending takes no lock.
// A segment starts with a header (format version, codec, key id); a redaction step runs before anything is written. Torn tails are
// cut at start. docs/formats/prediction-log.md has the bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "domain/label.h"
#include "domain/prediction.h"

namespace vigil {

class FileSystem;  // storage/file_system.h

// What a record's numbers mean. Written once into each segment that uses it.
struct LogSchema {
  uint32_t number = 0;  // given by PredictionLog::RegisterSchema; stable across restarts
  std::string model;
  std::string version;
  std::vector<std::string> columns;
  std::vector<std::string> outputs;  // one name a score number: "prediction" or "prediction_0", ...
  std::vector<uint8_t> redacted;     // one a column: 1 where the schema marks it sensitive (written as missing); empty: none
  std::vector<DType> types;          // one a column; empty: all FP32
  // Of the whole answer where it is more than `outputs`: a name and a type an element, as TableShape::answers has them.
  std::vector<std::string> answers;
  std::vector<DType> answer_types;
};

enum class LogSync : uint8_t {
  kAlways,    // durable before the answer is sent
  kInterval,  // a background thread syncs every sync_interval_ms (10): at most that much is at risk
  kOff,       // when the operating system likes
};

struct PredictionLogOptions {
  std::string directory;  // STATE/log
  LogSync sync = LogSync::kInterval;
  int64_t sync_interval_ms = 10;
  int64_t segment_bytes_max = 64 << 20;      // then rotate
  int64_t write_buffer_bytes_max = 4 << 20;  // a writer flushes by itself beyond this
  int64_t retention_us = 400 * kDayUs;       // segments begun, and whose newest prediction is, before now - this are removed
  int64_t disk_bytes_max = 0;                // oldest segments go first beyond this; 0: no limit
  bool read_only = false;                    // beside a running owner: Scan, Verify and FindSchema only; repairs nothing
};

// What was appended is written at the latest this long after the turn that appended it (kAlways: in that turn): writing many records at
// once costs a fraction of writing few. It is well within what kInterval leaves at risk.
inline constexpr int64_t kLogWriteDelayNs = 1'000'000;

// One serving thread's end. Append copies the record into memory; Flush writes (and for kAlways syncs) what has been appended.
class LogWriter {
 public:
  virtual ~LogWriter() = default;
  // The id that the next record of this writer gets. No lock, no allocation when warm, no system call.
  virtual PredictionId NextId() = 0;
  // Sets record.prediction_id = NextId() and keeps a copy. RESOURCE_EXHAUSTED when the disk refuses: the record is counted as dropped.
  virtual Status Append(PredictionRecord& record) = 0;
  virtual Status Flush() = 0;
  // The end of a turn of the thread's loop, at `now_ns` (Clock::MonotonicNs): a Flush if it is due.
  virtual Status FlushIfDue(int64_t now_ns) = 0;
  // Something appended still waits to be written: FlushIfDue must be called again within kLogWriteDelayNs.
  virtual bool waiting() const = 0;
};

struct LogCounters {
  int64_t records = 0;
  int64_t bytes = 0;
  int64_t dropped = 0;  // refused by a full or failing disk
  int64_t syncs = 0;
  int64_t torn_bytes_cut = 0;  // at start
  int64_t segments = 0;
  int64_t disk_bytes = 0;     // of the segments
  int64_t sync_failures = 0;  // each leaves its segment: what it held since the last good sync may be lost
  int64_t damaged_bytes = 0;  // that a Scan had to step over; Verify names them
};

// A record as read back; owns its data.
struct LoggedPrediction {
  PredictionId prediction_id;
  uint32_t schema = 0;
  TimeUs time = 0;
  uint32_t latency_us = 0;
  PredictionStatus status = PredictionStatus::kOk;
  std::string id, entity, arm;
  std::vector<float> features;
  std::vector<uint8_t> cleaning;
  std::vector<float> outputs;
  // As in PredictionRecord.
  std::vector<double> exact, answer_numbers;
  std::vector<std::string> texts, answer_texts;
  bool labelled = false;
  double label = 0;
  TimeUs label_time = 0;
};

struct LogQuery {
  std::string model;                // empty: all
  std::string version;              // empty: all
  TimeUs from = INT64_MIN;          // prediction time, inclusive
  TimeUs to = INT64_MAX;            // exclusive
  bool with_labels = false;         // fill label, label_time
  TimeUs labels_as_of = INT64_MAX;  // only labels known by then
  bool shadows = false;             // include shadow records
};

class PredictionLog {
 public:
  virtual ~PredictionLog() = default;
  // FAILED_PRECONDITION when another process owns the directory (unless read_only). `files`: the disk when null; must outlive the log.
  static StatusOr<std::unique_ptr<PredictionLog>> Open(const PredictionLogOptions& options, const Clock& clock,
                                                       FileSystem* files = nullptr);

  // Any thread. The same (model, version, columns, outputs) gets the same number for ever.
  virtual StatusOr<uint32_t> RegisterSchema(const LogSchema& schema) = 0;
  virtual StatusOr<LogSchema> FindSchema(uint32_t number) const = 0;
  // One a serving thread; the writer is destroyed before the log.
  virtual StatusOr<std::unique_ptr<LogWriter>> NewWriter() = 0;

  // Join and Scan see whatever was appended before the call: they wait for the serving threads to write it.

  // Joins labels to predictions by either id without scanning; idempotent; a later label replaces the earlier. Labels are durable when
  // this returns. `joined` (may be null) sees each accepted label with its prediction, in the order given. Any thread; calls are
  // serialised.
  virtual StatusOr<LabelCounts> Join(const std::vector<Label>& labels, const std::function<void(const LabelledPrediction&)>& joined) = 0;

  // Streams records in segment order until `visit` returns false. Steps over damage, which
  // counters().damaged_bytes tells and Verify names.
  virtual Status Scan(const LogQuery& query, const std::function<bool(const LoggedPrediction&)>& visit) const = 0;
  virtual LogCounters counters() const = 0;
  // Checks every segment's checksums; DATA_LOSS names the first bad byte.
  virtual Status Verify() const = 0;
  // Syncs, rotates and retires as due; called by the control loop.
  virtual Status Maintain() = 0;
};

}  // namespace vigil
