#include "storage/label_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace vigil {
namespace {

constexpr size_t kPieceLabels = 64 << 10;  // durable together
constexpr size_t kBlockLabels = 64;        // looked up together, so that their cache misses overlap

}  // namespace

LabelStore::LabelStore(FileSystem& files, const std::string& directory, int64_t file_bytes_max, const LogSegments& segments, bool read_only,
                       uint64_t seed)
    : segments_(segments),
      read_only_(read_only),
      log_(files, directory, file_bytes_max),
      index_(files, directory + "/index", segments, seed) {}

// Done at first use and not at start, which must be quick.
Status LabelStore::OpenLocked(TimeUs now) {
  if (open_) return absl::OkStatus();
  VIGIL_RETURN_IF_ERROR(log_.Open(!read_only_, now));
  if (!read_only_) VIGIL_RETURN_IF_ERROR(index_.Open());
  open_ = true;
  return absl::OkStatus();
}

Status LabelStore::CatchUpLocked(TimeUs now) {
  VIGIL_RETURN_IF_ERROR(OpenLocked(now));
  VIGIL_RETURN_IF_ERROR(index_.CatchUp());
  const LabelLog::Position applied = index_.applied(), end = log_.end();
  if (applied.number == end.number && applied.offset == end.offset) return absl::OkStatus();
  VIGIL_RETURN_IF_ERROR(log_.Replay(applied, [this](const LabelEntry& entry) {
    if (PredictionSlot* slot = index_.Find(entry.prediction_id)) slot->Set(entry.value, entry.time);
  }));
  index_.set_applied(end);
  return absl::OkStatus();
}

Status LabelStore::CatchUp(TimeUs now) {
  std::lock_guard lock(mutex_);
  return CatchUpLocked(now);
}

StatusOr<LabelCounts> LabelStore::Join(const std::vector<Label>& labels, TimeUs now,
                                       const std::function<void(const LabelledPrediction&)>& joined) {
  if (read_only_) return absl::FailedPreconditionError("the prediction log is open read-only: labels go to its owner");
  std::lock_guard lock(mutex_);
  VIGIL_RETURN_IF_ERROR(CatchUpLocked(now));
  LabelCounts counts;
  for (size_t begin = 0; begin < labels.size(); begin += kPieceLabels) {
    const size_t count = std::min(kPieceLabels, labels.size() - begin);
    VIGIL_RETURN_IF_ERROR(JoinPiece(labels.data() + begin, count, now, joined, &counts));
  }
  VIGIL_RETURN_IF_ERROR(index_.Trim());
  return counts;
}

void LabelStore::Resolve(const Label* labels, size_t count, Found* found) {
  for (size_t i = 0; i < count; ++i) {
    found[i] = {};
    if (!labels[i].prediction_id.empty()) {
      const std::optional<PredictionId> id = PredictionId::Parse(labels[i].prediction_id);
      if (!id.has_value()) continue;
      found[i].id = *id;
      index_.PrefetchSlot(*id);
    } else if (!labels[i].id.empty()) {
      found[i].hash = index_.PrefetchId(labels[i].id);
    }
  }
  for (size_t i = 0; i < count; ++i) {
    if (found[i].hash == 0) continue;
    if (const auto candidate = index_.Candidate(found[i].hash)) {
      found[i].id = *candidate;
      index_.PrefetchSlot(*candidate);
    }
  }
  for (size_t i = 0; i < count; ++i) {
    found[i].slot = index_.Find(found[i].id);
    if (found[i].slot != nullptr) index_.PrefetchRecord(found[i].id, *found[i].slot);
  }
  for (size_t i = 0; i < count; ++i) {
    if (found[i].hash == 0 || found[i].slot == nullptr) continue;
    PredictionView view;
    if (index_.Read(found[i].id, *found[i].slot, &view) && view.id == labels[i].id) continue;
    // Another id with the same hash was there first, or its prediction is gone: the slow way.
    const std::optional<PredictionId> id = index_.FindById(labels[i].id);
    found[i].id = id.value_or(PredictionId{});
    found[i].slot = id.has_value() ? index_.Find(*id) : nullptr;
  }
}

