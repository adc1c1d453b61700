#include "storage/log_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vigil {
namespace {

constexpr int64_t kReserveBytesMax = 4 << 20;  // of disk at a time
constexpr size_t kBufferBytesMin = 64 << 10;
constexpr size_t kWriteBytes = 32 << 10;  // enough for one write to be worth its while

}  // namespace

ShardWriter::ShardWriter(const PredictionLogOptions& options, const Clock& clock, LogSegments& segments, const LogSchemas& schemas,
                         uint32_t shard)
    : options_(options), clock_(clock), segments_(segments), schemas_(schemas), shard_(shard) {}

Status ShardWriter::Open() {
  Reserve(kBufferBytesMin);
  return Rotate();
}

StatusOr<ShardWriter::OpenSegmentPtr> ShardWriter::CreateSegment() {
  VIGIL_ASSIGN_OR_RETURN(auto created, segments_.Create(shard_, clock_.NowUs()));
  auto open = std::make_shared<OpenSegment>();
  open->segment = std::move(created.first);
  open->file = std::move(created.second);
  open->synced = open->segment->bytes.load();
  return open;
}

Status ShardWriter::Rotate() {
  OpenSegmentPtr next;
  {
    std::lock_guard lock(handover_mutex_);
    next = std::move(spare_);
  }
  if (next == nullptr) {
    VIGIL_ASSIGN_OR_RETURN(next, CreateSegment());
  }
  next->segment->live = true;
  segments_.Add(next->segment);
  {
    std::lock_guard lock(handover_mutex_);
    if (open_ != nullptr) finished_.push_back(std::move(open_));
    current_ = next;
  }
  open_ = std::move(next);
  number_ = open_->segment->number;
  ordinal_ = 0;
  gap_ = false;
  time_min_ = INT64_MAX;
  time_max_ = INT64_MIN;
  suspect_.store(false, std::memory_order_relaxed);
  for (KnownSchema& known : known_) known.written = false;
  return absl::OkStatus();
}

void ShardWriter::Reserve(size_t bytes) {
  if (buffered_ + bytes <= buffer_capacity_) return;
  const size_t capacity = std::max({buffered_ + bytes, 2 * buffer_capacity_, kBufferBytesMin});
  std::unique_ptr<char[]> grown(new char[capacity]);
  if (buffered_ > 0) std::memcpy(grown.get(), buffer_.get(), buffered_);
  buffer_ = std::move(grown);
  buffer_capacity_ = capacity;
}

// The schema of `number`, written into the segment before its first use there. Null when nobody registered it.
const LogSchema* ShardWriter::SchemaFor(uint32_t number) {
  if (const uint64_t generation = schemas_.generation(); generation != known_generation_) {
    known_.clear();
    known_generation_ = generation;
  }
  if (number < known_.size() && known_[number].written) return known_[number].schema.get();
  if (number >= known_.size()) {
    if (!schemas_.Find(number).ok()) return nullptr;
    known_.resize(number + 1);
  }
  KnownSchema& known = known_[number];
  if (known.schema == nullptr) {
    StatusOr<LogSchema> found = schemas_.Find(number);
    if (!found.ok()) return nullptr;
    known.schema = std::make_unique<LogSchema>(*std::move(found));
  }
  std::string frame;
  AppendFrame(&frame, EncodeSchema(*known.schema));
  Reserve(frame.size());
  std::memcpy(buffer_.get() + buffered_, frame.data(), frame.size());
  buffered_ += frame.size();
  known.written = true;
  return known.schema.get();
}

