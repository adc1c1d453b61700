// The heavy part of one job, on a thread of its own: dataset → trainer → gate. Touches nothing but files until it is done.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "domain/job.h"
#include "registry/registry.h"
#include "service/policies.h"
#include "storage/prediction_log.h"

namespace vigil {

struct RetrainingInput {
  Job job;
  ModelPolicy policy;
  std::shared_ptr<const ServedVersion> champion;
  const PredictionLog* log = nullptr;
  const std::vector<std::unique_ptr<ModelLoader>>* loaders = nullptr;
  std::vector<std::string> trainer;  // command
  std::string directory;             // this job's own
};

struct RetrainingOutcome {
  Job job;               // state kDone, kRefused, kNotReady or kFailed, with its message
  std::string artefact;  // of the candidate; empty: none
  std::string digest;
  GateReport gate;
  Dataset dataset;
  std::shared_ptr<const ReferenceProfile> reference;  // of the training rows; may be null
};

// `cancel` is looked at while the trainer runs.
RetrainingOutcome RunRetraining(const RetrainingInput& input, const std::atomic<bool>& cancel);

// A table with columns features..., `_label`, and optionally `_time` (microseconds), `_entity`, as BuildDataset writes it.
// `table`: the columns that are read and how each is kept; one that is not named takes the file's columns in order.
struct LabelColumns {
  std::string label = "_label", time = "_time", entity = "_entity";
};
StatusOr<LabelledRows> ReadLabelledRows(const std::vector<std::string>& paths, const TableShape& table, const LabelColumns& names = {});
// The table that both models' rows are read into: the champion's, with doubles too where the candidate takes them. The candidate's where
// there is no champion, or where the two do not fit, which the gate then says.
TableShape TableForBoth(const LoadedModel* champion, const LoadedModel& candidate);

}  // namespace vigil
