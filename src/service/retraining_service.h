// One retraining from the ask to a gated candidate: dataset from the log, trainer in its own process, the gate in the serving runtime,
// registration. What happens to the candidate then is the rollout's business.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "domain/alert.h"
#include "domain/job.h"
#include "registry/registry.h"
#include "service/journal.h"
#include "service/policies.h"
#include "storage/catalog.h"
#include "storage/prediction_log.h"

namespace vigil {

// Called (on the control thread) with a job that ended well: its candidate is registered and passed the gate, or the gate is bypassed.
using CandidateFunction = std::function<void(const Job& job)>;

// Any thread may call; the heavy part of a job runs on one thread of its own, one job at a time.
class RetrainingService {
 public:
  struct Options {
    std::string directory;             // STATE/jobs
    std::vector<std::string> trainer;  // the built-in trainer's command
  };
  RetrainingService(Registry& registry, const PredictionLog& log, Catalog& catalog, Journal& journal,
                    const std::vector<std::unique_ptr<ModelLoader>>& loaders, Options options);
  ~RetrainingService();

  // Jobs that a stopped process left waiting or running run again (the latter while attempts are left, else they are marked failed);
  // triggers get their memory back. After SetPolicy.
  Status Restore();
  void SetPolicy(const std::string& model, const ModelPolicy& policy);

  void OnAlert(const Alert& alert, TimeUs now);
  void OnLabels(const std::string& model, int64_t accepted, TimeUs now);
  // A person asks; runs as soon as nothing else of the model does. FAILED_PRECONDITION when it never can.
  StatusOr<Job> RequestNow(const std::string& model, const std::string& reason, const std::string& by, TimeUs now);
  // Newest first.
  StatusOr<std::vector<Job>> Jobs(const std::string& model) const;
  bool Busy() const;
  // What triggers remember, into the catalog where it changed: now and then, and at the end.
  void SaveTriggers();

  // Control thread. `experiment_busy`: a rollout of that model is under way. Starts what is due, hands on what ended.
  void Tick(TimeUs now, const std::function<bool(const std::string&)>& experiment_busy, const CandidateFunction& candidate);

 private:
  struct Model;
  struct Work;
  Model& ModelOf(const std::string& name);
  void Start(Model& model, Job job, TimeUs now);
  void FinishWork(TimeUs now, const CandidateFunction& candidate);
  Status SaveJob(const Job& job);
  Status SaveTriggers(Model& model);
  StatusOr<Job> NewJob(const std::string& model, const std::string& trigger, const std::string& reason, TimeUs now);

  Registry& registry_;
  const PredictionLog& log_;
  Catalog& catalog_;
  Journal& journal_;
  const std::vector<std::unique_ptr<ModelLoader>>& loaders_;
  const Options options_;

  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Model>> models_;
  std::vector<Job> asked_;      // by a person, or cut short by a restart; waiting
  std::unique_ptr<Work> work_;  // the job that runs
};

Json JobToJson(const Job& job);
StatusOr<Job> JobFromJson(const Json& value);

}  // namespace vigil
