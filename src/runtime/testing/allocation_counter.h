// How often this thread has allocated, for tests that promise it does not. Link allocation_counter.cc into the test program.
#pragma once

#include <cstdint>

namespace vigil::testing {

int64_t ThreadAllocations();

}  // namespace vigil::testing
