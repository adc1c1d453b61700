#include "prediction/pipeline.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/text.h"
#include "prediction/answers.h"
#include "prediction/counters.h"
#include "prediction/flight.h"
#include "prediction/log.h"
#include "prediction/shadow.h"

namespace vigil {
namespace {

constexpr size_t kIdleFlightsMax = 8;  // with their buffers

uint64_t IdSeed(const PipelineOptions& options, const Clock& clock, const void* pipeline) {
  if (options.id_seed != 0) return options.id_seed;
  const int64_t seed[] = {clock.NowUs(), clock.MonotonicNs(), static_cast<int64_t>(reinterpret_cast<intptr_t>(pipeline))};
  return StableHash({reinterpret_cast<const char*>(seed), sizeof(seed)});
}

template <typename Entries>
std::vector<std::string> Names(const Entries& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.first);
  return names;
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) absl::StrAppend(&text, text.empty() ? "" : ", ", name);
  return text;
}

Status CheckShape(const RowBatch& batch, const PredictTarget& target) {
  const ServedVersion& version = *target.version;
  const TableShape& shape = target.table();
  const size_t columns = shape.columns.size();
  if (!shape.refusal.empty() && batch.whole == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("model ", version.facts.model, " takes no table: ", shape.refusal, "; send tensors, by the Open Inference Protocol"));
  }
  if (batch.columns != columns) {
    return absl::InvalidArgumentError(absl::StrCat("rows of ", batch.columns, " columns; model ", version.facts.model, " takes ", columns));
  }
  if (batch.rows > kRowsMax) return absl::InvalidArgumentError(absl::StrCat(batch.rows, " rows; at most ", kRowsMax, " a request"));
  const std::pair<size_t, size_t> cells[] = {
      {batch.values.size(), columns}, {batch.exact.size(), shape.exact}, {batch.texts.size(), shape.texts}};
  for (const auto& [held, width] : cells) {
    if (held != batch.rows * width)
      return absl::InvalidArgumentError(absl::StrCat(held, " values for ", batch.rows, " rows of ", width, " columns"));
  }
  const std::pair<const char*, size_t> lists[] = {
      {"ids", batch.ids.size()}, {"entities", batch.entities.size()}, {"times", batch.times.size()}};
  for (const auto& [name, size] : lists) {
    if (size != 0 && size != batch.rows) return absl::InvalidArgumentError(absl::StrCat(size, " ", name, " for ", batch.rows, " rows"));
  }
  return absl::OkStatus();
}

}  // namespace

struct Pipeline::State final : FlightOwner {
  State(const Registry& registry, PredictionLog* log, Monitor* monitor, const Clock& time, EventClock* events, const PipelineOptions& o)
      : options(o),
        clock(time),
        event_clock(o.event_clock ? events : nullptr),
        seal_interval_ns(o.seal_interval_us * 1000),
        snapshots(registry.snapshot()),
        recorder(o.log ? log : nullptr, monitor, time, IdSeed(o, time, this), counters),
        shadows(options, time, scorers, recorder, counters) {}

  const RegistrySnapshot& Refresh();
  const RouteTable& Routes(const PredictTarget& target);
  Flight& Takeoff();
  void OnLanded(Flight& flight) override;
  void Reclaim();
  void Land(Flight& flight);
  TimeUs RowTime(const Flight& flight, size_t row) const;
  void ObserveTimes(const RowBatch& batch);
  void HandOver(int64_t now_ns);
  PredictionRecord NewRecord(Flight& flight, size_t row, uint32_t latency_us, const RouteArm& arm);
  Status RefuseWhole(Flight& flight, PredictResult* result);
  Status Settle(Flight& flight, PredictResult* result);
  PredictionId RecordRefused(Flight& flight, size_t row, uint32_t latency_us);
  void RecordFailed(Flight& flight, uint32_t latency_us);
  void RecordAnswered(Flight& flight, uint32_t latency_us, absl::Span<const float> scores);
  void AddShadows(Flight& flight);
  uint32_t LatencyUs(const Flight& flight) const;

