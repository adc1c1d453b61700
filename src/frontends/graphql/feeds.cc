#include "frontends/graphql/feeds.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/graphql/shapes.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr int64_t kIntervalSecondsMax = 3600;

Item MakeItem(std::string key, std::string model, std::string_view state, const Json& rest, Json shape) {
  Item item;
  item.key = std::move(key);
  item.model = std::move(model);
  item.state = state;
  item.print = std::hash<std::string>()(DumpJson(rest));
  item.shape = std::move(shape);
  return item;
}

StatusOr<std::vector<Item>> AlertItems(Operations& operations) {
  AlertQuery query;
  query.limit = Look::kItemsMax;
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Alert> alerts, operations.Alerts(query));
  std::vector<Item> items;
  for (const Alert& alert : alerts) {
    const Json rest = ToJson(alert);
    items.push_back(MakeItem(alert.id, alert.model, AlertStateName(alert.state), rest, AlertShape(rest)));
  }
  return items;
}

StatusOr<std::vector<Item>> JobItems(Operations& operations) {
  JobQuery query;
  query.limit = Look::kItemsMax;
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Job> jobs, operations.Jobs(query));
  std::vector<Item> items;
  for (const Job& job : jobs) {
    const Json rest = ToJson(job);
    items.push_back(MakeItem(job.id, job.model, JobStateName(job.state), rest, JobShape(rest)));
  }
  return items;
}

StatusOr<std::vector<Item>> RolloutItems(Operations& operations, const std::string& model) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Rollout> rollouts, operations.Rollouts(model));
  std::vector<Item> items;
  for (const Rollout& rollout : rollouts) {
    const Json rest = ToJson(rollout);
    items.push_back(MakeItem(rollout.id, rollout.model, RolloutStateName(rollout.state), rest, RolloutShape(rest)));
  }
  return items;
}

std::string TextIn(const Json& arguments, const char* name) {
  const auto found = arguments.find(name);
  return found == arguments.end() || found->is_null() ? std::string() : found->get<std::string>();
}

using ListOf = std::function<const StatusOr<std::vector<Item>>&(Look&)>;

// Items that are new or differ from what they were.
class ListFeed final : public Feed {
 public:
  ListFeed(ListOf list, std::string model, std::string state)
      : list_(std::move(list)), model_(std::move(model)), state_(std::move(state)) {}

  Status Begin(Look& look) override {
    if (!model_.empty()) VIGIL_RETURN_IF_ERROR(look.operations().GetModel(model_).status());
    return Next(look).status();
  }

  StatusOr<std::vector<Json>> Next(Look& look) override {
    const StatusOr<std::vector<Item>>& items = list_(look);
    if (!items.ok()) return items.status();
    std::vector<Json> changed;
    std::map<std::string, size_t> known;
    for (const Item& item : *items) {
      if (!model_.empty() && item.model != model_) continue;
      known.emplace(item.key, item.print);
      if (!state_.empty() && item.state != state_) continue;
      const auto before = known_.find(item.key);
      if (before == known_.end() || before->second != item.print) changed.push_back(item.shape);
    }
    known_ = std::move(known);
    std::reverse(changed.begin(), changed.end());
    return changed;
  }

 private:
  const ListOf list_;
  const std::string model_, state_;
  std::map<std::string, size_t> known_;  // key → print
};

class TimelineFeed final : public Feed {
 public:
  explicit TimelineFeed(std::string model) : model_(std::move(model)) {}

  Status Begin(Look& look) override {
    if (!model_.empty()) VIGIL_RETURN_IF_ERROR(look.operations().GetModel(model_).status());
    const auto& events = look.Events();
    if (!events.ok()) return events.status();
    if (!events->empty()) last_ = events->front().sequence;
    return absl::OkStatus();
  }

  StatusOr<std::vector<Json>> Next(Look& look) override {
    VIGIL_ASSIGN_OR_RETURN(const std::vector<TimelineEvent> events, look.EventsAfter(last_));
    std::vector<Json> shapes;
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
      last_ = event->sequence;
      if (model_.empty() || event->model == model_) shapes.push_back(EventShape(ToJson(*event)));
    }
    return shapes;
  }

 private:
  const std::string model_;
  int64_t last_ = 0;  // sequence
};

