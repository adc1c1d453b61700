// Writes the timeline: one sentence for each thing that was done or decided, with who and why.
#pragma once

#include <atomic>
#include <string>

#include "base/clock.h"
#include "storage/catalog.h"

namespace vigil {

// Any thread. A timeline that cannot be written is counted, never fatal: the loop goes on.
class Journal {
 public:
  Journal(Catalog& catalog, const Clock& clock) : catalog_(catalog), clock_(clock) {}
  // `now` 0: the clock's.
  void Record(const std::string& model, const std::string& kind, const std::string& subject, const std::string& summary,
              const std::string& by, TimeUs now = 0, const std::string& detail = "");
  int64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  Catalog& catalog_;
  const Clock& clock_;
  std::atomic<int64_t> lost_{0};
};

}  // namespace vigil
