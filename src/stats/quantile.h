// Quantiles: of values in memory as NumPy's `linear`, bins of a reference, and a histogram of latencies that merges exactly.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"

namespace vigil::stats {

// NumPy's default: at position q (n - 1) of the sorted values, interpolated. `sorted` rises; NaN when it is empty.
double SortedQuantile(absl::Span<const double> sorted, double q);

// The distinct interior values of the quantiles i / bins, i = 0..bins, of `values` (any order, no NaN): those strictly between the
// smallest and the largest. Rising, at most bins - 1; empty for a constant. Bin of x = number of edges <= x; the outer bins are open.
std::vector<double> QuantileEdges(std::vector<double> values, size_t bins);

// edges.size() + 1 counts.
std::vector<int64_t> CountBins(absl::Span<const double> values, absl::Span<const double> edges);

// Counts of whole numbers (microseconds, say) in buckets whose width is at most 1/64 of their value: exact below 128, and a quantile read
// from the middle of a bucket is within 0.8% of a value that was added. Integers, so merging is exact and adding allocates nothing.
// One thread at a time.
class LogHistogram {
 public:
  static constexpr int kSubBits = 6;                            // 64 buckets an octave
  static constexpr int64_t kValueMax = (int64_t{1} << 40) - 1;  // larger values count as this: 12 days of microseconds
  static constexpr size_t kBuckets = (40 - kSubBits + 1) << kSubBits;

  void Add(int64_t value, int64_t times = 1) {
    counts_[Bucket(value)] += times;
    total_ += times;
  }
  void Merge(const LogHistogram& other);
  int64_t count() const { return total_; }
  // The value below which a share q of what was added lies (nearest rank); NaN when empty.
  double Quantile(double q) const;
  double Mean() const;  // from the middles of buckets

  // Sparse text of counts, and back. A broken text is INVALID_ARGUMENT.
  std::string Serialize() const;
  static StatusOr<LogHistogram> Parse(std::string_view text);

  static size_t Bucket(int64_t value);
  static double Middle(size_t bucket);  // of the whole numbers that fall in it

 private:
  std::array<int64_t, kBuckets> counts_{};
  int64_t total_ = 0;
};

}  // namespace vigil::stats
