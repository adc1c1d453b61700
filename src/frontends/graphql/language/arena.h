// Memory of one parsed text: allocated in blocks, freed at once. What lies in it is trivially destructible.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/types/span.h"

namespace vigil::graphql {

// One thread.
class Arena {
 public:
  void* Allocate(size_t bytes, size_t alignment) {
    size_t at = (used_ + alignment - 1) & ~(alignment - 1);
    if (blocks_.empty() || at + bytes > size_) {
      size_ = bytes > kBlockBytes ? bytes : kBlockBytes;
      blocks_.push_back(std::make_unique<char[]>(size_));
      total_ += size_;
      at = 0;
    }
    used_ = at + bytes;
    return blocks_.back().get() + at;
  }
  template <class T>
  const T* Keep(const T& value) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T), alignof(T))) T(value);
  }
  template <class List>
  auto KeepAll(const List& list) -> absl::Span<const typename List::value_type> {
    using T = typename List::value_type;
    static_assert(std::is_trivially_destructible_v<T>);
    if (list.empty()) return {};
    T* to = static_cast<T*>(Allocate(list.size() * sizeof(T), alignof(T)));
    for (size_t i = 0; i < list.size(); ++i) new (to + i) T(list[i]);
    return {to, list.size()};
  }
  std::string_view KeepText(std::string_view text) {
    if (text.empty()) return {"", 0};
    char* to = static_cast<char*>(Allocate(text.size(), 1));
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }
  size_t bytes() const { return total_; }

 private:
  static constexpr size_t kBlockBytes = 4096;
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t used_ = 0;
  size_t size_ = 0;
  size_t total_ = 0;
};

}  // namespace vigil::graphql
