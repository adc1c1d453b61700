// A catalog in memory that fails when told to.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/catalog.h"

namespace vigil::testing {

class FakeCatalog final : public Catalog {
 public:
  StatusOr<CatalogEntry> Get(std::string_view kind, std::string_view key) override;
  StatusOr<std::vector<CatalogEntry>> List(std::string_view kind, std::string_view prefix, std::string_view after, size_t limit) override;
  StatusOr<std::vector<int64_t>> Apply(const std::vector<CatalogWrite>& writes, const std::vector<TimelineEvent>& events) override;
  StatusOr<std::vector<TimelineEvent>> Timeline(std::string_view model, int64_t before, size_t limit) override;

  // Every call answers `status` until it is OK again.
  void FailWith(Status status);
  // Called before the next Apply looks at anything, outside the lock and once: to let somebody else write first.
  void BeforeNextApply(std::function<void()> hook);

 private:
  struct Stored {
    std::optional<std::string> value;
    int64_t epoch = 0;
  };
  std::mutex mutex_;
  Status failure_;
  std::function<void()> hook_;
  std::map<std::pair<std::string, std::string>, Stored> entries_;
  std::vector<TimelineEvent> events_;
};

}  // namespace vigil::testing
