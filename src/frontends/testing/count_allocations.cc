#include "frontends/testing/count_allocations.h"

#include <cstdlib>
#include <new>

namespace {
thread_local bool counting = false;
thread_local int64_t allocations = 0;
}  // namespace

void* operator new(size_t size) {
  if (counting) ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
// This form too: a sanitizer brings its own, whose memory must not come to our delete.
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  if (counting) ++allocations;
  return std::malloc(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace vigil::testing {

int64_t CountAllocations(const std::function<void()>& code) {
  allocations = 0;
  counting = true;
  code();
  counting = false;
  return allocations;
}

}  // namespace vigil::testing
