// Scoring a file with a loaded model: what `vigil predict` does once it has one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/model.h"

namespace vigil::cli {

struct FilePredictOptions {
  std::vector<std::string> inputs;  // files of one shape
  std::string output;
  std::string schema;  // JSON list of the input's columns, for a model that names none; empty: by position
  bool margin = false, contributions = false, leaves = false;  // also these (ScoreCall)
  bool best_iteration = false;
  std::function<Status()> stopped = [] { return absl::OkStatus(); };  // asked between chunks; its error ends the work
};

// Returns the number of rows. Streams: memory is that of some chunks. Columns are matched by name; the answer has a column an output
// element. FAILED_PRECONDITION or UNIMPLEMENTED, naming the flag, when the model has no margin, contributions or leaves.
// Nothing is left under the output's name or beside it unless all of it was written.
StatusOr<int64_t> PredictFile(const LoadedModel& model, const FilePredictOptions& options);

}  // namespace vigil::cli