Status LabelStore::JoinPiece(const Label* labels, size_t count, TimeUs now, const std::function<void(const LabelledPrediction&)>& joined,
                             LabelCounts* counts) {
  found_.resize(count);
  for (size_t begin = 0; begin < count; begin += kBlockLabels) {
    Resolve(labels + begin, std::min(kBlockLabels, count - begin), found_.data() + begin);
  }
  // First the label log, then the slots: whatever the index says is in the log.
  entries_.clear();
  const auto time_of = [now](const Label& label) { return label.observed_at != 0 ? label.observed_at : now; };
  for (size_t i = 0; i < count; ++i) {
    PredictionSlot* slot = found_[i].slot;
    if (slot == nullptr) continue;
    const bool repeats = slot->Holds(labels[i].value) && (slot->flags & PredictionSlot::kPending) == 0;
    if (repeats) continue;
    slot->flags |= PredictionSlot::kPending;
    entries_.push_back({found_[i].id, labels[i].value, time_of(labels[i])});
  }
  const Status written = log_.Append(entries_, now);
  for (const Found& found : found_) {
    if (found.slot != nullptr) found.slot->flags &= ~PredictionSlot::kPending;
  }
  VIGIL_RETURN_IF_ERROR(written);

  for (size_t i = 0; i < count; ++i) {
    PredictionSlot* slot = found_[i].slot;
    if (slot == nullptr) {
      ++counts->unmatched;
      continue;
    }
    if (slot->Holds(labels[i].value)) {
      ++counts->duplicate;
      continue;
    }
    ++counts->accepted;
    joined_.replaced = slot->labelled();
    joined_.previous_label = slot->labelled() ? slot->label : 0;
    slot->Set(labels[i].value, time_of(labels[i]));
    if (!joined) continue;
    PredictionView view;
    if (!index_.Read(found_[i].id, *slot, &view)) {
      return absl::DataLossError(absl::StrCat("the record of prediction ", found_[i].id.Text(), " cannot be read"));
    }
    joined_.prediction_id = found_[i].id;
    joined_.schema = view.schema;
    joined_.time = view.time;
    joined_.label_time = time_of(labels[i]);
    joined_.latency_us = view.latency_us;
    joined_.arm.assign(view.arm);
    CopyFloats(view.outputs, &joined_.outputs);
    joined_.label = labels[i].value;
    joined_.entity_hash = view.entity.empty() ? 0 : StableHash(view.entity);
    joined(joined_);
  }
  index_.set_applied(log_.end());
  return absl::OkStatus();
}

StatusOr<SegmentLabels> LabelStore::LabelsOf(const LogSegment& segment, TimeUs as_of) {
  const SegmentKey key(segment.shard, segment.number);
  SegmentLabels labels;
  std::lock_guard lock(mutex_);
  if (read_only_) {
    open_ = false;  // the owner may have added labels since
    VIGIL_RETURN_IF_ERROR(OpenLocked(0));
    VIGIL_RETURN_IF_ERROR(ReplaySegment(key, as_of, &labels));
    return labels;
  }
  VIGIL_RETURN_IF_ERROR(CatchUpLocked(segment.created));
  bool needs_history = false;
  for (uint32_t ordinal = 0; ordinal < index_.Slots(key); ++ordinal) {
    const PredictionSlot* slot = index_.Find(PredictionId::Make(key.first, key.second, ordinal));
    if (slot == nullptr || !slot->labelled()) continue;
    if (slot->label_time() <= as_of) {
      labels.Set(ordinal, slot->label, slot->label_time());
    } else if ((slot->flags & PredictionSlot::kReplaced) != 0) {
      needs_history = true;
    }
  }
  if (needs_history) VIGIL_RETURN_IF_ERROR(ReplaySegment(key, as_of, &labels));
  return labels;
}

// As LabelsOf, from the label log alone.
Status LabelStore::ReplaySegment(SegmentKey key, TimeUs as_of, SegmentLabels* labels) {
  return log_.Replay({}, [&](const LabelEntry& entry) {
    const PredictionId id = entry.prediction_id;
    if (id.shard() == key.first && id.segment() == key.second && entry.time <= as_of) labels->Set(id.ordinal(), entry.value, entry.time);
  });
}

Status LabelStore::Forget(const std::vector<LogSegmentPtr>& segments, TimeUs now) {
  std::lock_guard lock(mutex_);
  VIGIL_RETURN_IF_ERROR(OpenLocked(now));
  for (const LogSegmentPtr& segment : segments) VIGIL_RETURN_IF_ERROR(index_.Forget({segment->shard, segment->number}));
  return log_.Retire([&](PredictionId id) {
    const auto leaving = [&](const LogSegmentPtr& s) { return s->shard == id.shard() && s->number == id.segment(); };
    return segments_.Find({id.shard(), id.segment()}) != nullptr && std::none_of(segments.begin(), segments.end(), leaving);
  });
}

Status LabelStore::Verify() {
  std::lock_guard lock(mutex_);
  if (!open_) VIGIL_RETURN_IF_ERROR(log_.Open(false, 0));
  return log_.Verify();
}

Status LabelStore::Close() {
  std::lock_guard lock(mutex_);
  return open_ && !read_only_ ? index_.Close() : absl::OkStatus();
}

}  // namespace vigil
