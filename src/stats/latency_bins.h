// Latencies by logarithmic bins: eight to an octave, exact below 8 us. Pure functions.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/types/span.h"

namespace vigil::stats {

inline constexpr size_t kLatencyBins = 240;  // every uint32_t has one

inline size_t LatencyBin(uint32_t us) {
  if (us < 8) return us;
  const auto octave = static_cast<uint32_t>(std::bit_width(us)) - 1;  // 3 or more
  return (octave - 2) * 8 + ((us >> (octave - 3)) & 7);
}

// Smallest latency of a bin; of kLatencyBins: 2^32.
inline double LatencyBinStart(size_t bin) {
  if (bin < 8) return static_cast<double>(bin);
  return std::ldexp(8.0 + static_cast<double>(bin % 8), static_cast<int>(bin / 8) - 1);
}

// The q quantile of `counts` (kLatencyBins), linear within its bin: at most one part in sixteen off. NaN without counts.
inline double LatencyQuantile(absl::Span<const int64_t> counts, double q) {
  int64_t total = 0;
  for (const int64_t count : counts) total += count;
  const double wanted = q * static_cast<double>(total);
  double below = 0;
  for (size_t bin = 0; bin < counts.size(); ++bin) {
    const auto here = static_cast<double>(counts[bin]);
    if (here > 0 && below + here >= wanted) {
      const double start = LatencyBinStart(bin);
      return start + (LatencyBinStart(bin + 1) - start) * (wanted - below) / here;
    }
    below += here;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace vigil::stats