class MetricsFeed final : public Feed {
 public:
  MetricsFeed(std::string model, int64_t interval_s) : model_(std::move(model)), interval_ns_(interval_s * 1'000'000'000) {}

  Status Begin(Look& look) override {
    VIGIL_RETURN_IF_ERROR(look.operations().GetModel(model_).status());
    sums_ = look.statistics().SumOf(model_);
    counted_ns_ = look.now_ns();
    due_ns_ = counted_ns_ + interval_ns_;
    return absl::OkStatus();
  }

  StatusOr<std::vector<Json>> Next(Look& look) override {
    if (look.now_ns() < due_ns_) return std::vector<Json>();
    const InferSums sums = look.statistics().SumOf(model_);
    const double seconds = static_cast<double>(look.now_ns() - counted_ns_) * 1e-9;
    const int64_t requests = sums.success - sums_.success, failures = sums.fail - sums_.fail, rows = sums.rows - sums_.rows;
    const auto mean_us = [&](int64_t ns) {
      return requests == 0 ? Json(nullptr) : Json(static_cast<double>(ns) / 1e3 / static_cast<double>(requests));
    };
    Json metrics{{"model", model_},
                 {"time", FormatTime(look.now())},
                 {"seconds", seconds},
                 {"requests", requests},
                 {"failures", failures},
                 {"rows", rows},
                 {"requestsPerSecond", static_cast<double>(requests) / seconds},
                 {"rowsPerSecond", static_cast<double>(rows) / seconds},
                 {"latencyMeanUs", mean_us(sums.success_ns - sums_.success_ns)},
                 {"scoringMeanUs", mean_us(sums.infer_ns - sums_.infer_ns)}};
    sums_ = sums;
    counted_ns_ = look.now_ns();
    due_ns_ = std::max(due_ns_ + interval_ns_, counted_ns_);  // in step, but never two at once
    return std::vector<Json>{std::move(metrics)};
  }

 private:
  const std::string model_;
  const int64_t interval_ns_;
  InferSums sums_;
  int64_t counted_ns_ = 0, due_ns_ = 0;
};

}  // namespace

Look::Look(Operations& operations, const InferStatistics& statistics, const Clock& clock)
    : operations_(operations), statistics_(statistics), now_ns_(clock.MonotonicNs()), now_(clock.NowUs()) {}

const StatusOr<std::vector<Item>>& Look::Alerts() {
  if (!alerts_.has_value()) alerts_ = AlertItems(operations_);
  return *alerts_;
}

const StatusOr<std::vector<Item>>& Look::Jobs() {
  if (!jobs_.has_value()) jobs_ = JobItems(operations_);
  return *jobs_;
}

const StatusOr<std::vector<Item>>& Look::Rollouts(const std::string& model) {
  auto found = rollouts_.find(model);
  if (found == rollouts_.end()) found = rollouts_.emplace(model, RolloutItems(operations_, model)).first;
  return found->second;
}

const StatusOr<std::vector<TimelineEvent>>& Look::Events() {
  if (!events_.has_value()) {
    TimelineQuery query;
    query.limit = kEventsMax;
    events_ = operations_.Timeline(query);
  }
  return *events_;
}

StatusOr<std::vector<TimelineEvent>> Look::EventsAfter(int64_t sequence) {
  const auto& newest = Events();
  if (!newest.ok()) return newest.status();
  std::vector<TimelineEvent> events = *newest;
  // More has happened than one page holds.
  while (!events.empty() && events.back().sequence > sequence + 1 && events.size() >= kEventsMax && events.size() < kBacklogMax) {
    TimelineQuery query;
    query.limit = kEventsMax;
    query.before = events.back().sequence;
    VIGIL_ASSIGN_OR_RETURN(const std::vector<TimelineEvent> page, operations_.Timeline(query));
    if (page.empty()) break;
    events.insert(events.end(), page.begin(), page.end());
  }
  std::erase_if(events, [&](const TimelineEvent& event) { return event.sequence <= sequence; });
  return events;
}

StatusOr<std::unique_ptr<Feed>> MakeFeed(std::string_view field, const Json& arguments) {
  std::string model = TextIn(arguments, "model");
  if (field == "alerts") {
    return std::make_unique<ListFeed>([](Look& look) -> decltype(auto) { return look.Alerts(); }, std::move(model),
                                      EnumWord(TextIn(arguments, "state")));
  }
  if (field == "jobs") return std::make_unique<ListFeed>([](Look& look) -> decltype(auto) { return look.Jobs(); }, std::move(model), "");
  if (field == "rollouts") {
    return std::make_unique<ListFeed>([model](Look& look) -> decltype(auto) { return look.Rollouts(model); }, model, "");
  }
  if (field == "timeline") return std::make_unique<TimelineFeed>(std::move(model));
  if (field == "metrics") {
    const auto given = arguments.find("interval");
    const int64_t interval = given == arguments.end() || given->is_null() ? 5 : given->get<int64_t>();
    if (interval < 1 || interval > kIntervalSecondsMax) {
      return Failure(ErrorCode::kInvalid, Concat("must be from 1 to ", kIntervalSecondsMax), "interval");
    }
    return std::make_unique<MetricsFeed>(std::move(model), interval);
  }
  return absl::UnimplementedError(Concat("nothing tells of ", field));
}

}  // namespace vigil::graphql
