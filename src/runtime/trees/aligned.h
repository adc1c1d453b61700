// Memory aligned for the widest vector registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

namespace vigil::trees {

inline constexpr size_t kVectorAlignment = 64;

// A fixed-size array of plain values, aligned to kVectorAlignment and zeroed.
template <typename T>
class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(size_t size) : size_(size) {
    if (size == 0) return;
    data_.reset(static_cast<T*>(::operator new(size * sizeof(T), std::align_val_t(kVectorAlignment))));
    std::memset(static_cast<void*>(data_.get()), 0, size * sizeof(T));
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data_.get()[i]; }
  const T& operator[](size_t i) const { return data_.get()[i]; }
  int64_t bytes() const { return static_cast<int64_t>(size_ * sizeof(T)); }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete(p, std::align_val_t(kVectorAlignment)); }
  };
  std::unique_ptr<T, Free> data_;
  size_t size_ = 0;
};

using AlignedBytes = AlignedArray<std::byte>;

}  // namespace vigil::trees
