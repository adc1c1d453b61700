// The file of which engine was the fastest for which model, as former starts measured it.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "runtime/trees/engine_records.h"

namespace vigil {

// Any thread. Written at most once a second: where thousands of models are loaded for requests, each of them would wait for a disk
// otherwise. What a crash loses of the last second is measured again.
class EngineFile {
 public:
  // A file that cannot be read is measured anew and replaced.
  EngineFile(std::string path, const Clock& clock);
  ~EngineFile();

  trees::EngineRecords& records() { return *records_; }
  // Writes what is not written yet.
  Status Flush();

 private:
  static constexpr int64_t kWriteEveryNs = 1'000'000'000;
  Status Save();
  Status WritePending();  // needs mutex_

  const std::string path_;
  const Clock& clock_;
  std::mutex mutex_;
  bool pending_ = false;  // something is not written yet; guarded by mutex_, like next_write_ns_
  int64_t next_write_ns_ = INT64_MIN;
  std::unique_ptr<trees::EngineRecords> records_;  // last: calls Save
};

}  // namespace vigil
