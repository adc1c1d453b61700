// The windows of one length: index → integers. Those being added to are open arrays; the others rest packed, a few hundred bytes each.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/clock.h"

namespace vigil {

// Floor division: times before 1970 have windows too.
inline int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); }

// Times farther from 1970 than this are taken as this (tens of thousands of years): sums of times and lengths never overflow.
inline constexpr TimeUs kWindowTimeMax = int64_t{1} << 61;

// One thread at a time (the monitor's lock).
class WindowMap {
 public:
  // `width` integers a window; the oldest windows beyond `windows_max` are dropped, the oldest open ones beyond `open_max` packed.
  WindowMap(size_t width, int64_t length_us, int64_t windows_max, size_t open_max);

  size_t width() const { return width_; }
  int64_t length_us() const { return length_us_; }
  int64_t IndexOf(TimeUs time) const { return FloorDiv(time, length_us_); }
  TimeUs Start(int64_t index) const { return index * length_us_; }

  // The integers of window `index`, to be added to; made of zeros if it was not there. Valid until the next call. Empty when the window is
  // older than all that are kept and there is no room for it.
  absl::Span<int64_t> Open(int64_t index);
  // Adds window `index` to `into` (of `width` integers). False when there is no such window.
  bool AddTo(int64_t index, absl::Span<int64_t> into) const;
  // Indices in [from, to), rising.
  std::vector<int64_t> Indices(int64_t from, int64_t to) const;
  bool empty() const { return windows_.empty(); }
  int64_t size() const { return static_cast<int64_t>(windows_.size()); }
  int64_t dropped() const { return dropped_; }
  // Packs every open window. Where none is, gives back what was kept for the next.
  void Pack();

  void AppendTo(std::string* out) const;
  // Adds windows that AppendTo wrote. Refuses (false) malformed bytes and integers outside [minimum of its place, 2^48]: `signed_from` is
  // the first place, counted within each `part` integers, that may be negative.
  bool AddFrom(std::string_view* in, size_t part, size_t signed_from);

 private:
  struct Window {
    std::vector<int64_t> open;
    std::string packed;  // when `open` is empty
  };
  void Pack(Window* window);

  size_t width_;
  int64_t length_us_;
  size_t windows_max_;
  size_t open_max_;
  std::map<int64_t, Window> windows_;
  std::vector<int64_t> open_;                // indices, in the order they were opened
  std::vector<std::vector<int64_t>> spare_;  // arrays of packed windows, for the next
  int64_t dropped_ = 0;
};

}  // namespace vigil
