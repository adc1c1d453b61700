#include "storage/prediction_log.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/file_system.h"
#include "storage/label_store.h"
#include "storage/log_schemas.h"
#include "storage/log_segments.h"
#include "storage/log_writer.h"

namespace vigil {
namespace {

class FilePredictionLog;

// What NewWriter hands out: a ShardWriter that leaves the log when destroyed.
class WriterHandle final : public LogWriter {
 public:
  WriterHandle(FilePredictionLog& log, std::shared_ptr<ShardWriter> writer) : log_(log), writer_(std::move(writer)) {}
  ~WriterHandle() override;
  PredictionId NextId() override { return writer_->NextId(); }
  Status Append(PredictionRecord& record) override { return writer_->Append(record); }
  Status Flush() override { return writer_->Flush(); }
  Status FlushIfDue(int64_t now_ns) override { return writer_->FlushIfDue(now_ns); }
  bool waiting() const override { return writer_->waiting(); }

 private:
  FilePredictionLog& log_;
  const std::shared_ptr<ShardWriter> writer_;
};

uint64_t RandomSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

class FilePredictionLog final : public PredictionLog {
 public:
  FilePredictionLog(const PredictionLogOptions& options, const Clock& clock, FileSystem* files)
      : options_(options),
        clock_(clock),
        own_files_(files == nullptr ? MakePosixFileSystem() : nullptr),
        files_(files == nullptr ? *own_files_ : *files),
        segments_(files_, options_.directory),
        schemas_(files_, options_.directory + "/schemas"),
        labels_(files_, options_.directory, options_.segment_bytes_max, segments_, options_.read_only, RandomSeed()) {}

