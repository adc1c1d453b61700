#include "storage/log_segments.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/hash.h"

namespace vigil {
namespace {

std::string SegmentName(uint32_t shard, uint32_t number) { return absl::StrFormat("predictions-%04d-%07d.log", shard, number); }

std::optional<SegmentKey> ParseSegmentName(absl::string_view name) {
  SegmentKey key;
  if (!absl::ConsumePrefix(&name, "predictions-") || !absl::ConsumeSuffix(&name, ".log")) return std::nullopt;
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(name, absl::MaxSplits('-', 1));
  if (!absl::SimpleAtoi(parts.first, &key.first) || !absl::SimpleAtoi(parts.second, &key.second)) return std::nullopt;
  if (key.first >= kShardsMax || key.second >= kSegmentNumbersMax) return std::nullopt;
  return key;
}

// Reads every frame of a segment that no footer describes.
struct Survey {
  SegmentFooter footer;
  int64_t good_end = kLogHeaderBytes;  // where the last good frame ends
  int64_t torn_bytes = 0;
};

Survey SurveyFrames(std::string_view file) {
  Survey survey;
  FrameCursor cursor(file);
  Frame frame;
  PredictionView view;
  for (;;) {
    switch (cursor.Next(&frame)) {
      case FrameCursor::Step::kEnd: return survey;
      case FrameCursor::Step::kTorn: survey.torn_bytes = frame.end - frame.offset; return survey;
      case FrameCursor::Step::kDamage: continue;  // stays where it is: Verify names it
      case FrameCursor::Step::kFrame: break;
    }
    survey.good_end = frame.end;
    if (frame.type != FrameType::kPrediction || !DecodePrediction(frame.payload, &view)) continue;
    ++survey.footer.records;
    survey.footer.time_min = std::min(survey.footer.time_min, view.time);
    survey.footer.time_max = std::max(survey.footer.time_max, view.time);
  }
}

void Publish(const SegmentFooter& footer, int64_t bytes, LogSegment* segment) {
  segment->records = footer.records;
  segment->time_min = footer.time_min;
  segment->time_max = footer.time_max;
  segment->bytes = bytes;
}

}  // namespace

Status LogSegments::Load(bool repair) {
  VIGIL_RETURN_IF_ERROR(LoadNumbers());
  VIGIL_ASSIGN_OR_RETURN(const std::vector<FileSystem::Entry> entries, files_.List(directory_));
  std::vector<LogSegmentPtr> empty;
  for (const FileSystem::Entry& entry : entries) {
    const auto key = ParseSegmentName(entry.name);
    if (!key.has_value()) continue;
    const Status status = LoadOne(entry, *key, repair, &empty);
    if (absl::IsNotFound(status) && !repair) {
      segments_.erase(*key);  // the owner has just removed it
      continue;
    }
    VIGIL_RETURN_IF_ERROR(status);
  }
  if (repair && !empty.empty()) VIGIL_RETURN_IF_ERROR(Remove(empty));
  return absl::OkStatus();
}

Status LogSegments::LoadOne(const FileSystem::Entry& entry, SegmentKey key, bool repair, std::vector<LogSegmentPtr>* empty) {
  const std::string path = absl::StrCat(directory_, "/", entry.name);
  VIGIL_ASSIGN_OR_RETURN(const std::string head, files_.ReadRange(path, 0, kLogHeaderBytes));
  const StatusOr<LogHeader> header = DecodeLogHeader(head);
  uint32_t& next = next_number_[key.first];
  next = std::max(next, key.second + 1);
  if (!header.ok()) {
    // A header is synced before its segment is used, so a short or blank file is what a crash left of a segment that never was.
    const bool never_used = entry.bytes < static_cast<int64_t>(kLogHeaderBytes) || head.find_first_not_of('\0') == std::string::npos;
    if (!never_used) return Status(header.status().code(), absl::StrCat(path, ": ", header.status().message()));
    auto blank = std::make_shared<LogSegment>(key.first, key.second, path, 0);
    segments_[key] = blank;
    empty->push_back(std::move(blank));
    return absl::OkStatus();
  }
  if (header->codec != 0) {
    return absl::UnimplementedError(
        absl::StrCat(path, " is written with codec ", header->codec, " (key ", header->key_id, "), which is not configured"));
  }
  auto segment = std::make_shared<LogSegment>(key.first, key.second, path, header->created);
  segments_[key] = segment;

  const int64_t footer_at = entry.bytes - static_cast<int64_t>(kFooterFrameBytes);
  if (footer_at >= static_cast<int64_t>(kLogHeaderBytes)) {
    VIGIL_ASSIGN_OR_RETURN(const std::string tail, files_.ReadRange(path, footer_at, kFooterFrameBytes));
    Frame frame;
    SegmentFooter footer;
    if (ReadFrame(tail, 0, &frame) && DecodeFooter(frame.payload, &footer)) {
      Publish(footer, entry.bytes, segment.get());
      if (footer.records == 0) empty->push_back(std::move(segment));
      return absl::OkStatus();
    }
  }

  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> mapped, files_.MapForRead(path));
  const Survey survey = SurveyFrames(mapped->bytes());
  mapped.reset();
  Publish(survey.footer, survey.good_end, segment.get());
  if (!repair) return absl::OkStatus();
  if (survey.footer.records == 0 && survey.torn_bytes == 0) {
    empty->push_back(std::move(segment));
    return absl::OkStatus();
  }
  torn_bytes_cut_ += survey.torn_bytes;
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<WritableFile> file, files_.Open(path));
  std::string footer;
  AppendFrame(&footer, EncodeFooter(survey.footer));
  VIGIL_RETURN_IF_ERROR(file->Truncate(survey.good_end));
  VIGIL_RETURN_IF_ERROR(file->WriteAt(survey.good_end, footer));
  VIGIL_RETURN_IF_ERROR(file->Sync());
  segment->bytes = survey.good_end + static_cast<int64_t>(footer.size());
  return absl::OkStatus();
}

