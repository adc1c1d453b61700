// The prediction log of a state directory, opened to be read only: a server may be writing it.
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/status.h"
#include "storage/prediction_log.h"

namespace vigil::cli {

struct LogSource {
  std::string state_dir = "./vigil-state";
  std::string model, version, from, to;
  bool shadows = false;
};

// `positional`: the state directory is the verb's argument; else --state-dir.
void AddLogOptions(CLI::App* verb, LogSource* source, bool positional);
StatusOr<std::unique_ptr<PredictionLog>> OpenLog(const LogSource& source);
// INVALID_ARGUMENT for a time that is none.
StatusOr<LogQuery> QueryOf(const LogSource& source);

}  // namespace vigil::cli
