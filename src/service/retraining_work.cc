#include "service/retraining_work.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/text.h"
#include "domain/table_fit.h"
#include "service/profile_file.h"
#include "storage/model_columns.h"
#include "storage/tables.h"

namespace vigil {
namespace {

constexpr auto kPollEvery = std::chrono::milliseconds(20);
constexpr auto kRetryAfter = std::chrono::seconds(1);  // doubles with each attempt

TrainJob TrainerJob(const RetrainingInput& input, int attempt, const Dataset& dataset) {
  TrainJob job;
  job.id = input.job.id;
  job.model = input.job.model;
  job.parent = input.job.parent;
  job.attempt = attempt;
  job.features = input.champion->loaded->table().names;
  job.params = input.policy.retraining.params;
  job.rounds = input.policy.retraining.rounds;
  job.early_stopping_rounds = input.policy.retraining.early_stopping_rounds;
  job.trigger = input.job.trigger;
  job.dataset = dataset;
  return job;
}

StatusOr<TrainerResult> RunAttempt(const RetrainingInput& input, int attempt, const Dataset& dataset, const std::atomic<bool>& cancel) {
  JobRunner runner(input.policy.retraining.command.empty() ? input.trainer : input.policy.retraining.command);
  VIGIL_RETURN_IF_ERROR(runner.Start(TrainerJob(input, attempt, dataset).ToJson(), input.directory, input.policy.retraining.deadline_ms));
  for (;;) {
    if (std::optional<StatusOr<TrainerResult>> result = runner.Poll()) return *std::move(result);
    if (cancel.load(std::memory_order_relaxed)) {
      runner.Cancel();
      return absl::CancelledError("the server is stopping");
    }
    std::this_thread::sleep_for(kPollEvery);
  }
}

// A failure that may pass (another exit code, a signal, the deadline) is tried again on the same dataset, each time with a higher token.
StatusOr<TrainerResult> RunTrainer(const RetrainingInput& input, const Dataset& dataset, const std::atomic<bool>& cancel, int* attempts) {
  for (std::chrono::milliseconds pause = kRetryAfter;; pause *= 2) {
    StatusOr<TrainerResult> result = RunAttempt(input, *attempts, dataset, cancel);
    if (!absl::IsAborted(result.status())) return result;
    if (*attempts >= input.policy.retraining.attempts_max) {
      return absl::AbortedError(absl::StrCat(result.status().message(), " (attempt ", *attempts, ", the last)"));
    }
    ++*attempts;
    for (auto waited = pause * 0; waited < pause; waited += kPollEvery) {
      if (cancel.load(std::memory_order_relaxed)) return absl::CancelledError("the server is stopping");
      std::this_thread::sleep_for(kPollEvery);
    }
  }
}

Status Gate(const RetrainingInput& input, RetrainingOutcome* outcome) {
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> candidate, LoadModel(*input.loaders, outcome->artefact, LoadOptions{}));
  outcome->digest = candidate->info().digest;
  VIGIL_ASSIGN_OR_RETURN(const LabelledRows rows,
                         ReadLabelledRows({outcome->dataset.holdout_path}, TableForBoth(input.champion->loaded.get(), *candidate)));
  VIGIL_ASSIGN_OR_RETURN(outcome->gate, RunGate(input.champion->loaded.get(), *candidate, rows, input.policy.gate));
  outcome->gate.champion_epoch = input.job.champion_epoch;
  return absl::OkStatus();
}

Status Run(const RetrainingInput& input, const std::atomic<bool>& cancel, RetrainingOutcome* outcome) {
  std::error_code error;
  std::filesystem::create_directories(input.directory, error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot create ", input.directory, ": ", error.message()));
  const TableShape& table = input.champion->loaded->table();
  VIGIL_ASSIGN_OR_RETURN(outcome->dataset, BuildDataset(*input.log, input.job.model, table, input.job.as_of,
                                                        input.policy.retraining.dataset, input.directory));
  outcome->job.window_from = outcome->dataset.from;
  outcome->job.window_to = outcome->dataset.to;
  VIGIL_ASSIGN_OR_RETURN(const TrainerResult trained, RunTrainer(input, outcome->dataset, cancel, &outcome->job.attempts));
  outcome->artefact = trained.artefact;
  VIGIL_ASSIGN_OR_RETURN(outcome->reference, ReadProfileFile(trained.reference_profile));
  return Gate(input, outcome);
}

}  // namespace

TableShape TableForBoth(const LoadedModel* champion, const LoadedModel& candidate) {
  if (champion == nullptr) return candidate.table();
  const StatusOr<ColumnFit> fit = FitColumns(champion->table(), candidate.table());
  return fit.ok() ? WidenedFor(champion->table(), {&*fit}, {&candidate.table()}) : candidate.table();
}

StatusOr<LabelledRows> ReadLabelledRows(const std::vector<std::string>& paths, const TableShape& table, const LabelColumns& names) {
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableReader> reader, OpenModelTable(paths, table));
  const std::vector<TableColumn>& types = reader->columns();
  VIGIL_ASSIGN_OR_RETURN(std::vector<size_t> at, FindModelColumns(table, types, paths[0]));
  const int label_at = FindColumn(types, names.label), time_at = FindColumn(types, names.time), entity_at = FindColumn(types, names.entity);
  if (label_at < 0) return absl::InvalidArgumentError(absl::StrCat(paths[0], ": no column \"", names.label, "\" (--label names it)"));

