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

#include "base/status.h"

namespace vigil::trees {

// Of the engines as they are: raised when one is added or becomes faster or slower, and everything is measured again.
inline constexpr int kEngineSetVersion = 1;

inline constexpr size_t kEngineRecordsMax = 1024;           // models; the one recorded longest ago goes
inline constexpr size_t kEngineRecordTextMax = 200;         // bytes of `measured`; longer ones are not recorded
inline constexpr int64_t kEngineRecordsBytesMax = 1 << 20;  // of the file

struct EngineRecord {
  std::string engine;
  std::string measured;  // one line for people: "0.4 us a row alone, 0.3 in batches of 64"
};

// Any thread. The text: "vigil-engines 1", "machine ...", a line "DIGEST ENGINE MEASURED" a model, "checksum ...".
class EngineRecords {
 public:
  using Save = std::function<Status(const std::string& text)>;

  // `text`: what `save` was last given, empty if it never was. A text that is damaged or of another machine or engine set counts for
  // nothing, and rejected() says so. `machine`: MachineName(), but in tests.
  EngineRecords(std::string_view text, std::string machine, Save save);

  // Why `text` counts for nothing; empty: it counts.
  const std::string& rejected() const { return rejected_; }
  std::optional<EngineRecord> Find(std::string_view digest) const;
  // Saves at once. What cannot be saved is kept for this process.
  Status Keep(std::string_view digest, EngineRecord record);

  // The processor, its instruction set and the engine set, as one line.
  static std::string MachineName();

 private:
  struct Entry {
    std::string digest;
    EngineRecord record;
  };
  Status Read(std::string_view text);
  std::string Text() const;

  const std::string machine_;
  const Save save_;
  std::string rejected_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // oldest first
};

}  // namespace vigil::trees
