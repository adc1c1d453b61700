// Alerts, jobs, rollouts and the timeline.
#include <algorithm>
#include <charconv>

#include "frontends/errors.h"
#include "frontends/graphql/api.h"
#include "frontends/graphql/connection.h"
#include "frontends/graphql/ids.h"
#include "frontends/graphql/shapes.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

constexpr size_t kListedMax = 10'000;  // of alerts and jobs, the newest: what REST lists at most

// The model that a list is of: its parent, at Model, else the argument.
std::string ModelName(const FieldCall& call) {
  const Json* const parent = call.parent().json();
  const auto found = parent == nullptr || !parent->is_object() ? Json::const_iterator() : parent->find("name");
  if (parent != nullptr && parent->is_object() && found != parent->end()) return found->get<std::string>();
  return TextArgument(call, "model");
}

template <typename State, size_t n>
std::optional<State> StateNamed(const FieldCall& call, const State (&states)[n], std::string_view (*name_of)(State)) {
  const std::string wanted = EnumWord(TextArgument(call, "state"));
  for (const State state : states) {
    if (name_of(state) == wanted) return state;
  }
  return std::nullopt;
}

StatusOr<Value> Alerts(const FieldCall& call) {
  static constexpr AlertState kStates[] = {AlertState::kPending, AlertState::kFiring, AlertState::kResolved};
  AlertQuery query;
  query.model = ModelName(call);
  query.state = StateNamed(call, kStates, AlertStateName);
  query.limit = kListedMax;
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Alert> alerts, call.Context<Context>().operations.Alerts(query));
  std::vector<std::string> keys;
  for (const Alert& alert : alerts) keys.push_back(alert.id);
  return Connection(call, keys, [&](size_t i) { return AlertShape(ToJson(alerts[i])); });
}

StatusOr<Value> Jobs(const FieldCall& call) {
  static constexpr JobState kStates[] = {JobState::kWaiting,  JobState::kRunning, JobState::kDone,
                                         JobState::kNotReady, JobState::kFailed,  JobState::kRefused};
  JobQuery query;
  query.model = ModelName(call);
  query.state = StateNamed(call, kStates, JobStateName);
  query.limit = kListedMax;
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Job> jobs, call.Context<Context>().operations.Jobs(query));
  std::vector<std::string> keys;
  for (const Job& job : jobs) keys.push_back(job.id);
  return Connection(call, keys, [&](size_t i) { return JobShape(ToJson(jobs[i])); });
}

StatusOr<Value> Rollouts(const FieldCall& call) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Rollout> rollouts, call.Context<Context>().operations.Rollouts(ModelName(call)));
  std::vector<std::string> keys;
  for (const Rollout& rollout : rollouts) keys.push_back(rollout.id);
  return Connection(call, keys, [&](size_t i) { return RolloutShape(ToJson(rollouts[i])); });
}

// A cursor is the sequence of its event, and only one page is read, however long the timeline is.
StatusOr<Value> Timeline(const FieldCall& call) {
  TimelineQuery query;
  query.model = ModelName(call);
  if (call.Has("after")) {
    VIGIL_ASSIGN_OR_RETURN(const std::string key, ReadCursor(TextArgument(call, "after"), "after"));
    const auto [stop, error] = std::from_chars(key.data(), key.data() + key.size(), query.before);
    if (error != std::errc() || stop != key.data() + key.size() || query.before < 1) {
      return Failure(ErrorCode::kInvalid, "is not a cursor that this server gave", "after");
    }
  }
  VIGIL_ASSIGN_OR_RETURN(int64_t first, PageArgument(call, "first"));
  if (first < 0) first = kPageItems;
  query.limit = static_cast<size_t>(first) + 1;  // one more tells whether there is a next page
  std::vector<TimelineEvent> events;
  if (query.before != 1) {  // nothing is before the first
    VIGIL_ASSIGN_OR_RETURN(events, call.Context<Context>().operations.Timeline(query));
  }
  const bool next = events.size() == query.limit;
  if (next) events.pop_back();
  std::vector<std::string> keys;
  std::vector<Json> nodes;
  for (const TimelineEvent& event : events) {
    keys.push_back(Concat(event.sequence));
    nodes.push_back(EventShape(ToJson(event)));
  }
  return Value(PageJson(call, keys, std::move(nodes), query.before != 0, next));
}

// NOT_FOUND is null.
StatusOr<Value> OrNull(const StatusOr<Json>& found) {
  if (absl::IsNotFound(found.status())) return Value();
  if (!found.ok()) return found.status();
  return Value(*found);
}

}  // namespace

StatusOr<Json> AlertById(Context& context, const std::string& id) {
  AlertQuery query;
  query.limit = kListedMax;
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Alert> alerts, context.operations.Alerts(query));
  const auto found = std::find_if(alerts.begin(), alerts.end(), [&](const Alert& alert) { return alert.id == id; });
  if (found == alerts.end()) return absl::NotFoundError(Concat("no alert \"", id, "\""));
  return AlertShape(ToJson(*found));
}

StatusOr<Json> JobById(Context& context, const std::string& id) {
  VIGIL_ASSIGN_OR_RETURN(const Job job, context.operations.GetJob(id));
  return JobShape(ToJson(job));
}

StatusOr<Json> RolloutById(Context& context, const std::string& model, const std::string& id) {
  VIGIL_ASSIGN_OR_RETURN(const Rollout rollout, context.operations.GetRollout(model, id));
  return RolloutShape(ToJson(rollout));
}

StatusOr<Json> EventBySequence(Context& context, int64_t sequence) {
  TimelineQuery query;
  query.before = sequence + 1;
  query.limit = 1;
  VIGIL_ASSIGN_OR_RETURN(const std::vector<TimelineEvent> events, context.operations.Timeline(query));
  if (events.empty() || events[0].sequence != sequence) return absl::NotFoundError(Concat("no event ", sequence));
  return EventShape(ToJson(events[0]));
}

void AddHistoryResolvers(Resolvers* resolvers) {
  resolvers->Field("Query.alerts", Alerts)
      .Field("Model.alerts", Alerts)
      .Field("Query.jobs", Jobs)
      .Field("Model.jobs", Jobs)
      .Field("Model.rollouts", Rollouts)
      .Field("Query.timeline", Timeline)
      .Field("Model.timeline", Timeline)
      .Field("Query.alert", [](const FieldCall& call) { return OrNull(AlertById(call.Context<Context>(), TextArgument(call, "alertId"))); })
      .Field("Query.job", [](const FieldCall& call) { return OrNull(JobById(call.Context<Context>(), TextArgument(call, "jobId"))); })
      .Field("Model.rollout", [](const FieldCall& call) {
        return OrNull(RolloutById(call.Context<Context>(), ModelName(call), TextArgument(call, "rolloutId")));
      });
}

}  // namespace vigil::graphql
