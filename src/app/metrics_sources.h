// What /metrics says beyond the process's own counters: log, transport and, above all, how the models are doing.
#pragma once

#include "prediction/pipeline.h"
#include "service/control_loop.h"
#include "service/operations.h"
#include "telemetry/metrics.h"

namespace vigil {

// `operations` and `loop` outlive `metrics`' last scrape.
void AddMetricSources(Metrics& metrics, Operations& operations, const ControlLoop& loop);

// Of one loop, on top of those before.
void AddCounters(const PipelineCounters& more, PipelineCounters* total);

}  // namespace vigil
