// Labels as they come: {"labels":[...]}, NDJSON, or CSV with a header.
#pragma once

#include <string_view>
#include <vector>

#include "base/status.h"
#include "domain/label.h"

namespace vigil {

inline constexpr size_t kLabelsMax = 1'000'000;  // a request

// Each label: `prediction_id` or `id`, `label` (a number, or true and false as 1 and 0), `observed_at` (RFC 3339, optional). The first that
// is not so is a Failure of kSchemaViolation with its place; nothing is then imported.
StatusOr<std::vector<Label>> ParseJsonLabels(std::string_view body);
StatusOr<std::vector<Label>> ParseNdjsonLabels(std::string_view body);
StatusOr<std::vector<Label>> ParseCsvLabels(std::string_view body);

}  // namespace vigil
