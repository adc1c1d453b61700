// Monitored series in the order in which they are shown.
#pragma once

#include <string_view>
#include <vector>

#include "base/status.h"
#include "service/operations.h"

namespace vigil {

bool SameSeries(const Finding& a, const Finding& b);
// Series after series, each by time. `metric` empty: all.
StatusOr<std::vector<Finding>> FindSeries(Operations& operations, const SeriesQuery& query, std::string_view metric);

}  // namespace vigil