Status ShardWriter::Append(PredictionRecord& record) {
  record.prediction_id = NextId();
  // Whatever becomes of the record, its id is spent: it may have been told to someone.
  ++ordinal_;
  if (buffered_ >= static_cast<size_t>(options_.write_buffer_bytes_max)) {
    if (Status status = WriteBuffer(); !status.ok()) {
      dropped_.Add(1);
      gap_ = true;
      return status;
    }
  }
  const LogSchema* schema = SchemaFor(record.schema);
  if (schema == nullptr) {
    dropped_.Add(1);
    return absl::InvalidArgumentError(absl::StrCat("log schema ", record.schema, " is not registered"));
  }
  PredictionRecord written = record;
  redaction_.Apply(*schema, &written);
  const size_t bytes = PredictionFrameBytes(written);
  if (bytes > kFramePayloadBytesMax) {
    dropped_.Add(1);
    return absl::InvalidArgumentError(absl::StrCat("a log record of ", bytes, " bytes; at most ", kFramePayloadBytesMax, " are kept"));
  }
  if (!record.cleaning.empty() && record.cleaning.size() != record.features.size()) {
    dropped_.Add(1);
    return absl::InvalidArgumentError(
        absl::StrCat("a log record with ", record.cleaning.size(), " cleaning marks for ", record.features.size(), " features"));
  }
  Reserve(bytes);
  EncodePredictionFrame(written, buffer_.get() + buffered_);
  buffered_ += bytes;
  ++buffered_records_;
  appended_.Add(1);
  time_min_ = std::min(time_min_, record.time);
  time_max_ = std::max(time_max_, record.time);
  const int64_t segment_bytes = open_->segment->bytes.load(std::memory_order_relaxed) + static_cast<int64_t>(buffered_);
  // After a gap of dropped ordinals too, lest the label index keep room for them all.
  if (segment_bytes >= options_.segment_bytes_max || ordinal_ >= kOrdinalsMax || gap_) {
    // Here and not before the next Append, so that NextId() already tells the new segment's id. A disk that refuses leaves everything as it
    // was: the record waits in the buffer, and the segment grows until it can be left.
    if (WriteBuffer().ok()) {
      if (options_.sync == LogSync::kAlways) owed_error_.Update(SyncSegment(*open_));
      Rotate().IgnoreError();
    }
  }
  return absl::OkStatus();
}

Status ShardWriter::WriteBuffer() {
  if (buffered_ == 0) return absl::OkStatus();
  LogSegment& segment = *open_->segment;
  const int64_t at = segment.bytes.load(std::memory_order_relaxed);
  const int64_t end = at + static_cast<int64_t>(buffered_);
  if (end > open_->reserved) {
    const int64_t step = std::clamp<int64_t>(options_.segment_bytes_max / 4, 4096, kReserveBytesMax);
    const int64_t reserve = (end / step + 1) * step;
    open_->file->Preallocate(reserve).IgnoreError();  // it only makes syncs cheaper
    open_->reserved = reserve;
  }
  // After a failure the bytes stay in the buffer, and the next attempt overwrites whatever part of them has landed.
  VIGIL_RETURN_IF_ERROR(open_->file->WriteAt(at, {buffer_.get(), buffered_}));
  segment.time_min.store(time_min_, std::memory_order_relaxed);
  segment.time_max.store(time_max_, std::memory_order_relaxed);
  segment.records.store(segment.records.load(std::memory_order_relaxed) + buffered_records_, std::memory_order_relaxed);
  segment.bytes.store(end, std::memory_order_release);
  records_.Add(buffered_records_);
  settled_.Add(buffered_records_);
  bytes_.Add(static_cast<int64_t>(buffered_));
  buffered_ = 0;
  buffered_records_ = 0;
  return absl::OkStatus();
}

Status ShardWriter::FlushIfDue(int64_t now_ns) {
  const bool due = options_.sync == LogSync::kAlways || buffered_ >= kWriteBytes ||
                   (buffered_since_ns_ != 0 && now_ns - buffered_since_ns_ >= kLogWriteDelayNs);
  if (due) {
    buffered_since_ns_ = 0;
    return Flush();
  }
  if (buffered_ > 0 && buffered_since_ns_ == 0) buffered_since_ns_ = now_ns;
  return absl::OkStatus();
}

Status ShardWriter::Flush() {
  VIGIL_RETURN_IF_ERROR(WriteBuffer());
  if (options_.sync == LogSync::kAlways &&
      open_->synced.load(std::memory_order_relaxed) < open_->segment->bytes.load(std::memory_order_relaxed)) {
    if (Status status = SyncSegment(*open_); !status.ok()) {
      Rotate().IgnoreError();
      return status;
    }
  }
  if (suspect_.load(std::memory_order_relaxed)) Rotate().IgnoreError();
  return std::exchange(owed_error_, absl::OkStatus());
}

