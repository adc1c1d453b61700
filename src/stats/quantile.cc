#include "stats/quantile.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "stats/special.h"

namespace vigil::stats {

double SortedQuantile(absl::Span<const double> sorted, double q) {
  if (sorted.empty() || !(q >= 0 && q <= 1)) return kUndefined;
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(std::floor(position));
  if (below + 1 >= sorted.size()) return sorted.back();
  const double weight = position - static_cast<double>(below);
  const double a = sorted[below], b = sorted[below + 1];
  // NumPy's lerp, to the last bit: from the nearer end.
  return weight < 0.5 ? a + (b - a) * weight : b - (b - a) * (1 - weight);
}

std::vector<double> QuantileEdges(std::vector<double> values, size_t bins) {
  std::sort(values.begin(), values.end());
  std::vector<double> edges;
  for (size_t i = 1; i < bins && !values.empty(); ++i) {
    const double edge = SortedQuantile(values, static_cast<double>(i) / static_cast<double>(bins));
    if (edge > values.front() && edge < values.back() && (edges.empty() || edge > edges.back())) edges.push_back(edge);
  }
  return edges;
}

std::vector<int64_t> CountBins(absl::Span<const double> values, absl::Span<const double> edges) {
  std::vector<int64_t> counts(edges.size() + 1);
  for (const double x : values) ++counts[static_cast<size_t>(std::upper_bound(edges.begin(), edges.end(), x) - edges.begin())];
  return counts;
}

size_t LogHistogram::Bucket(int64_t value) {
  const auto v = static_cast<uint64_t>(std::clamp<int64_t>(value, 0, kValueMax));
  if (v < (1u << kSubBits)) return static_cast<size_t>(v);
  const int shift = std::bit_width(v) - 1 - kSubBits;  // the top kSubBits + 1 bits decide
  return (static_cast<size_t>(shift) << kSubBits) + static_cast<size_t>(v >> shift);
}

double LogHistogram::Middle(size_t bucket) {
  constexpr size_t kSub = size_t{1} << kSubBits;
  if (bucket < 2 * kSub) return static_cast<double>(bucket);
  const size_t shift = (bucket >> kSubBits) - 1;
  const auto low = static_cast<double>((kSub + (bucket & (kSub - 1))) << shift);
  return low + (static_cast<double>(size_t{1} << shift) - 1) / 2;
}

void LogHistogram::Merge(const LogHistogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
}

double LogHistogram::Quantile(double q) const {
  if (total_ == 0 || !(q >= 0 && q <= 1)) return kUndefined;
  const auto rank = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(q * static_cast<double>(total_))));
  int64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) return Middle(i);
  }
  return Middle(kBuckets - 1);
}

double LogHistogram::Mean() const {
  if (total_ == 0) return kUndefined;
  double sum = 0;
  for (size_t i = 0; i < kBuckets; ++i) sum += static_cast<double>(counts_[i]) * Middle(i);
  return sum / static_cast<double>(total_);
}

std::string LogHistogram::Serialize() const {
  std::string text;
  for (size_t i = 0; i < kBuckets; ++i) {
    if (counts_[i] != 0) absl::StrAppend(&text, text.empty() ? "" : " ", i, ":", counts_[i]);
  }
  return text;
}

StatusOr<LogHistogram> LogHistogram::Parse(std::string_view text) {
  LogHistogram histogram;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    size_t bucket = 0;
    int64_t count = 0;
    const auto name = std::from_chars(at, end, bucket);
    const bool named = name.ec == std::errc() && name.ptr < end && *name.ptr == ':' && bucket < kBuckets;
    const auto number = named ? std::from_chars(name.ptr + 1, end, count) : name;
    if (!named || number.ec != std::errc() || count <= 0 || (number.ptr < end && *number.ptr != ' ') ||
        count > INT64_MAX - histogram.total_) {
      return absl::InvalidArgumentError(absl::StrCat("a latency histogram is broken at byte ", at - text.data()));
    }
    histogram.counts_[bucket] += count;
    histogram.total_ += count;
    at = number.ptr < end ? number.ptr + 1 : end;
  }
  return histogram;
}

}  // namespace vigil::stats