  const PipelineOptions options;
  const Clock& clock;
  EventClock* const event_clock;  // null: wall time
  const int64_t seal_interval_ns;
  int64_t handed_over_ns = INT64_MIN / 2;
  TimeUs newest_time = 0;  // of the rows of this thread
  LiveCounters counters;

  // Requests pin the snapshot through a handle of this thread's own, so that threads do not fight over one reference count.
  using Pin = std::shared_ptr<const std::shared_ptr<const RegistrySnapshot>>;
  Published<RegistrySnapshot>::Reader snapshots;
  Pin pin;
  RouteTable routes;
  const ServedModel* routes_of = nullptr;  // of the pinned snapshot

  ScorerCache scorers;
  RowRecorder recorder;
  ShadowStage shadows;
  std::vector<std::unique_ptr<Flight>> flights;  // all of them
  std::vector<Flight*> idle;
  Flight* answered = nullptr;
  FeatureReader features;
  std::vector<double> answer_numbers;  // of the row that is recorded
  std::vector<std::string_view> answer_texts;
};

// The newest snapshot. When it changed, what the old one needed is given back.
const RegistrySnapshot& Pipeline::State::Refresh() {
  const std::shared_ptr<const RegistrySnapshot>& newest = snapshots.Get();
  const bool moved = pin == nullptr || *pin != newest;
  if (moved) {
    pin = std::make_shared<const std::shared_ptr<const RegistrySnapshot>>(newest);
    routes_of = nullptr;
  }
  if (moved || scorers.has_new()) scorers.Keep(*newest);
  return *newest;
}

const RouteTable& Pipeline::State::Routes(const PredictTarget& target) {
  if (target.version_is_explicit) {
    routes = RouteTable(*target.model, *target.version);
    routes_of = nullptr;
  } else if (routes_of != target.model.get()) {
    routes = RouteTable(*target.model);
    routes_of = target.model.get();
  }
  return routes;
}

Flight& Pipeline::State::Takeoff() {
  if (idle.empty()) {
    flights.push_back(std::make_unique<Flight>(*this));
    idle.push_back(flights.back().get());
  }
  Flight& flight = *idle.back();
  idle.pop_back();
  return flight;
}

// Lets the last answered flight go: until now its result was the caller's to read.
void Pipeline::State::Reclaim() {
  if (Flight* last = std::exchange(answered, nullptr)) Land(*last);
}

void Pipeline::State::Land(Flight& flight) {
  flight.End(scorers);
  idle.push_back(&flight);
  if (idle.size() <= kIdleFlightsMax) return;
  std::erase_if(flights, [&](const auto& other) { return other.get() == idle.front(); });
  idle.erase(idle.begin());
}

void Pipeline::State::OnLanded(Flight& flight) {
  PredictResult result;
  const Status status = Settle(flight, &result);
  recorder.Flush();  // an answer never precedes its record, and this turn may have no end hook
  const auto done = std::move(flight.done);
  if (status.ok()) {
    done(result);
  } else {
    done(status);
  }
  Land(flight);
}

TimeUs Pipeline::State::RowTime(const Flight& flight, size_t row) const {
  if (event_clock != nullptr) {
    if (!flight.batch().times.empty() && flight.batch().times[row] != 0) return flight.batch().times[row];
    if (const TimeUs newest = event_clock->NowUs(); newest != 0) return newest;
  }
  return flight.received_us();
}

// The event clock moves only when what was counted up to then has been handed over: a window never closes over rows still on their way.
void Pipeline::State::HandOver(int64_t now_ns) {
  if (now_ns - handed_over_ns < seal_interval_ns) return;
  if (!recorder.Seal()) return;
  handed_over_ns = now_ns;
  if (event_clock != nullptr && newest_time > 0) event_clock->Observe(newest_time);
}

void Pipeline::State::ObserveTimes(const RowBatch& batch) {
  if (event_clock == nullptr || batch.times.empty()) return;
  newest_time = std::max(newest_time, *std::max_element(batch.times.begin(), batch.times.end()));
}

uint32_t Pipeline::State::LatencyUs(const Flight& flight) const {
  const int64_t us = (clock.MonotonicNs() - flight.started_ns()) / 1000;
  return static_cast<uint32_t>(std::clamp<int64_t>(us, 0, UINT32_MAX));
}

