// Where the tensors of one request lie that its body does not hold ready to use: numbers read from text, texts found in a buffer.
#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <string_view>

#include "absl/types/span.h"

namespace vigil {

// Of one request at a time; a warm one up to kKeptBytes allocates nothing. Everything holds until Release.
class RequestMemory {
 public:
  static constexpr size_t kKeptBytes = 64 << 10;

  std::byte* Bytes(size_t size) { return static_cast<std::byte*>(pool_.allocate(size, alignof(double))); }
  absl::Span<std::string_view> Texts(size_t count) {
    auto* const texts = static_cast<std::string_view*>(pool_.allocate(count * sizeof(std::string_view), alignof(std::string_view)));
    std::uninitialized_default_construct_n(texts, count);
    return {texts, count};
  }
  void Release() { pool_.release(); }

 private:
  std::unique_ptr<std::byte[]> kept_{new std::byte[kKeptBytes]};  // not cleared: pages that no request needs are never touched
  std::pmr::monotonic_buffer_resource pool_{kept_.get(), kKeptBytes};
};

}  // namespace vigil
