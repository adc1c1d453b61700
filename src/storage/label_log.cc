#include "storage/label_log.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace vigil {
namespace {

constexpr int64_t kLabelsAFrameMax = 4096;

}  // namespace

std::string LabelLog::PathOf(uint32_t number) const { return absl::StrCat(directory_, absl::StrFormat("/labels-%07d.log", number)); }

Status LabelLog::Open(bool repair, TimeUs now) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<FileSystem::Entry> entries, files_.List(directory_));
  numbers_.clear();
  for (const FileSystem::Entry& entry : entries) {
    absl::string_view name = entry.name;
    uint32_t number;
    if (!absl::ConsumePrefix(&name, "labels-") || !absl::ConsumeSuffix(&name, ".log") || !absl::SimpleAtoi(name, &number)) continue;
    // A crash before the header was synced leaves a file that never held a label.
    if (entry.bytes < static_cast<int64_t>(kLogHeaderBytes)) {
      if (repair) VIGIL_RETURN_IF_ERROR(files_.Remove(PathOf(number)));
      continue;
    }
    numbers_.push_back(number);
  }
  std::sort(numbers_.begin(), numbers_.end());
  if (!repair) return absl::OkStatus();
  if (numbers_.empty()) return StartFile(1, now);

  const std::string path = PathOf(numbers_.back());
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> mapped, files_.MapForRead(path));
  if (const StatusOr<LogHeader> header = DecodeLogHeader(mapped->bytes()); !header.ok()) {
    return Status(header.status().code(), absl::StrCat(path, ": ", header.status().message()));
  }
  int64_t good_end = kLogHeaderBytes;
  FrameCursor cursor(mapped->bytes());
  Frame frame;
  for (FrameCursor::Step step; (step = cursor.Next(&frame)) != FrameCursor::Step::kEnd && step != FrameCursor::Step::kTorn;) {
    if (step == FrameCursor::Step::kFrame) good_end = frame.end;
  }
  mapped.reset();
  VIGIL_ASSIGN_OR_RETURN(file_, files_.Open(path));
  VIGIL_RETURN_IF_ERROR(file_->Truncate(good_end));
  end_ = {numbers_.back(), good_end};
  return absl::OkStatus();
}

Status LabelLog::StartFile(uint32_t number, TimeUs now) {
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, files_.Open(PathOf(number)));
  VIGIL_RETURN_IF_ERROR(file->WriteAt(0, EncodeLogHeader({.kind = LogKind::kLabels, .created = now, .number = number})));
  VIGIL_RETURN_IF_ERROR(file->Sync());
  VIGIL_RETURN_IF_ERROR(files_.SyncDirectory(directory_));
  file_ = std::move(file);
  numbers_.push_back(number);
  end_ = {number, kLogHeaderBytes};
  suspect_ = false;
  return absl::OkStatus();
}

Status LabelLog::Append(const std::vector<LabelEntry>& entries, TimeUs now) {
  if (entries.empty()) return absl::OkStatus();
  if (suspect_ || end_.offset >= file_bytes_max_) VIGIL_RETURN_IF_ERROR(StartFile(end_.number + 1, now));
  std::string frames;
  frames.reserve(entries.size() * kLabelEntryBytes + 64);
  for (size_t begin = 0; begin < entries.size(); begin += kLabelsAFrameMax) {
    std::string payload = BeginLabels();
    const size_t end = std::min<size_t>(entries.size(), begin + kLabelsAFrameMax);
    for (size_t i = begin; i < end; ++i) AppendLabel(&payload, entries[i]);
    AppendFrame(&frames, payload);
  }
  VIGIL_RETURN_IF_ERROR(file_->WriteAt(end_.offset, frames));
  if (Status status = file_->Sync(); !status.ok()) {
    suspect_ = true;
    return status;
  }
  end_.offset += static_cast<int64_t>(frames.size());
  return absl::OkStatus();
}

Status LabelLog::Replay(Position from, const std::function<void(const LabelEntry&)>& visit) const {
  for (const uint32_t number : numbers_) {
    if (number < from.number) continue;
    VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> mapped, files_.MapForRead(PathOf(number)));
    FrameCursor cursor(mapped->bytes(), number == from.number ? std::max<int64_t>(from.offset, kLogHeaderBytes) : kLogHeaderBytes);
    Frame frame;
    for (FrameCursor::Step step; (step = cursor.Next(&frame)) != FrameCursor::Step::kEnd;) {
      if (step != FrameCursor::Step::kFrame || frame.type != FrameType::kLabels) continue;  // damage is Verify's to report
      const int64_t count = LabelCount(frame.payload);
      for (int64_t i = 0; i < count; ++i) visit(LabelAt(frame.payload, i));
    }
  }
  return absl::OkStatus();
}

Status LabelLog::Retire(const std::function<bool(PredictionId)>& needed) {
  while (numbers_.size() > 1) {
    bool wanted = false;
    {
      VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> mapped, files_.MapForRead(PathOf(numbers_.front())));
      FrameCursor cursor(mapped->bytes());
      Frame frame;
      for (FrameCursor::Step step; !wanted && (step = cursor.Next(&frame)) != FrameCursor::Step::kEnd;) {
        if (step != FrameCursor::Step::kFrame) continue;
        const int64_t count = LabelCount(frame.payload);
        for (int64_t i = 0; i < count && !wanted; ++i) wanted = needed(LabelAt(frame.payload, i).prediction_id);
      }
    }
    if (wanted) break;
    VIGIL_RETURN_IF_ERROR(files_.Remove(PathOf(numbers_.front())));
    numbers_.erase(numbers_.begin());
  }
  return absl::OkStatus();
}

Status LabelLog::Verify() const {
  for (const uint32_t number : numbers_) {
    const std::string path = PathOf(number);
    VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> mapped, files_.MapForRead(path));
    if (const StatusOr<LogHeader> header = DecodeLogHeader(mapped->bytes()); !header.ok()) {
      return Status(header.status().code(), absl::StrCat(path, ": ", header.status().message()));
    }
    FrameCursor cursor(mapped->bytes());
    Frame frame;
    for (FrameCursor::Step step; (step = cursor.Next(&frame)) != FrameCursor::Step::kEnd;) {
      if (step == FrameCursor::Step::kTorn && number == numbers_.back()) break;
      if (step != FrameCursor::Step::kFrame) {
        return absl::DataLossError(absl::StrCat(path, " is damaged from byte ", frame.offset, " to ", frame.end));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace vigil
