// Every limit of the TensorFlow runtime.
#pragma once

#include <cstdint>

namespace vigil::tensorflow {

struct WorkerLimits {
  uint32_t threads = 2;                                     // calls that one worker runs side by side; one call uses one thread
  int64_t load_ms = 300'000;                                // to load a model; beyond, the worker is ended
  uint64_t calls_max = 1024;                                // waiting or running; more are RESOURCE_EXHAUSTED
  uint64_t unsent_bytes_max = uint64_t{256} << 20;          // of calls not yet written to the worker; more are RESOURCE_EXHAUSTED
  int64_t stuck_ms = 60'000;                                // a call that runs on for so long after its deadline ends the worker
  int64_t backoff_first_ms = 100, backoff_max_ms = 30'000;  // between starts that fail; one that ran is started again at once
  int64_t stable_ms = 10'000;                               // having run so long, the next end counts as a first one
};

}  // namespace vigil::tensorflow
