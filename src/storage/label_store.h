// Labels and how they meet their predictions: the label log (the truth) and the label index (the way there), under one lock.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "domain/label.h"
#include "storage/label_index.h"
#include "storage/label_log.h"
#include "storage/log_segments.h"

namespace vigil {

// The labels of one segment's predictions, by ordinal.
class SegmentLabels {
 public:
  struct Label {
    double value;
    TimeUs time;
  };
  // Null when the prediction has none.
  const Label* Of(uint32_t ordinal) const {
    return ordinal < labels_.size() && labels_[ordinal].time != kNone ? &labels_[ordinal] : nullptr;
  }
  void Set(uint32_t ordinal, double value, TimeUs time) {
    if (ordinal >= kOrdinalsMax) return;
    if (ordinal >= labels_.size()) labels_.resize(ordinal + 1, {0, kNone});
    labels_[ordinal] = {value, time};
  }

 private:
  static constexpr TimeUs kNone = INT64_MIN;
  std::vector<Label> labels_;
};

// Any thread may call; calls are serialised.
class LabelStore {
 public:
  LabelStore(FileSystem& files, const std::string& directory, int64_t file_bytes_max, const LogSegments& segments, bool read_only,
             uint64_t seed);

  StatusOr<LabelCounts> Join(const std::vector<Label>& labels, TimeUs now, const std::function<void(const LabelledPrediction&)>& joined);
  // Labels known by `as_of`. Memory: that of one segment.
  StatusOr<SegmentLabels> LabelsOf(const LogSegment& segment, TimeUs as_of);
  // Indexes what was flushed, so that the next Join finds little to do.
  Status CatchUp(TimeUs now);
  // After `segments` were chosen for removal, before they go.
  Status Forget(const std::vector<LogSegmentPtr>& segments, TimeUs now);
  Status Verify();
  Status Close();

 private:
  struct Found {
    PredictionId id;
    PredictionSlot* slot = nullptr;
    uint64_t hash = 0;
  };
  Status OpenLocked(TimeUs now);
  Status CatchUpLocked(TimeUs now);
  void Resolve(const Label* labels, size_t count, Found* found);
  Status JoinPiece(const Label* labels, size_t count, TimeUs now, const std::function<void(const LabelledPrediction&)>& joined,
                   LabelCounts* counts);
  Status ReplaySegment(SegmentKey key, TimeUs as_of, SegmentLabels* labels);

  const LogSegments& segments_;
  const bool read_only_;
  std::mutex mutex_;
  // All below guarded by mutex_.
  LabelLog log_;
  LabelIndex index_;
  bool open_ = false;
  std::vector<Found> found_;
  std::vector<LabelEntry> entries_;
  LabelledPrediction joined_;  // reused
};

}  // namespace vigil
