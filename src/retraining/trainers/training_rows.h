// Rows with labels as a trainer wants them: one dense float matrix. Internal to retraining.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "base/clock.h"
#include "base/status.h"

namespace vigil {

struct TrainingRows {
  std::vector<std::string> columns;
  std::vector<float> features;  // [rows, columns]
  std::vector<float> labels;
  std::vector<TimeUs> times;          // empty where the files have no `_time`
  std::vector<std::string> entities;  // empty where the files have no `_entity`
  int64_t skipped = 0;                // rows without a label

  size_t rows() const { return labels.size(); }
  absl::Span<const float> row(size_t i) const { return {features.data() + i * columns.size(), columns.size()}; }
  // Moves the newest `share` of the rows by time (by order, without times) out into the result.
  TrainingRows SplitNewest(double share);
};

// `columns` empty: every column whose name does not begin with '_' but the label. INVALID_ARGUMENT names a column that is absent or
// holds text, and the nearest.
StatusOr<TrainingRows> ReadTrainingRows(const std::vector<std::string>& files, const std::string& label, std::vector<std::string> columns);

}  // namespace vigil