Status ShardWriter::SyncSegment(OpenSegment& open) {
  const int64_t bytes = open.segment->bytes.load(std::memory_order_acquire);
  Status status = open.file->Sync();
  if (!status.ok()) {
    // The kernel may have dropped the pages and called them clean, so a later success would prove nothing: leave the segment.
    sync_failures_.fetch_add(1, std::memory_order_relaxed);
    suspect_.store(true, std::memory_order_relaxed);
    return status;
  }
  syncs_.fetch_add(1, std::memory_order_relaxed);
  open.synced.store(bytes, std::memory_order_relaxed);
  return status;
}

Status ShardWriter::Finish(OpenSegment& open) {
  LogSegment& segment = *open.segment;
  const int64_t end = segment.bytes.load(std::memory_order_acquire);
  std::string footer;
  AppendFrame(&footer, EncodeFooter(segment.Footer()));
  VIGIL_RETURN_IF_ERROR(open.file->Truncate(end));
  VIGIL_RETURN_IF_ERROR(open.file->WriteAt(end, footer));
  VIGIL_RETURN_IF_ERROR(open.file->Sync());
  segment.bytes.store(end + static_cast<int64_t>(footer.size()), std::memory_order_release);
  segment.live.store(false, std::memory_order_release);
  return absl::OkStatus();
}

void ShardWriter::Tend(bool sync) {
  OpenSegmentPtr current;
  std::vector<OpenSegmentPtr> finished;
  bool wants_spare = false;
  {
    std::lock_guard lock(handover_mutex_);
    current = current_;
    finished = std::exchange(finished_, {});
    wants_spare = spare_ == nullptr && current != nullptr;
  }
  for (const OpenSegmentPtr& open : finished) {
    if (Finish(*open).ok()) continue;
    // Unsealed it is still read; try again next time.
    std::lock_guard lock(handover_mutex_);
    finished_.push_back(open);
  }
  if (current == nullptr) return;
  const int64_t bytes = current->segment->bytes.load(std::memory_order_acquire);
  if (sync && current->synced.load(std::memory_order_relaxed) < bytes) SyncSegment(*current).IgnoreError();
  if (wants_spare && bytes > options_.segment_bytes_max / 2) {
    StatusOr<OpenSegmentPtr> spare = CreateSegment();
    if (!spare.ok()) return;
    {
      std::lock_guard lock(handover_mutex_);
      if (current_ == current) {
        spare_ = *std::move(spare);
        return;
      }
    }
    // Its writer did not wait and went on to a later number, after which this one must not come: numbers rise with time.
    segments_.Discard(*(*spare)->segment);
  }
}

Status ShardWriter::Close() {
  Status status = WriteBuffer();
  if (!status.ok()) {
    dropped_.Add(buffered_records_);
    settled_.Add(buffered_records_);
  }
  std::vector<OpenSegmentPtr> finished;
  OpenSegmentPtr spare;
  {
    std::lock_guard lock(handover_mutex_);
    finished = std::exchange(finished_, {});
    if (open_ != nullptr) finished.push_back(std::move(open_));
    current_ = nullptr;
    spare = std::move(spare_);
  }
  if (ordinal_ == 0 && !finished.empty()) {
    // No id of this segment was ever told, so its number may be given again.
    segments_.Discard(*finished.back()->segment);
    finished.pop_back();
  }
  for (const OpenSegmentPtr& open : finished) {
    if (Status finish = Finish(*open); !finish.ok() && status.ok()) status = finish;
  }
  if (spare != nullptr) segments_.Discard(*spare->segment);
  return status;
}

void ShardWriter::AddTo(LogCounters* counters) const {
  counters->records += records_.value();
  counters->bytes += bytes_.value();
  counters->dropped += dropped_.value();
  counters->syncs += syncs_.load(std::memory_order_relaxed);
  counters->sync_failures += sync_failures_.load(std::memory_order_relaxed);
}

}  // namespace vigil
