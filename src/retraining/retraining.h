// Triggers, datasets and jobs. A job runs in a process of its own: one JSON in (VIGIL_JOB), artefacts and an atomic result.json out,
// exit codes 0 done, 10 data not ready, 20 permanent, others retried. Any program in any language can be a trainer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "domain/alert.h"
#include "domain/job.h"
#include "storage/prediction_log.h"

namespace vigil {

struct TriggerOptions {
  std::string cron;                                                         // five fields, UTC; empty: never on schedule
  std::vector<std::string> alert_kinds{"drift", "performance", "concept"};  // firing alerts of these kinds ask for a retraining
  int64_t new_labels_min = 0;                                               // this many since the last training also do; 0: never
  int64_t cooldown_us = 7 * kDayUs;                                         // between trainings of a model
  int runs_per_day_max = 2;
  int rejected_in_a_row_max = 3;  // then the circuit opens until a person asks
  int64_t settle_us = 0;          // wait this long after an alert, so that matured rows of the new regime exist
};

// Pure: what was asked, and may it run now? One thread at a time.
class TriggerPolicy {
 public:
  explicit TriggerPolicy(TriggerOptions options);
  ~TriggerPolicy();
  void OnAlert(const Alert& alert, TimeUs now);
  void OnLabels(int64_t accepted, TimeUs now);
  void OnJobEnded(const Job& job, TimeUs now);
  void RequestNow(const std::string& by, TimeUs now);
  // The reason to start a job now, or nothing; asks are coalesced. `busy`: a job or an experiment of this model is under way.
  struct Ask {
    std::string trigger;
    std::string reason;
  };
  std::optional<Ask> Due(TimeUs now, bool busy);
  Json Save() const;
  Status Load(const Json& state);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Next time after `after` that matches a five-field cron expression in UTC. INVALID_ARGUMENT names the field.
StatusOr<TimeUs> NextCronTime(const std::string& expression, TimeUs after);

struct DatasetOptions {
  int64_t window_us = 60 * kDayUs;  // prediction times [as_of - horizon - window, as_of - horizon)
  int64_t label_horizon_us = 7 * kDayUs;
  double holdout_share = 0.2;  // the newest part by time, kept from training for the gate
  int64_t rows_min = 1000;
  int64_t positives_min = 20;
};

// The training and holdout sets of one model as of a time, from the prediction log joined with matured labels: a row qualifies only if
// its label was known by `as_of` and its prediction is older than the horizon. Written as Parquet with columns features..., `_label`,
// `_time`, `_entity`. FAILED_PRECONDITION ("data not ready") when there is too little.
struct Dataset {
  std::string train_path, holdout_path;
  int64_t train_rows = 0, train_positives = 0, holdout_rows = 0, holdout_positives = 0;
  TimeUs from = 0, to = 0, as_of = 0, split_time = 0;
  std::string digest;
  int64_t immature_rows = 0;  // left out: no label known yet
};
StatusOr<Dataset> BuildDataset(const PredictionLog& log, const std::string& model, const std::vector<std::string>& columns, TimeUs as_of,
                               const DatasetOptions& options, const std::string& directory);

// What is handed to a trainer, and what it must leave.
struct TrainerResult {
  std::string artefact;  // path of the model file
  std::string digest;
  Json metrics;
  std::string reference_profile;  // path; may be empty
};

// Runs a trainer as a child process group with a deadline, kills it whole, reads result.json. Exit 10 is UNAVAILABLE, 20
// FAILED_PRECONDITION, a missing result.json DATA_LOSS, others ABORTED (to be retried).
class JobRunner {
 public:
  explicit JobRunner(std::vector<std::string> command);  // e.g. {"/proc/self/exe", "train"}
  ~JobRunner();
  Status Start(const Json& job, const std::string& directory, int64_t deadline_ms);
  // Nothing while it runs.
  std::optional<StatusOr<TrainerResult>> Poll();
  void Cancel();

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
  int early_stopping_rounds = 0;  // on the newest tenth by `_time`
  std::string output;             // model.json or .ubj
  std::string profile_output;     // reference profile; empty: none
};
StatusOr<Json> TrainXgboost(const TrainConfig& config);  // metrics

}  // namespace vigil
