// Where subscriptions' events come from: what has changed since the look before. Nothing tells of changes, so one look a moment reads what
// there is, once for all that listen.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "frontends/rest/infer_statistics.h"
#include "service/operations.h"

namespace vigil::graphql {

// Something that may change, in the graph's shape.
struct Item {
  std::string key;
  std::string model;
  std::string state;  // as REST has it
  size_t print = 0;   // of its content
  Json shape;
};

// One look at what there is, on a worker's thread; each list is read at most once.
class Look {
 public:
  // All outlive the look.
  Look(Operations& operations, const InferStatistics& statistics, const Clock& clock);

  // Newest first.
  const StatusOr<std::vector<Item>>& Alerts();
  const StatusOr<std::vector<Item>>& Jobs();
  const StatusOr<std::vector<Item>>& Rollouts(const std::string& model);
  const StatusOr<std::vector<TimelineEvent>>& Events();  // the newest kEventsMax
  // Newest first, of those after `sequence`, at most kBacklogMax.
  StatusOr<std::vector<TimelineEvent>> EventsAfter(int64_t sequence);

  static constexpr size_t kItemsMax = 500;  // of a list: older ones are not watched
  static constexpr size_t kEventsMax = 100;
  static constexpr size_t kBacklogMax = 1000;

  Operations& operations() { return operations_; }
  const InferStatistics& statistics() const { return statistics_; }
  int64_t now_ns() const { return now_ns_; }
  TimeUs now() const { return now_; }

 private:
  Operations& operations_;
  const InferStatistics& statistics_;
  const int64_t now_ns_;
  const TimeUs now_;
  std::optional<StatusOr<std::vector<Item>>> alerts_, jobs_;
  std::map<std::string, StatusOr<std::vector<Item>>> rollouts_;
  std::optional<StatusOr<std::vector<TimelineEvent>>> events_;
};

// One subscription's. One worker at a time.
class Feed {
 public:
  virtual ~Feed() = default;
  // Takes what there is for known. A failure refuses the subscription.
  virtual Status Begin(Look& look) = 0;
  // What has happened since, oldest first, in the graph's shape. A failure ends the subscription.
  virtual StatusOr<std::vector<Json>> Next(Look& look) = 0;
};

// For a field of the type Subscription and its arguments.
StatusOr<std::unique_ptr<Feed>> MakeFeed(std::string_view field, const Json& arguments);

}  // namespace vigil::graphql
