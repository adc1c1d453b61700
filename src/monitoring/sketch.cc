#include "monitoring/sketch.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "monitoring/packed_counts.h"
#include "monitoring/window_map.h"

namespace vigil {

bool TakeSealedHead(std::string_view* in, SealedWindow* head) {
  uint64_t slot = 0, arm = 0, minute = 0;
  if (!TakeVarint(in, &slot) || !TakeVarint(in, &arm) || !TakeVarint(in, &minute)) return false;
  *head = {static_cast<uint32_t>(slot), static_cast<uint32_t>(arm), UnZigZag(minute)};
  return true;
}

SketchWriter::SketchWriter(const Published<LayoutTable>& layouts, std::shared_ptr<Mailbox> mailbox, const MonitorOptions& options)
    : windows_max_(std::max<size_t>(options.sketch_windows_max, 1)),
      bytes_max_(options.handover_bytes_max),
      layouts_(layouts),
      mailbox_(std::move(mailbox)) {}

SketchWriter::~SketchWriter() {
  while (open_count_ > 0) Pack(open_[--open_count_].get());
  std::lock_guard lock(mailbox_->mutex);
  mailbox_->sealed += sealed_;
  mailbox_->rows_unknown += rows_unknown_;
  mailbox_->rows_shed += rows_shed_;
}

void SketchWriter::Observe(const Observation& row) {
  const LayoutTable& table = *layouts_.Get();
  if (row.slot >= table.size() || table[row.slot] == nullptr) {
    ++rows_unknown_;
    return;
  }
  const std::shared_ptr<const CountLayout>& layout = table[row.slot];
  const int64_t minute = FloorDiv(std::clamp(row.time, -kWindowTimeMax, kWindowTimeMax), kMinuteUs);
  const uint32_t arm = std::min<uint32_t>(row.arm, kArms - 1);
  Open& window = Find(row.slot, arm, minute, layout);
  if (row.refused || row.failed) {
    ++window.counts[row.refused ? kRefused : kFailed];
    return;
  }
  layout->Count(row, window.counts.data(), window.sums.data());
}

SketchWriter::Open& SketchWriter::Find(uint32_t slot, uint32_t arm, int64_t minute, const std::shared_ptr<const CountLayout>& layout) {
  const auto matches = [&](const Open& w) { return w.minute == minute && w.slot == slot && w.arm == arm && w.layout == layout; };
  if (last_ < open_count_ && matches(*open_[last_])) return *open_[last_];
  for (size_t i = 0; i < open_count_; ++i) {
    if (matches(*open_[i])) {
      last_ = i;
      return *open_[i];
    }
  }
  if (open_count_ == windows_max_) {
    // Streams mostly move forward: the earliest minute is the least likely to be needed again, and if it is, another part of it follows.
    size_t oldest = 0;
    for (size_t i = 1; i < open_count_; ++i) {
      if (open_[i]->minute < open_[oldest]->minute) oldest = i;
    }
    if (sealed_.size() <= bytes_max_) {
      Pack(open_[oldest].get());
    } else {
      const std::vector<uint32_t>& counts = open_[oldest]->counts;
      rows_shed_ += int64_t{counts[kRows]} + counts[kRefused] + counts[kFailed];
    }
    std::swap(open_[oldest], open_[--open_count_]);
  }
  if (open_count_ == open_.size()) open_.push_back(std::make_unique<Open>());
  last_ = open_count_++;
  Open& window = *open_[last_];
  window.slot = slot;
  window.arm = arm;
  window.minute = minute;
  window.layout = layout;
  window.counts.assign(layout->counts_width(), 0);
  window.sums.assign(layout->columns().size(), 0);
  return window;
}

void SketchWriter::Pack(Open* window) {
  AppendVarint(&sealed_, window->slot);
  AppendVarint(&sealed_, window->arm);
  AppendVarint(&sealed_, ZigZag(window->minute));
  AppendPacked(&sealed_, window->counts, window->sums);
}

float SketchWriter::OutlierScore(uint32_t slot, absl::Span<const float> features) const {
  const LayoutTable& table = *layouts_.Get();
  if (slot >= table.size() || table[slot] == nullptr) return std::numeric_limits<float>::quiet_NaN();
  return table[slot]->OutlierScore(features);
}

bool SketchWriter::Seal() {
  if (open_count_ == 0 && sealed_.empty() && rows_unknown_ == 0 && rows_shed_ == 0) return true;
  std::unique_lock lock(mailbox_->mutex, std::try_to_lock);
  // The merger is taking, or has fallen behind: counts stay open, where more rows cost no more memory.
  if (!lock.owns_lock() || mailbox_->sealed.size() > bytes_max_) return false;
  while (open_count_ > 0) Pack(open_[--open_count_].get());
  if (mailbox_->sealed.empty()) {
    std::swap(mailbox_->sealed, sealed_);  // the merger leaves its emptied string here: both keep their memory
  } else {
    mailbox_->sealed += sealed_;
  }
  sealed_.clear();
  mailbox_->rows_unknown += std::exchange(rows_unknown_, 0);
  mailbox_->rows_shed += std::exchange(rows_shed_, 0);
  return true;
}

}  // namespace vigil