// As the version of `arm` has its columns.
PredictionRecord Pipeline::State::NewRecord(Flight& flight, size_t row, uint32_t latency_us, const RouteArm& arm) {
  const RowBatch& batch = flight.batch();
  PredictionRecord record;
  record.time = RowTime(flight, row);
  record.latency_us = latency_us;
  record.id = flight.id(row);
  record.entity = flight.entity(row);
  record.schema = arm.version->log_schema;
  record.arm = arm.name;
  record.cleaning = flight.cleaned.RowCleaning(row);
  features.Set(batch.table(flight.table()), row, arm.fit, arm.version->loaded->table(), &record);
  return record;
}

PredictionId Pipeline::State::RecordRefused(Flight& flight, size_t row, uint32_t latency_us) {
  const PredictTarget& target = flight.target();
  RouteArm arm{target.version.get(), nullptr, target.version_is_explicit ? kExplicitArm : kChampionArm};
  if (!target.is_own_table()) arm.fit = target.model->FitOf(target.version->facts.version);
  PredictionRecord record = NewRecord(flight, row, latency_us, arm);
  record.cleaning = {};
  record.status = PredictionStatus::kRefused;
  recorder.Record(record, target.version->slot, ArmCode::kControl, 0, scorers.Codes(*target.model, *target.version));
  return record.prediction_id;
}

// The rows of the groups that failed; the others' were never answered.
void Pipeline::State::RecordFailed(Flight& flight, uint32_t latency_us) {
  counters.failed_rows.Add(static_cast<int64_t>(flight.batch().rows) - flight.validation.refused_rows);
  for (size_t row = 0; row < flight.batch().rows; ++row) {
    if (flight.is_refused(row)) {
      RecordRefused(flight, row, latency_us);
      continue;
    }
    const auto group =
        std::find_if(flight.groups().begin(), flight.groups().end(), [&](const FlightGroup& g) { return g.arm == flight.arm_of(row); });
    if (group->status.ok()) continue;
    const RouteArm& arm = flight.arm(group->arm);
    PredictionRecord record = NewRecord(flight, row, latency_us, arm);
    record.cleaning = {};
    record.status = PredictionStatus::kFailed;
    recorder.Record(record, arm.version->slot, arm.code, 0, scorers.Codes(*flight.target().model, *arm.version));
  }
}

void Pipeline::State::RecordAnswered(Flight& flight, uint32_t latency_us, absl::Span<const float> scores) {
  const size_t width = flight.width();
  flight.ids.resize(flight.batch().rows);
  for (size_t row = 0; row < flight.batch().rows; ++row) {
    if (flight.is_refused(row)) {
      flight.ids[row] = RecordRefused(flight, row, latency_us);
      continue;
    }
    const RouteArm& arm = flight.arm(flight.arm_of(row));
    PredictionRecord record = NewRecord(flight, row, latency_us, arm);
    record.outputs = scores.subspan(row * width, width);
    // The version's own answer, whatever form the caller gets it in.
    FlightGroup& group = flight.group_of(row);
    const ScoringUnit& unit = *group.unit;
    const size_t at = group.recorded++;
    if (!unit.shape().single_output) {
      SplitAnswers(unit.shape(), unit.outputs.tensors, at, unit.batch.rows(), &answer_numbers, &answer_texts);
      record.answer_numbers = answer_numbers;
      record.answer_texts = answer_texts;
    }
    const auto touched =
        record.cleaning.size() - static_cast<size_t>(std::count(record.cleaning.begin(), record.cleaning.end(), uint8_t{0}));
    recorder.Record(record, arm.version->slot, arm.code, static_cast<uint32_t>(touched),
                    scorers.Codes(*flight.target().model, *arm.version));
    flight.ids[row] = record.prediction_id;
  }
}

