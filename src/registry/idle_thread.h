// Work that may take only the processor time that nothing else wants.
#pragma once

#include <functional>

namespace vigil {

// Runs `work` on a thread of its own in the kernel's idle class (SCHED_IDLE) and returns when it is done. One at a time in a process:
// the others wait for their turn. In a busy machine that may be long: never for what a request waits for.
void RunAtIdlePriority(const std::function<void()>& work);

}  // namespace vigil
