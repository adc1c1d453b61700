// Counts what a piece of code allocates. The test program links count_allocations.cc, which replaces the global operators.
#pragma once

#include <cstdint>
#include <functional>

namespace vigil::testing {

// Allocations on this thread while `code` runs.
int64_t CountAllocations(const std::function<void()>& code);

}  // namespace vigil::testing