// Copies what was answered to every version that watches in the shadow; a version does not shadow itself.
void Pipeline::State::AddShadows(Flight& flight) {
  const ServedModel& model = *flight.target().model;
  if (flight.target().version_is_explicit || (model.shadow == nullptr && model.plan.shadows.empty())) return;
  std::array<const ServedVersion*, kTrafficShadowsMax + 1> versions{};
  size_t count = 0;
  if (model.shadow != nullptr) versions[count++] = model.shadow.get();
  for (const std::string& name : model.plan.shadows) {
    const auto found = model.versions.find(name);
    if (found == model.versions.end() || found->second == model.shadow || count == versions.size()) continue;
    versions[count++] = found->second.get();
  }
  const RowBatch& batch = flight.batch();
  char id_text[PredictionId::kTextLength];
  for (size_t row = 0; row < batch.rows; ++row) {
    if (flight.is_refused(row)) continue;
    ShadowRow copy;
    copy.received = batch.table(flight.table());
    copy.cleaned = flight.cleaned.rows();
    copy.row = row;
    copy.is_cleaned = flight.cleaned.changed();
    copy.request_rows = batch.rows;
    copy.time = RowTime(flight, row);
    copy.entity = flight.entity(row);
    copy.id = flight.id(row);
    if (copy.id.empty()) {
      flight.ids[row].Format(id_text);
      copy.id = {id_text, sizeof(id_text)};
    }
    for (const ServedVersion* version : absl::MakeConstSpan(versions.data(), count)) {
      if (version == flight.arm(flight.arm_of(row)).version) continue;
      // A shadow named before this champion came may not read its rows at all, and one of narrower types not this row.
      const VersionFit* fit = model.FitOf(version->facts.version);
      const bool fits =
          batch.whole == nullptr && (version == model.champion.get() ||
                                     (fit != nullptr && FindMisfit(copy.cleaned, row, fit->columns, version->loaded->table()) < 0));
      if (options.shadow_on_path && fits) {
        shadows.Add(flight.target().model, *version, fit, copy);
      } else {
        counters.shadow_skipped.Add(1);
      }
    }
  }
}

Status Pipeline::State::RefuseWhole(Flight& flight, PredictResult* result) {
  const uint32_t latency_us = LatencyUs(flight);
  for (size_t row = 0; row < flight.batch().rows; ++row) {
    if (flight.is_refused(row)) RecordRefused(flight, row, latency_us);
  }
  const Validation& validation = flight.validation;
  *result = PredictResult();
  result->version = flight.target().version->facts.version;
  result->errors = validation.errors;
  result->error_count = validation.error_count;
  result->warnings = flight.batch().warnings;
  std::string message = absl::StrCat(validation.refused_rows, " of ", flight.batch().rows, " rows are refused");
  if (!validation.errors.empty()) {
    const RowError& first = validation.errors[0];
    absl::StrAppend(&message, "; row ", first.row, ", column ", first.column, ": ", first.value, " breaks ", first.rule);
  }
  return absl::InvalidArgumentError(message);
}

// The last stages of a flight whose groups have all been scored.
Status Pipeline::State::Settle(Flight& flight, PredictResult* result) {
  const uint32_t latency_us = LatencyUs(flight);
  *result = PredictResult();
  if (Status failure = flight.failure(); !failure.ok()) {
    RecordFailed(flight, latency_us);
    return failure;
  }
  const absl::Span<const float> scores = flight.CollectScores();
  const absl::Span<const OwnedTensor> outputs = flight.CollectOutputs();
  RecordAnswered(flight, latency_us, scores);
  counters.cleaned_cells.Add(flight.cleaned.cells());
  AddShadows(flight);
  result->version = flight.version();
  result->outputs = scores;
  result->tensors = outputs;
  result->shape = &flight.shape();
  result->width = flight.width();
  result->prediction_ids = flight.ids;
  result->refused = flight.validation.refused;
  result->versions = flight.CollectVersions();
  result->errors = flight.validation.errors;
  result->error_count = flight.validation.error_count;
  result->warnings = flight.batch().warnings;
  return absl::OkStatus();
}

Pipeline::Pipeline(const Registry& registry, PredictionLog* log, Monitor* monitor, const Clock& clock, EventClock* event_clock,
                   const PipelineOptions& options)
    : state_(std::make_unique<State>(registry, log, monitor, clock, event_clock, options)) {}

// The last turn's counts too.
Pipeline::~Pipeline() { state_->recorder.Seal(); }

