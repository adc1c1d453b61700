#include "runtime/testing/allocation_counter.h"

#include <cstdlib>
#include <new>

namespace vigil::testing {
namespace {

thread_local int64_t allocations = 0;

}  // namespace

int64_t ThreadAllocations() { return allocations; }

// Replaces the program's operators; the aligned ones too, which scratch memory uses.
void* CountedAllocation(size_t size) {
  ++allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}

void* CountedAllocation(size_t size, std::align_val_t alignment) {
  ++allocations;
  const auto align = static_cast<size_t>(alignment);
  if (void* p = std::aligned_alloc(align, (size + align - 1) / align * align)) return p;
  throw std::bad_alloc();
}

}  // namespace vigil::testing

void* operator new(size_t size) { return vigil::testing::CountedAllocation(size); }
void* operator new(size_t size, std::align_val_t alignment) { return vigil::testing::CountedAllocation(size, alignment); }
// This form too: a sanitizer brings its own, whose memory must not come to our delete.
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++vigil::testing::allocations;
  return std::malloc(size);
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }
