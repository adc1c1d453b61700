// The use cases of a running server, over its own registry, log, monitor and control loop.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "net/server.h"
#include "service/control_loop.h"
#include "service/operations.h"

namespace vigil {

struct LocalOperationsParts {
  Registry& registry;
  PredictionLog* log = nullptr;  // null: --no-log; labels are then refused
  Monitor& monitor;
  Catalog& catalog;
  ControlLoop& loop;
  RetrainingService& retraining;
  RolloutService& rollouts;
  Journal& journal;
  const Clock& wall_clock;
  const Clock& control_clock;  // the same, or the event clock
  const Clock& stream_clock;   // how far the requests' own times are
  bool event_clock = false;
  // Where an artefact's address is on this machine, fetched if need be; `pin` is kept until the version is registered. None: addresses are
  // paths.
  struct Artefact {
    std::string path;
    std::shared_ptr<void> pin;
  };
  std::function<StatusOr<Artefact>(const std::string& uri)> fetch;
  std::function<PipelineCounters()> pipeline_counters;
  std::function<net::ServerCounters()> net_counters;
  std::function<int64_t()> memory_left;  // bytes that this process may still take
  std::function<Status(const std::vector<BasePathModel>& models, const std::string& by)> serve_base_paths;  // Operations::ServeBasePaths
};

std::unique_ptr<Operations> NewLocalOperations(const LocalOperationsParts& parts);

}  // namespace vigil
