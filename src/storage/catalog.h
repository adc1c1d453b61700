// Where control-plane facts live: versions, roles, alerts, jobs, rollouts, and the timeline. Its face is compare-and-set over
// (kind, key) → value; it can fail; it shows no SQL. Values are JSON texts that their owners define.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "domain/job.h"

namespace vigil {

struct CatalogEntry {
  std::string key;
  std::string value;
  int64_t epoch = 0;  // 1 after the first write, one more with each, deletions too: an epoch never comes back
};

// One write of a transaction. `expected_epoch`: the epoch the writer read; 0: the key must not exist; kAnyEpoch: whatever is there.
struct CatalogWrite {
  static constexpr int64_t kAnyEpoch = -1;
  std::string kind;
  std::string key;
  std::optional<std::string> value;  // nothing: delete
  int64_t expected_epoch = 0;
};

// Any thread may call. Every call may block on disk and may fail (UNAVAILABLE, RESOURCE_EXHAUSTED, DATA_LOSS).
class Catalog {
 public:
  virtual ~Catalog() = default;
  // NOT_FOUND when there is none.
  virtual StatusOr<CatalogEntry> Get(std::string_view kind, std::string_view key) = 0;
  // Keys that start with `prefix`, rising, after `after`.
  virtual StatusOr<std::vector<CatalogEntry>> List(std::string_view kind, std::string_view prefix = "", std::string_view after = "",
                                                   size_t limit = 1000) = 0;
  // All or nothing; ABORTED, naming the key and both epochs, if any expectation fails. The events are appended in the same transaction.
  // Returns the new epochs in order.
  virtual StatusOr<std::vector<int64_t>> Apply(const std::vector<CatalogWrite>& writes, const std::vector<TimelineEvent>& events = {}) = 0;
  // Newest first, sequence below `before` (0: from the newest); of `model` unless that is empty.
  virtual StatusOr<std::vector<TimelineEvent>> Timeline(std::string_view model, int64_t before, size_t limit) = 0;
};

// A SQLite file, created and migrated as needed. FAILED_PRECONDITION when a newer Vigil wrote it.
StatusOr<std::unique_ptr<Catalog>> OpenSqliteCatalog(const std::string& path);

}  // namespace vigil