  LabelledRows rows;
  const auto shape = std::make_shared<const TableShape>(table);
  rows.shape = shape;
  rows.columns = table.names;
  ModelRows reading(*shape, types, std::move(at));
  TableChunk chunk;
  for (;;) {
    VIGIL_ASSIGN_OR_RETURN(const bool more, reader->Next(&chunk));
    if (!more) return rows;
    const TableRows read = reading.Fill(chunk);
    rows.features.insert(rows.features.end(), read.values, read.values + chunk.rows * shape->columns.size());
    rows.exact.insert(rows.exact.end(), read.exact, read.exact + chunk.rows * shape->exact);
    rows.texts.insert(rows.texts.end(), read.texts, read.texts + chunk.rows * shape->texts);
    for (size_t r = 0; r < chunk.rows; ++r) {
      rows.labels.push_back(chunk.Number(static_cast<size_t>(label_at), r, types));
      rows.times.push_back(time_at < 0 ? 0 : static_cast<int64_t>(chunk.Number(static_cast<size_t>(time_at), r, types)));
      if (entity_at < 0 || chunk.columns[static_cast<size_t>(entity_at)].valid[r] == 0) {
        rows.groups.push_back(0);
      } else if (types[static_cast<size_t>(entity_at)].type == TableType::kString) {
        const std::string& text = chunk.columns[static_cast<size_t>(entity_at)].strings[r];
        rows.groups.push_back(text.empty() ? 0 : StableHash(text));
      } else {
        rows.groups.push_back(StableHash(absl::StrCat(chunk.Number(static_cast<size_t>(entity_at), r, types))));
      }
    }
  }
}

RetrainingOutcome RunRetraining(const RetrainingInput& input, const std::atomic<bool>& cancel) {
  RetrainingOutcome outcome;
  outcome.job = input.job;
  const Status status = Run(input, cancel, &outcome);
  if (absl::IsFailedPrecondition(status) && outcome.artefact.empty() && outcome.dataset.train_path.empty()) {
    outcome.job.state = JobState::kNotReady;
    outcome.job.message = std::string(status.message());
  } else if (absl::IsUnavailable(status)) {
    outcome.job.state = JobState::kNotReady;
    outcome.job.message = std::string(status.message());
  } else if (!status.ok()) {
    outcome.job.state = JobState::kFailed;
    outcome.job.message = std::string(status.message());
  } else {
    outcome.job.state = outcome.gate.passed ? JobState::kDone : JobState::kRefused;
    outcome.job.message = outcome.gate.Summary();
    outcome.job.gate_report = DumpJson(outcome.gate.ToJson());
  }
  return outcome;
}

}  // namespace vigil
