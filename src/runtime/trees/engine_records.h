// Which engine was the fastest for which model on this machine: kept between starts, so that a restart does not measure again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"

namespace vigil::trees {

// Of the engines as they are: raised when one is added or becomes faster or slower, and everything is measured again.
inline constexpr int kEngineSetVersion = 1;

inline constexpr size_t kEngineRecordsMax = 16'384;         // models; the one that was asked for longest ago goes
inline constexpr size_t kEngineRecordTextMax = 200;         // bytes of `measured`; longer ones are not recorded
inline constexpr int64_t kEngineRecordsBytesMax = 8 << 20;  // of the file

struct EngineRecord {
  std::string engine;
  std::string measured;  // one line for people: "0.4 us a row alone, 0.3 in batches of 64"
  bool all = true;       // every candidate was measured; else the time that a load has for it was over before
};

// Any thread. The text: "vigil-engines 2", "machine ...", a line "DIGEST ENGINE all|some MEASURED" a model, "checksum ...".
class EngineRecords {
 public:
  // Keeps Text(), now or later.
  using Save = std::function<Status(const EngineRecords& records)>;

  // `text`: what was last saved, empty if nothing was. A text that is damaged or of another machine or engine set counts for
  // nothing, and rejected() says so. `machine`: MachineName(), but in tests.
  EngineRecords(std::string_view text, std::string machine, Save save);

  // Why `text` counts for nothing; empty: it counts.
  const std::string& rejected() const { return rejected_; }
  // What is found is used, so that others go before it; that order is saved with the next record.
  std::optional<EngineRecord> Find(std::string_view digest);
  // Asks to be saved. What cannot be saved is kept for this process.
  Status Keep(std::string_view digest, EngineRecord record);
  std::string Text() const;

  // The processor, its instruction set and the engine set, as one line.
  static std::string MachineName();

 private:
  struct Entry {
    std::string digest;
    EngineRecord record;
  };
  Status Read(std::string_view text);

  const std::string machine_;
  const Save save_;
  std::string rejected_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;                                             // least recently used first; guarded by mutex_
  std::unordered_map<std::string_view, std::list<Entry>::iterator> at_;  // by digest: views into entries_; likewise
};

}  // namespace vigil::trees