StatusOr<std::pair<LogSegmentPtr, std::unique_ptr<WritableFile>>> LogSegments::Create(uint32_t shard, TimeUs now) {
  uint32_t number;
  {
    std::lock_guard lock(mutex_);
    uint32_t& next = next_number_[shard];
    if (next >= kSegmentNumbersMax) return absl::ResourceExhaustedError(absl::StrCat("shard ", shard, " has used all its segment numbers"));
    number = next++;
  }
  auto segment = std::make_shared<LogSegment>(shard, number, absl::StrCat(directory_, "/", SegmentName(shard, number)), now);
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, files_.Open(segment->path));
  LogHeader header{.created = now, .shard = shard, .number = number};
  Status status = file->WriteAt(0, EncodeLogHeader(header));
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = files_.SyncDirectory(directory_);
  if (!status.ok()) {
    file.reset();
    Discard(*segment);
    return status;
  }
  segment->bytes = kLogHeaderBytes;
  return std::make_pair(std::move(segment), std::move(file));
}

void LogSegments::Add(const LogSegmentPtr& segment) {
  std::lock_guard lock(mutex_);
  segments_[{segment->shard, segment->number}] = segment;
}

void LogSegments::Discard(const LogSegment& segment) {
  {
    std::lock_guard lock(mutex_);
    segments_.erase({segment.shard, segment.number});
  }
  // Nothing depends on it: a file that stays is empty, and the next start removes it.
  files_.Remove(segment.path).IgnoreError();
}

Status LogSegments::Remove(const std::vector<LogSegmentPtr>& segments) {
  VIGIL_RETURN_IF_ERROR(SaveNumbers(segments));
  for (const LogSegmentPtr& segment : segments) {
    {
      std::lock_guard lock(mutex_);
      segments_.erase({segment->shard, segment->number});
    }
    VIGIL_RETURN_IF_ERROR(files_.Remove(segment->path));
  }
  return absl::OkStatus();
}

std::vector<LogSegmentPtr> LogSegments::List() const {
  std::vector<LogSegmentPtr> list;
  {
    std::lock_guard lock(mutex_);
    list.reserve(segments_.size());
    for (const auto& [key, segment] : segments_) list.push_back(segment);
  }
  std::stable_sort(list.begin(), list.end(), [](const LogSegmentPtr& a, const LogSegmentPtr& b) { return a->created < b->created; });
  return list;
}

LogSegmentPtr LogSegments::Find(SegmentKey key) const {
  std::lock_guard lock(mutex_);
  const auto it = segments_.find(key);
  return it == segments_.end() ? nullptr : it->second;
}

// --- the numbers file: "<checksum>\n" then "<shard> <next number>\n" each ---

Status LogSegments::LoadNumbers() {
  const std::string path = absl::StrCat(directory_, "/numbers");
  const StatusOr<std::string> text = files_.Read(path);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  const std::pair<std::string, std::string> parts = absl::StrSplit(*text, absl::MaxSplits('\n', 1));
  if (parts.first != absl::StrCat(Checksum(parts.second))) return absl::DataLossError(absl::StrCat(path, " fails its checksum"));
  for (absl::string_view line : absl::StrSplit(parts.second, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    uint32_t shard, next;
    if (!absl::SimpleAtoi(pair.first, &shard) || !absl::SimpleAtoi(pair.second, &next)) {
      return absl::DataLossError(absl::StrCat(path, ": cannot read \"", line, "\""));
    }
    next_number_[shard] = std::max(next_number_[shard], next);
  }
  return absl::OkStatus();
}

Status LogSegments::SaveNumbers(const std::vector<LogSegmentPtr>& leaving) {
  std::string body;
  {
    std::lock_guard lock(mutex_);
    for (const LogSegmentPtr& segment : leaving) {
      uint32_t& next = next_number_[segment->shard];
      next = std::max(next, segment->number + 1);
    }
    for (const auto& [shard, next] : next_number_) absl::StrAppend(&body, shard, " ", next, "\n");
  }
  return files_.Replace(absl::StrCat(directory_, "/numbers"), absl::StrCat(Checksum(body), "\n", body));
}

}  // namespace vigil
