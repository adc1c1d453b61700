// Carries a rollout's decisions out: evidence in, the policy's next state, then the traffic plan and roles that state wants.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "registry/registry.h"
#include "rollout/rollout.h"
#include "service/journal.h"
#include "storage/catalog.h"
#include "storage/prediction_log.h"

namespace vigil {

// Any thread may call; changes are serialised.
class RolloutService {
 public:
  struct Options {
    int64_t evaluate_every_us = kHourUs;  // of control time: evidence is a scan of the step's predictions
  };
  // `control_clock`: traffic up to its time may have been routed already when a plan is published.
  RolloutService(Registry& registry, const PredictionLog& log, Catalog& catalog, Journal& journal, const Clock& control_clock,
                 Options options);

  // Reads unfinished rollouts back and publishes their plans again.
  Status Restore();
  // FAILED_PRECONDITION when the model has a rollout under way or the candidate is rejected; NOT_FOUND for an unknown version;
  // INVALID_ARGUMENT for options that make no rollout.
  StatusOr<Rollout> Create(const std::string& model, const std::string& candidate, const RolloutOptions& options, const std::string& by,
                           TimeUs now);
  Status Pause(const std::string& model, const std::string& id, const std::string& by);
  Status Resume(const std::string& model, const std::string& id, const std::string& by);
  // Champion keeps everything.
  Status Abort(const std::string& model, const std::string& id, const std::string& by, TimeUs now);
  // Candidate takes over at once, whatever the evidence.
  Status Promote(const std::string& model, const std::string& id, const std::string& by, TimeUs now);
  // Newest first.
  StatusOr<std::vector<Rollout>> List(const std::string& model) const;
  bool Busy(const std::string& model) const;

  // Called by the control loop. `labels_seen`: a count that grows with every joined label; evidence is read anew when it moved.
  void Tick(TimeUs now, int64_t labels_seen);

 private:
  struct Active {
    Rollout rollout;
    TimeUs evaluated = 0;
    int64_t labels_seen = -1;
  };
  Status Change(const std::string& model, const std::string& id, const std::string& kind, const std::string& by,
                const std::function<void(Rollout&)>& change);
  void Step(Active& active, TimeUs now);
  Status Apply(Rollout& rollout, const std::string& by, TimeUs now);
  Status Finish(Rollout& rollout, const std::string& by, TimeUs now);
  // Ends a rollout whose champion somebody moved: promoted when its candidate took over, else failed. False: it goes on.
  bool EndedByHand(Rollout& rollout, TimeUs now);
  TimeUs RoutedFrom(TimeUs now) const;
  Status Save(const Rollout& rollout);
  StatusOr<std::string> NextId();

  Registry& registry_;
  const PredictionLog& log_;
  Catalog& catalog_;
  Journal& journal_;
  const Clock& clock_;
  const Options options_;
  mutable std::mutex mutex_;
  std::map<std::string, Active> active_;  // by rollout id
};

// True for the states from which nothing more happens.
bool RolloutEnded(RolloutState state);

}  // namespace vigil
