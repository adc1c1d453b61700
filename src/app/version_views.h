// A loaded version as the prediction log and the monitor know it.
#pragma once

#include <cstdint>

#include "monitoring/monitor.h"
#include "registry/snapshot.h"
#include "storage/prediction_log.h"

namespace vigil {

LogSchema LogSchemaOf(const ServedVersion& version);
// `log_schema`: the number that the log gave it.
MonitoredVersion MonitoredVersionOf(const ServedVersion& version, uint32_t log_schema);

}  // namespace vigil
