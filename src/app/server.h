// A whole server: builds every part from the configuration, wires them, starts them in order and stops them in the reverse.
#pragma once

#include <memory>
#include <string>

#include "app/config.h"
#include "app/reload.h"
#include "base/status.h"
#include "service/operations.h"

namespace vigil {

// The status of Start tells the exit code: FAILED_PRECONDITION is a bad configuration (3); INVALID_ARGUMENT, UNIMPLEMENTED, NOT_FOUND and
// DATA_LOSS a model or file that cannot be served (4); others a failure of this machine (1).
class Server {
 public:
  virtual ~Server() = default;
  // Ready when it returns: every model is loaded, every socket listens.
  static StatusOr<std::unique_ptr<Server>> Start(const ServerConfig& config);

  // Takes over what of `config` can change while it runs: alert rules, webhooks, and each model's column rules, retraining, gate and
  // rollout (of rollouts to come). All of it or, with an error, nothing. Returns what changed and what waits for a restart. One thread.
  virtual StatusOr<SettingsChange> Reload(const ServerConfig& config) = 0;

  virtual int http_port() const = 0;
  virtual int grpc_port() const = 0;
  // For callers in this process (the demo, tests).
  virtual Operations& operations() = 0;
  // Answers what is in flight, then stops everything. Idempotent.
  virtual void Stop() = 0;
};

// Why this configuration must not listen where it says; OK when it may.
Status CheckExposure(const ServerConfig& config, const std::map<std::string, std::string>& environment);

}  // namespace vigil
