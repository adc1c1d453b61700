#include "cli/log_source.h"

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace vigil::cli {

void AddLogOptions(CLI::App* verb, LogSource* source, bool positional) {
  verb->add_option(positional ? "LOG" : "--state-dir", source->state_dir, "state directory of a server");
  verb->add_option("--model", source->model, "only this model");
  verb->add_option("--version", source->version, "only this version");
  verb->add_option("--from", source->from, "prediction time, RFC 3339, inclusive");
  verb->add_option("--to", source->to, "prediction time, RFC 3339, exclusive");
}

StatusOr<std::unique_ptr<PredictionLog>> OpenLog(const LogSource& source) {
  static const SystemClock clock;
  PredictionLogOptions options;
  options.directory = source.state_dir + "/log";
  options.read_only = true;
  return PredictionLog::Open(options, clock);
}

StatusOr<LogQuery> QueryOf(const LogSource& source) {
  LogQuery query;
  query.model = source.model;
  query.version = source.version;
  query.shadows = source.shadows;
  if (!source.from.empty()) {
    VIGIL_ASSIGN_OR_RETURN(query.from, ParseTime(source.from));
  }
  if (!source.to.empty()) {
    VIGIL_ASSIGN_OR_RETURN(query.to, ParseTime(source.to));
  }
  return query;
}

}  // namespace vigil::cli
