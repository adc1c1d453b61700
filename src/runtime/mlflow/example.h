// The input example that MLflow saves beside a model: rows that the model must take.
#pragma once

#include <string>

#include "runtime/model.h"

namespace vigil::mlflow {

inline constexpr size_t kExampleBytesMax = 1 << 20;  // a larger one is not scored
inline constexpr size_t kExampleRowsMax = 1000;

// Scores the rows of the file, `{"columns":[...],"data":[[...]]}` or `{"inputs":[[...]]}`. Returns what was done, in words: a model of
// anything but one matrix of floats, and another form of file, is not tried. INVALID_ARGUMENT when the rows do not fit the model.
StatusOr<std::string> ScoreExample(const LoadedModel& model, const std::string& path);

}  // namespace vigil::mlflow
