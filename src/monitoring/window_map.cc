#include "monitoring/window_map.h"

#include <algorithm>

#include "monitoring/packed_counts.h"

namespace vigil {
namespace {
constexpr int64_t kRestoredMax = int64_t{1} << 48;
}  // namespace

WindowMap::WindowMap(size_t width, int64_t length_us, int64_t windows_max, size_t open_max)
    : width_(width),
      length_us_(length_us),
      windows_max_(static_cast<size_t>(std::max<int64_t>(windows_max, 1))),
      open_max_(std::max<size_t>(open_max, 1)) {}

absl::Span<int64_t> WindowMap::Open(int64_t index) {
  auto found = windows_.find(index);
  if (found == windows_.end()) {
    if (windows_.size() >= windows_max_) {
      if (index < windows_.begin()->first) {
        ++dropped_;
        return {};
      }
      open_.erase(std::remove(open_.begin(), open_.end(), windows_.begin()->first), open_.end());
      windows_.erase(windows_.begin());
      ++dropped_;
    }
    found = windows_.emplace(index, Window{}).first;
  }
  Window& window = found->second;
  if (window.open.empty()) {
    if (open_.size() >= open_max_) {
      Pack(&windows_.at(open_.front()));
      open_.erase(open_.begin());
    }
    if (!spare_.empty()) {
      window.open = std::move(spare_.back());
      spare_.pop_back();
    }
    window.open.assign(width_, 0);
    std::string_view packed = window.packed;
    if (!packed.empty()) AddPacked(&packed, absl::MakeSpan(window.open));
    window.packed.clear();
    open_.push_back(index);
  }
  return absl::MakeSpan(window.open);
}

bool WindowMap::AddTo(int64_t index, absl::Span<int64_t> into) const {
  const auto found = windows_.find(index);
  if (found == windows_.end()) return false;
  const Window& window = found->second;
  if (!window.open.empty()) {
    for (size_t i = 0; i < width_; ++i) into[i] += window.open[i];
  } else {
    std::string_view packed = window.packed;
    if (!packed.empty()) AddPacked(&packed, into);
  }
  return true;
}

std::vector<int64_t> WindowMap::Indices(int64_t from, int64_t to) const {
  std::vector<int64_t> indices;
  for (auto it = windows_.lower_bound(from); it != windows_.end() && it->first < to; ++it) indices.push_back(it->first);
  return indices;
}

void WindowMap::Pack(Window* window) {
  window->packed.clear();
  AppendPacked(&window->packed, window->open);
  window->packed.shrink_to_fit();
  constexpr size_t kSpareMax = 4;
  if (spare_.size() < kSpareMax) spare_.push_back(std::move(window->open));
  window->open = {};
}

void WindowMap::Pack() {
  if (open_.empty()) spare_ = {};  // of a version that is served no longer, most likely; there may be thousands
  for (const int64_t index : open_) Pack(&windows_.at(index));
  open_.clear();
}

void WindowMap::AppendTo(std::string* out) const {
  AppendVarint(out, windows_.size());
  for (const auto& [index, window] : windows_) {
    AppendVarint(out, ZigZag(index));
    if (!window.open.empty()) {
      AppendPacked(out, window.open);
    } else {
      out->append(window.packed);
    }
  }
}

bool WindowMap::AddFrom(std::string_view* in, size_t part, size_t signed_from) {
  uint64_t count = 0;
  if (!TakeVarint(in, &count)) return false;
  std::vector<int64_t> values;
  for (uint64_t w = 0; w < count; ++w) {
    uint64_t index = 0;
    values.assign(width_, 0);
    if (!TakeVarint(in, &index) || !AddPacked(in, absl::MakeSpan(values))) return false;
    const int64_t index_max = kWindowTimeMax / length_us_;
    if (UnZigZag(index) < -index_max - 1 || UnZigZag(index) > index_max) return false;
    for (size_t i = 0; i < width_; ++i) {
      const int64_t minimum = i % part >= signed_from ? -kRestoredMax : 0;
      if (values[i] < minimum || values[i] > kRestoredMax) return false;
    }
    const absl::Span<int64_t> window = Open(UnZigZag(index));
    for (size_t i = 0; i < window.size(); ++i) window[i] += values[i];
  }
  return true;
}

}  // namespace vigil
