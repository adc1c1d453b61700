// How much memory this process may still take.
#pragma once

#include <cstdint>
#include <string>

namespace vigil {

// The machine's available memory, or less where a control group of this process (version 1 or 2) or one above it leaves less; memory of
// cached files counts as free in both. `root` stands before /proc and /sys. INT64_MAX where neither says anything.
int64_t MemoryLeftBytes(const std::string& root = "");

}  // namespace vigil
