// Bytes waiting to be sent on one connection. Keeps its memory while small, so that answering allocates nothing when warm.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

namespace vigil::net {

class OutputBuffer {
 public:
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::string_view pending() const { return {bytes_.get() + begin_, size()}; }

  // Room for `n` bytes at the end; Commit says how many were written.
  char* Extend(size_t n) {
    if (capacity_ - end_ < n) Grow(n);
    return bytes_.get() + end_;
  }
  void Commit(size_t n) { end_ += n; }
  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(Extend(bytes.size()), bytes.data(), bytes.size());
    end_ += bytes.size();
  }
  // The first `n` pending bytes are sent.
  void Drop(size_t n) {
    begin_ += n;
    if (begin_ < end_) return;
    begin_ = end_ = 0;
    if (capacity_ > kKeptMax) Release();
  }
  void Clear() { Drop(size()); }

 private:
  static constexpr size_t kFirst = 1 << 10;
  static constexpr size_t kKeptMax = 64 << 10;

  void Release() {
    bytes_.reset();
    capacity_ = 0;
  }
  void Grow(size_t n) {
    const size_t left = size();
    if (begin_ > 0 && left + n <= capacity_ / 2) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, left);
    } else {
      const size_t capacity = std::max({kFirst, 2 * capacity_, left + n});
      auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
      if (left > 0) std::memcpy(bytes.get(), bytes_.get() + begin_, left);
      bytes_ = std::move(bytes);
      capacity_ = capacity;
    }
    begin_ = 0;
    end_ = left;
  }

  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace vigil::net