StatusOr<PredictTarget> Pipeline::Resolve(std::string_view model, std::string_view version) {
  const RegistrySnapshot& snapshot = state_->Refresh();
  if (model.empty()) model = snapshot.default_model;
  auto found = snapshot.models.find(model);
  if (model.empty() && snapshot.models.size() == 1) found = snapshot.models.begin();
  if (found == snapshot.models.end()) {
    const std::vector<std::string> names = Names(snapshot.models);
    if (names.empty()) return absl::NotFoundError("no model is served");
    if (model.empty()) return absl::InvalidArgumentError(absl::StrCat("the request names no model; served are ", Joined(names)));
    return absl::NotFoundError(
        absl::StrCat("no model is called ", std::string(model), DidYouMean(model, names), "; served are ", Joined(names)));
  }
  const ServedModel& served = *found->second;
  PredictTarget target;
  const ServedVersion* chosen = served.champion.get();
  if (!version.empty()) {
    const auto at = served.versions.find(version);
    if (at == served.versions.end()) {
      const std::vector<std::string> names = Names(served.versions);
      return absl::NotFoundError(absl::StrCat("model ", served.name, " has no version ", std::string(version), " loaded",
                                              DidYouMean(version, names), "; loaded are ", names.empty() ? "none" : Joined(names)));
    }
    chosen = at->second.get();
    target.version_is_explicit = true;
  }
  if (chosen == nullptr) return absl::UnavailableError(absl::StrCat("model ", served.name, " has no champion to answer"));
  target.model = std::shared_ptr<const ServedModel>(state_->pin, &served);
  target.version = std::shared_ptr<const ServedVersion>(state_->pin, chosen);
  return target;
}

StatusOr<ScoreState> Pipeline::Predict(const RequestContext& context, const PredictTarget& target, RowBatch& batch, PredictResult* result,
                                       std::function<void(std::function<void()>)> post, std::function<void(StatusOr<PredictResult>)> done) {
  State& s = *state_;
  s.Reclaim();
  s.counters.requests.Add(1);
  s.counters.rows.Add(static_cast<int64_t>(batch.rows));
  VIGIL_RETURN_IF_ERROR(CheckShape(batch, target));
  const bool timed = context.deadline_ns != INT64_MAX || context.arrived_ns == 0;  // else there is no need to ask the clock
  const int64_t now_ns = timed ? s.clock.MonotonicNs() : context.arrived_ns;
  if (now_ns >= context.deadline_ns) {
    s.counters.failed_rows.Add(static_cast<int64_t>(batch.rows));
    return absl::DeadlineExceededError("the request's deadline passed before it was scored");
  }
  target.version->last_use.Touch(now_ns);
  s.ObserveTimes(batch);
  Flight& flight = s.Takeoff();
  flight.Begin(context, target, batch, context.arrived_ns != 0 ? context.arrived_ns : now_ns,
               context.received_us != 0 ? context.received_us : s.clock.NowUs());
  Validate(s.scorers.Rules(target), batch, &flight.validation);
  flight.cleaned.Apply(batch, flight.table(), flight.validation);
  if (flight.validation.refused_rows == 0 || batch.partial) {
    flight.Route(s.Routes(target), s.recorder.NextId());
    flight.RefuseMisfits();
  }
  s.counters.refused_rows.Add(flight.validation.refused_rows);
  if (flight.validation.refused_rows > 0 && !batch.partial) {
    s.answered = &flight;
    return s.RefuseWhole(flight, result);
  }
  s.shadows.OfferPost(post);
  if (flight.Score(s.scorers, post) == ScoreState::kLater) {
    flight.done = std::move(done);
    return ScoreState::kLater;
  }
  s.answered = &flight;
  VIGIL_RETURN_IF_ERROR(s.Settle(flight, result));
  return ScoreState::kDone;
}

bool Pipeline::EndTurn() {
  state_->Reclaim();
  state_->shadows.Run();
  const int64_t now_ns = state_->clock.MonotonicNs();
  const bool waiting = state_->recorder.FlushIfDue(now_ns);
  state_->HandOver(now_ns);
  state_->Refresh();
  state_->scorers.Sweep();
  return waiting;
}

PipelineCounters Pipeline::counters() const { return state_->counters.Read(); }

}  // namespace vigil
