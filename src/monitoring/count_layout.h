// What a window of a version counts, as one flat array of integers, and where each is in it. Windows of a version have one layout, so
// merging is adding arrays, whatever the order or the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "monitoring/bin_kernel.h"
#include "monitoring/column_bins.h"
#include "monitoring/monitor.h"
#include "stats/latency_bins.h"

namespace vigil {

// Every layout begins with the same numbers, so that versions can be added up: totals, then latencies.
enum Total : size_t { kRows, kRefused, kFailed, kCleanedCells, kCleanedRows, kOutliers, kTotals };
inline constexpr size_t kLatencyPlace = kTotals;
inline constexpr size_t kCommonWidth = kTotals + stats::kLatencyBins;

inline constexpr size_t kArms = 3;  // champion, treatment, shadow

// Sums of standardised values are kept in units of 2^-16 standard deviations, each value clipped to this many of them.
inline constexpr double kSumUnit = 65536;
inline constexpr double kSumClip = 1e6;

// Immutable; shared by the writers of every thread.
class CountLayout {
 public:
  struct Column {
    ColumnBins bins;
    size_t place = 0;    // of bin 0; then the other bins, missing, below, above, infinite
    double minimum = 0;  // of the reference
    double maximum = 0;
    float lowest = 0;  // the least float that is not below the minimum, and the greatest not above the maximum
    float highest = 0;
    double mean = 0;
    double scale = 0;  // kSumUnit / standard deviation; 0: constant column
    bool numeric = true;

    size_t missing_place() const { return place + bins.bins(); }
    size_t below_place() const { return place + bins.bins() + 1; }
    size_t above_place() const { return place + bins.bins() + 2; }
    size_t infinite_place() const { return place + bins.bins() + 3; }
    size_t other_place() const { return place + bins.bins() - 1; }  // categorical
  };

  explicit CountLayout(const MonitoredVersion& version);

  const ReferenceProfile* reference() const { return reference_.get(); }
  const std::vector<Column>& columns() const { return columns_; }
  const Column* score() const { return score_.get(); }
  size_t counts_width() const { return counts_width_; }  // the part that only grows
  size_t sum_place(size_t column) const { return counts_width_ + column; }
  size_t width() const { return counts_width_ + columns_.size(); }
  Task task() const { return task_; }
  // Two versions with the same fingerprint count the same things in the same places.
  uint64_t fingerprint() const { return fingerprint_; }

  // MonitorWriter::OutlierScore.
  float OutlierScore(absl::Span<const float> features) const;
  // Adds one scored row to `counts` (counts_width()) and `sums` (a column each).
  void Count(const Observation& row, uint32_t* counts, int64_t* sums) const;

 private:
  std::shared_ptr<const ReferenceProfile> reference_;
  Task task_;
  std::vector<Column> columns_;
  std::unique_ptr<Column> score_;
  void FillTable();

  BinTable table_;
  std::vector<size_t> alone_;    // columns whose bin the table does not tell, rising: categorical ones, and those of many edges
  std::vector<float> surprise_;  // by place, of column bins and missing
  float outlier_threshold_ = 0;  // times the number of columns
  size_t counts_width_ = kCommonWidth;
  uint64_t fingerprint_ = 0;
};

}  // namespace vigil