  ~FilePredictionLog() override {
    {
      std::lock_guard lock(tend_mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (background_.joinable()) background_.join();
    labels_.Close().IgnoreError();  // an index that is not marked clean is rebuilt
  }

  Status Start() {
    if (!options_.read_only) {
      VIGIL_RETURN_IF_ERROR(files_.CreateDirectories(options_.directory));
      VIGIL_ASSIGN_OR_RETURN(lock_, files_.Lock(options_.directory + "/LOCK"));
    }
    VIGIL_RETURN_IF_ERROR(schemas_.Load());
    VIGIL_RETURN_IF_ERROR(segments_.Load(!options_.read_only));
    if (schemas_.empty()) VIGIL_RETURN_IF_ERROR(RestoreSchemas());
    if (!options_.read_only) background_ = std::thread([this] { RunBackground(); });
    return absl::OkStatus();
  }

  StatusOr<uint32_t> RegisterSchema(const LogSchema& schema) override {
    if (options_.read_only) return ReadOnlyError();
    return schemas_.Register(schema);
  }
  StatusOr<LogSchema> FindSchema(uint32_t number) const override { return schemas_.Find(number); }

  StatusOr<std::unique_ptr<LogWriter>> NewWriter() override {
    if (options_.read_only) return ReadOnlyError();
    std::lock_guard tend_lock(tend_mutex_);
    uint32_t shard = 0;
    for (const auto& writers = Writers(); HasShard(writers, shard);) ++shard;
    if (shard >= kShardsMax) return absl::ResourceExhaustedError(absl::StrCat("at most ", kShardsMax, " threads may write the log"));
    auto writer = std::make_shared<ShardWriter>(options_, clock_, segments_, schemas_, shard);
    VIGIL_RETURN_IF_ERROR(writer->Open());
    std::lock_guard lock(writers_mutex_);
    writers_.push_back(writer);
    return std::make_unique<WriterHandle>(*this, std::move(writer));
  }

  void Leave(const std::shared_ptr<ShardWriter>& writer) {
    std::lock_guard tend_lock(tend_mutex_);
    writer->Close().IgnoreError();  // what it could not write is counted as dropped
    std::lock_guard lock(writers_mutex_);
    writer->AddTo(&gone_);
    std::erase(writers_, writer);
  }

  StatusOr<LabelCounts> Join(const std::vector<Label>& labels, const std::function<void(const LabelledPrediction&)>& joined) override {
    AwaitWrites();
    return labels_.Join(labels, clock_.NowUs(), joined);
  }

  Status Scan(const LogQuery& query, const std::function<bool(const LoggedPrediction&)>& visit) const override;
  LogCounters counters() const override;
  Status Verify() const override;
  Status Maintain() override;

 private:
  static Status ReadOnlyError() { return absl::FailedPreconditionError("the prediction log is open read-only"); }
  using WriterList = std::vector<std::shared_ptr<ShardWriter>>;
  WriterList Writers() const {
    std::lock_guard lock(writers_mutex_);
    return writers_;
  }
  static bool HasShard(const WriterList& writers, uint32_t shard) {
    return std::any_of(writers.begin(), writers.end(), [shard](const auto& writer) { return writer->shard() == shard; });
  }
  void RunBackground();
  void AwaitWrites() const;
  Status RestoreSchemas();
  Status Retire();
  // False: the visitor has had enough.
  StatusOr<bool> ScanSegment(const LogSegment& segment, const LogQuery& query, const std::vector<uint8_t>& matching,
                             const std::function<bool(const LoggedPrediction&)>& visit) const;

  const PredictionLogOptions options_;
  const Clock& clock_;
  const std::unique_ptr<FileSystem> own_files_;
  FileSystem& files_;
  std::unique_ptr<WritableFile> lock_;
  LogSegments segments_;
  LogSchemas schemas_;
  mutable LabelStore labels_;
  mutable std::atomic<int64_t> damaged_bytes_{0};

  std::mutex tend_mutex_;  // held while segments are synced, so never by a reader of counters; taken before writers_mutex_
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by tend_mutex_

  mutable std::mutex writers_mutex_;
  WriterList writers_;  // guarded by writers_mutex_
  LogCounters gone_;    // guarded by writers_mutex_: of writers that left
  std::thread background_;
};

WriterHandle::~WriterHandle() { log_.Leave(writer_); }

void FilePredictionLog::RunBackground() {
  const auto interval = std::chrono::milliseconds(std::max<int64_t>(options_.sync_interval_ms, 1));
  std::unique_lock lock(tend_mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, interval);
    for (const auto& writer : Writers()) writer->Tend(options_.sync == LogSync::kInterval);
  }
}

// Until every record appended so far is in a file, so that whoever was answered finds its prediction. A serving thread that does not come
// round in time (it may be in a debugger, or one that never flushes) is not waited for.
void FilePredictionLog::AwaitWrites() const {
  constexpr auto kPause = std::chrono::microseconds(kLogWriteDelayNs / 2000);
  constexpr int kPausesMax = 40;
  const WriterList writers = Writers();
  std::vector<int64_t> appended;
  for (const auto& writer : writers) appended.push_back(writer->appended());
  for (size_t w = 0, pauses = 0; w < writers.size();) {
    if (writers[w]->settled() >= appended[w] || pauses == kPausesMax) {
      ++w;
    } else {
      std::this_thread::sleep_for(kPause);
      ++pauses;
    }
  }
}

// The schemas file is gone but segments are there: each carries the schemas it uses.
Status FilePredictionLog::RestoreSchemas() {
  for (const LogSegmentPtr& segment : segments_.List()) {
    VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> mapped, files_.MapForRead(segment->path, segment->bytes));
    FrameCursor cursor(mapped->bytes());
    Frame frame;
    for (FrameCursor::Step step; (step = cursor.Next(&frame)) != FrameCursor::Step::kEnd;) {
      if (step != FrameCursor::Step::kFrame || frame.type != FrameType::kSchema) continue;
      if (StatusOr<LogSchema> schema = DecodeSchema(frame.payload); schema.ok()) schemas_.Restore(*schema);
    }
  }
  return absl::OkStatus();
}

// --- reading ---

Status FilePredictionLog::Scan(const LogQuery& query, const std::function<bool(const LoggedPrediction&)>& visit) const {
  AwaitWrites();
  const std::vector<uint8_t> matching = schemas_.Matching(query.model, query.version);
  for (const LogSegmentPtr& segment : segments_.List()) {
    // Bytes first: times and counts are published before them.
    if (segment->bytes.load(std::memory_order_acquire) <= static_cast<int64_t>(kLogHeaderBytes)) continue;
    if (segment->time_max.load(std::memory_order_relaxed) < query.from || segment->time_min.load(std::memory_order_relaxed) >= query.to)
      continue;
    VIGIL_ASSIGN_OR_RETURN(const bool more, ScanSegment(*segment, query, matching, visit));
    if (!more) break;
  }
  return absl::OkStatus();
}

StatusOr<bool> FilePredictionLog::ScanSegment(const LogSegment& segment, const LogQuery& query, const std::vector<uint8_t>& matching,
                                              const std::function<bool(const LoggedPrediction&)>& visit) const {
  StatusOr<std::unique_ptr<MappedFile>> mapped = files_.MapForRead(segment.path, segment.bytes.load(std::memory_order_acquire));
  if (absl::IsNotFound(mapped.status())) return true;  // retired meanwhile
  if (!mapped.ok()) return mapped.status();
  SegmentLabels labels;
  if (query.with_labels) {
    VIGIL_ASSIGN_OR_RETURN(labels, labels_.LabelsOf(segment, query.labels_as_of));
  }
  FrameCursor cursor((*mapped)->bytes());
  Frame frame;
  PredictionView view;
  LoggedPrediction out;
  for (FrameCursor::Step step; (step = cursor.Next(&frame)) != FrameCursor::Step::kEnd;) {
    if (step != FrameCursor::Step::kFrame) {
      damaged_bytes_.fetch_add(frame.end - frame.offset, std::memory_order_relaxed);
      continue;
    }
    if (frame.type != FrameType::kPrediction || !DecodePrediction(frame.payload, &view)) continue;
    if (view.time < query.from || view.time >= query.to) continue;
    if (view.status == PredictionStatus::kShadow && !query.shadows) continue;
    if (view.schema >= matching.size() || matching[view.schema] == 0) continue;
    out.prediction_id = PredictionId::Make(segment.shard, segment.number, view.ordinal);
    out.schema = view.schema;
    out.time = view.time;
    out.latency_us = view.latency_us;
    out.status = view.status;
    out.id.assign(view.id);
    out.entity.assign(view.entity);
    out.arm.assign(view.arm);
    CopyFloats(view.features, &out.features);
    CopyFloats(view.outputs, &out.outputs);
    CopyMixed(view.mixed, &out);
    out.cleaning.assign(view.cleaning.begin(), view.cleaning.end());
    const SegmentLabels::Label* label = labels.Of(view.ordinal);
    out.labelled = label != nullptr;
    out.label = label != nullptr ? label->value : 0;
    out.label_time = label != nullptr ? label->time : 0;
    if (!visit(out)) return false;
  }
  return true;
}

LogCounters FilePredictionLog::counters() const {
  LogCounters counters;
  {
    std::lock_guard lock(writers_mutex_);
    counters = gone_;
    for (const auto& writer : writers_) writer->AddTo(&counters);
  }
  counters.torn_bytes_cut = segments_.torn_bytes_cut();
  counters.damaged_bytes = damaged_bytes_.load(std::memory_order_relaxed);
  for (const LogSegmentPtr& segment : segments_.List()) {
    ++counters.segments;
    counters.disk_bytes += segment->bytes.load(std::memory_order_relaxed);
  }
  return counters;
}

Status FilePredictionLog::Verify() const {
  for (const LogSegmentPtr& segment : segments_.List()) {
    if (segment->bytes.load(std::memory_order_acquire) == 0) continue;  // its owner is just creating it
    StatusOr<std::unique_ptr<MappedFile>> mapped = files_.MapForRead(segment->path, segment->bytes.load(std::memory_order_acquire));
    if (absl::IsNotFound(mapped.status())) continue;
    if (!mapped.ok()) return mapped.status();
    const StatusOr<LogHeader> header = DecodeLogHeader((*mapped)->bytes());
    if (!header.ok()) return Status(header.status().code(), absl::StrCat(segment->path, ": ", header.status().message()));
    FrameCursor cursor((*mapped)->bytes());
    Frame frame;
    PredictionView view;
    for (FrameCursor::Step step; (step = cursor.Next(&frame)) != FrameCursor::Step::kEnd;) {
      const bool readable =
          step == FrameCursor::Step::kFrame && (frame.type != FrameType::kPrediction || DecodePrediction(frame.payload, &view));
      if (!readable) return absl::DataLossError(absl::StrCat(segment->path, " is damaged from byte ", frame.offset, " to ", frame.end));
    }
    if (cursor.offset() < static_cast<int64_t>((*mapped)->size())) {
      return absl::DataLossError(absl::StrCat(segment->path, " holds only zeros from byte ", cursor.offset(), " on"));
    }
  }
  return labels_.Verify();
}

// --- upkeep ---

Status FilePredictionLog::Maintain() {
  if (options_.read_only) return absl::OkStatus();
  {
    std::lock_guard lock(tend_mutex_);
    for (const auto& writer : Writers()) writer->Tend(options_.sync != LogSync::kOff);
  }
  VIGIL_RETURN_IF_ERROR(Retire());
  return labels_.CatchUp(clock_.NowUs());
}

Status FilePredictionLog::Retire() {
  std::vector<LogSegmentPtr> sealed = segments_.List();
  int64_t disk_bytes = 0;
  for (const LogSegmentPtr& segment : sealed) disk_bytes += segment->bytes.load(std::memory_order_relaxed);
  std::erase_if(sealed, [](const LogSegmentPtr& segment) { return segment->live.load(std::memory_order_acquire); });
  const TimeUs oldest_kept = clock_.NowUs() - options_.retention_us;
  std::vector<LogSegmentPtr> leaving;
  for (const LogSegmentPtr& segment : sealed) {
    const bool too_many = options_.disk_bytes_max > 0 && disk_bytes > options_.disk_bytes_max;
    // Written lately is young too: old event times alone (a replay under the wall clock) remove nothing.
    const TimeUs newest = std::max(segment->time_max.load(std::memory_order_relaxed), segment->created);
    if (!too_many && newest >= oldest_kept) continue;
    leaving.push_back(segment);
    disk_bytes -= segment->bytes.load(std::memory_order_relaxed);
  }
  if (leaving.empty()) return absl::OkStatus();
  VIGIL_RETURN_IF_ERROR(labels_.Forget(leaving, clock_.NowUs()));
  return segments_.Remove(leaving);
}

}  // namespace

StatusOr<std::unique_ptr<PredictionLog>> PredictionLog::Open(const PredictionLogOptions& options, const Clock& clock, FileSystem* files) {
  if (options.directory.empty()) return absl::InvalidArgumentError("the prediction log needs a directory");
  if (options.segment_bytes_max < 4096 || options.segment_bytes_max > (int64_t{1} << 34)) {
    return absl::InvalidArgumentError(absl::StrCat("segment_bytes_max is ", options.segment_bytes_max, "; it must lie in [4096, 2^34]"));
  }
  auto log = std::make_unique<FilePredictionLog>(options, clock, files);
  VIGIL_RETURN_IF_ERROR(log->Start());
  return log;
}

}  // namespace vigil
