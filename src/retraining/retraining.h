// Triggers, datasets and jobs. A job runs in a process of its own: one JSON in (VIGIL_JOB), artefacts and an atomic result.json out,
// exit codes 0 done, 10 data not ready, 20 permanent, others retried. Any program in any language can be a trainer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "domain/alert.h"
#include "domain/job.h"
#include "domain/table_shape.h"
#include "storage/prediction_log.h"

namespace vigil {

struct TriggerOptions {
  std::string cron;                                                         // five fields, UTC; empty: never on schedule
  std::vector<std::string> alert_kinds{"drift", "performance", "concept"};  // firing alerts of these kinds ask for a retraining
  int64_t new_labels_min = 0;                                               // this many since the last training also do; 0: never
  int64_t cooldown_us = 7 * kDayUs;                                         // between trainings of a model
  int runs_per_day_max = 2;
  int rejected_in_a_row_max = 3;        // then the circuit opens until a person asks
  int64_t settle_us = 0;                // wait this long after an alert, so that matured rows of the new regime exist
  bool repeat_while_firing = true;      // ask again after the cool-down while such an alert is still on
  int64_t not_ready_retry_us = kDayUs;  // a job that found too little data is asked for again after this long
};
// Keys are the fields' names; spans of time are texts ("7d"). `where` names the document in errors, which suggest the nearest key.
StatusOr<TriggerOptions> TriggerOptionsFromJson(const Json& value, std::string_view where);

// Pure: what was asked, and may it run now? One thread at a time.
class TriggerPolicy {
 public:
  explicit TriggerPolicy(TriggerOptions options);
  ~TriggerPolicy();
  void OnAlert(const Alert& alert, TimeUs now);
  void OnLabels(int64_t accepted, TimeUs now);
  void OnJobEnded(const Job& job, TimeUs now);
  // A person asks.
  void RequestNow(const std::string& reason);
  // The reason to start a job now, or nothing; asks are coalesced. `busy`: a job or an experiment of this model is under way. What it
  // returns is taken to be started at `now`. A person's request waits only while busy; everything else also for the cool-down, the day's
  // budget and the circuit. Of schedules missed (while busy or stopped) the latest runs once. Nothing is due at time 0, before the first
  // event of an event clock.
  struct Ask {
    std::string trigger;
    std::string reason;
  };
  std::optional<Ask> Due(TimeUs now, bool busy);
  // Rejected too often in a row: only a person's request starts the next job.
  bool circuit_open() const;
  Json Save() const;
  Status Load(const Json& state);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Next time after `after` that matches a five-field cron expression in UTC: minute hour day-of-month month day-of-week, each `*`, a
// number, a range `a-b`, a step `*/n` or `a-b/n`, or a list of these; months and week days also by English name, Sunday 0 or 7. As in
// Vixie's cron a day matches either of the two day fields when both are restricted. Also @hourly @daily @weekly @monthly @yearly.
// INVALID_ARGUMENT names the field, or says that no such day exists.
StatusOr<TimeUs> NextCronTime(const std::string& expression, TimeUs after);

struct DatasetOptions {
  int64_t window_us = 60 * kDayUs;  // prediction times [as_of - horizon - window, as_of - horizon)
  int64_t label_horizon_us = 7 * kDayUs;
  double holdout_share = 0.2;           // the newest part by time, kept from training for the gate
  int64_t holdout_us_max = 7 * kDayUs;  // ... but no longer than this, so that training sees what is new; 0: no limit
  int64_t embargo_us = 0;               // rows this long before the holdout are in neither part: at the label horizon, training knows no
                                        // label that was unknown when the holdout began
  int64_t rows_min = 1000;              // in training
  int64_t positives_min = 20;           // in training, labels above 0.5; 0 for a regression
};

// The training and holdout sets of one model as of a time, from the prediction log joined with matured labels: a row qualifies only if
// its label was known by `as_of` and its prediction is older than the horizon. Written as Parquet with columns features..., `_label`,
// `_label_time`, `_time`, `_entity`, in the log's order; features as they were received, in the types of the champion's table: texts as
// texts, whole numbers and truth values as such, all else as doubles. FAILED_PRECONDITION ("data not ready") when there is too little, and
// for a column that cannot be had from the log.
struct Dataset {
  std::string train_path, holdout_path;
  int64_t train_rows = 0, train_positives = 0, holdout_rows = 0, holdout_positives = 0;
  TimeUs from = 0, to = 0, as_of = 0, split_time = 0;
  std::string digest;
  int64_t immature_rows = 0;   // left out: no label known yet
  int64_t embargoed_rows = 0;  // left out: between the parts
  Json ToJson() const;
};
StatusOr<Dataset> BuildDataset(const PredictionLog& log, const std::string& model, const TableShape& table, TimeUs as_of,
                               const DatasetOptions& options, const std::string& directory);

// What is handed to a trainer, and what it must leave.
struct TrainerResult {
  std::string artefact;  // path of the model file
  std::string digest;
  Json metrics;
  std::string reference_profile;  // path; may be empty
  Json manifest;                  // the whole of result.json
};

// Exit codes of a trainer.
inline constexpr int kTrainerDone = 0, kTrainerNotReady = 10, kTrainerPermanent = 20;

// Runs a trainer as a child process group with a deadline, kills it whole, reads result.json. Exit 10 is UNAVAILABLE, 20
// FAILED_PRECONDITION, a missing, foreign or broken result.json (or an artefact that is not what it says) DATA_LOSS, others, a signal and
// the deadline ABORTED (to be retried). Messages end with the last line of the trainer's output, kept in `directory`/trainer.log.
// docs/formats/retraining-job.md has the documents. One thread; destruction kills what runs.
class JobRunner {
 public:
  // `command`, e.g. {"/proc/self/exe", "train"}, is looked up in PATH. `clock` (null: the system's) is read for the deadline.
  explicit JobRunner(std::vector<std::string> command, const Clock* clock = nullptr);
  ~JobRunner();
  // Writes `directory`/job.json and starts the command there with VIGIL_JOB naming it. FAILED_PRECONDITION while one runs.
  Status Start(const Json& job, const std::string& directory, int64_t deadline_ms);
  // Nothing while it runs.
  std::optional<StatusOr<TrainerResult>> Poll();
  // Kills the whole group; the next Poll says CANCELLED.
  void Cancel();
  bool running() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The built-in trainer: XGBoost through its C API, loaded at run time. Also `vigil train`.
struct TrainConfig {
  std::vector<std::string> rows;  // files
  std::string label = "_label";
  std::vector<std::string> features;                        // empty: every column whose name does not begin with '_' but the label
  std::vector<std::pair<std::string, std::string>> params;  // XGBoost's own names
  int rounds = 200;
  int early_stopping_rounds = 0;     // on the newest tenth by `_time`
  std::string output;                // model.json or .ubj
  std::string profile_output;        // reference profile; empty: none
  std::vector<std::string> holdout;  // files scored after training: metrics "holdout.*", and the scores of the reference profile
  std::string predictions_output;    // the holdout's `_time`, `_entity`, `_label`, `prediction`; empty: none
};
// Keys are the fields' names (`params` an object). Relative paths are taken from `base`, if given.
StatusOr<TrainConfig> TrainConfigFromJson(const Json& value, std::string_view where, const std::string& base = "");
// Returns the metrics, {"rows":..., "trees":..., "train.average_precision":..., "holdout.average_precision":..., ...}. Every file it
// leaves is complete or absent. NOT_FOUND: no XGBoost library, or a file that is missing; UNAVAILABLE: too few rows to learn from yet
// (none, or one class only); INVALID_ARGUMENT: columns or parameters that do not fit, in XGBoost's own words where they are its.
StatusOr<Json> TrainXgboost(const TrainConfig& config);

// The job document of a dataset, as docs/formats/retraining-job.md describes it; every trainer gets the same.
struct TrainJob {
  std::string id;
  std::string model;
  std::string parent;   // champion when it was asked for
  int64_t attempt = 1;  // the fencing token: a later attempt's number is higher
  std::vector<std::string> features;
  std::vector<std::pair<std::string, std::string>> params;
  int rounds = 200;
  int early_stopping_rounds = 20;
  std::string trigger;
  TimeUs deadline = 0;  // when the parent will kill it; 0: not said
  Dataset dataset;
  Json ToJson() const;
};

// "XGBoost 3.2.0" when the library that trains can be loaded; NOT_FOUND says what was tried.
StatusOr<std::string> TrainerLibrary();

// What a retraining child process does: reads the job that VIGIL_JOB names, trains, writes result.json last. Returns the exit code;
// errors go to `error`, and for exit codes other than 0 no result.json exists.
int RunTrainJob(const std::string& job_path, std::string* error);

// Reads and checks the manifest a trainer left in `directory`: DATA_LOSS as JobRunner says. `token`: a manifest that names another was left
// by an earlier attempt; 0: not checked.
StatusOr<TrainerResult> ReadTrainerResult(const std::string& directory, const std::string& job_id, int64_t token = 0);

}  // namespace vigil
