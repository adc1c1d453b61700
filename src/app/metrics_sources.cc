#include "app/metrics_sources.h"

#include <fstream>
#include <string>

#include <unistd.h>

namespace vigil {
namespace {

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void AddProcess(const ServerStatus& status, MetricSink& sink) {
  const auto counter = [&](std::string_view name, std::string_view help, int64_t value) {
    sink.Add(MetricType::kCounter, name, help, {}, static_cast<double>(value));
  };
  const auto gauge = [&](std::string_view name, std::string_view help, double value) {
    sink.Add(MetricType::kGauge, name, help, {}, value);
  };
  sink.Add(MetricType::kGauge, "vigil_build_info", "1, with the version as a label.", {{"version", status.version}}, 1);
  gauge("process_resident_memory_bytes", "Resident memory.", ResidentBytes());
  gauge("process_start_time_seconds", "When the process started, in Unix time.", static_cast<double>(status.started) / 1e6);
  gauge("vigil_connections_open", "Open client connections.", static_cast<double>(status.net.connections_open));
  counter("vigil_connections_total", "Client connections accepted.", status.net.connections_total);
  counter("vigil_connections_refused_total", "Client connections closed because connections_max were open.",
          status.net.connections_refused);
  counter("vigil_received_bytes_total", "Bytes received.", status.net.bytes_in);
  counter("vigil_sent_bytes_total", "Bytes sent.", status.net.bytes_out);
  counter("vigil_timeouts_total", "Connections closed for being too slow.", status.net.timeouts);
  counter("vigil_protocol_errors_total", "Requests that were not HTTP.", status.net.protocol_errors);
  counter("vigil_http2_connections_total", "Connections that spoke HTTP/2.", status.net.h2_connections);
  counter("vigil_http2_floods_total", "HTTP/2 connections ended for floods of frames that ask for nothing.", status.net.h2_floods);
  counter("vigil_http2_resets_total", "HTTP/2 streams that clients gave up.", status.net.h2_resets);
  counter("vigil_grpc_calls_total", "Calls of gRPC.", status.net.grpc_calls);
  counter("vigil_log_records_total", "Prediction records appended.", status.log.records);
  counter("vigil_log_bytes_total", "Bytes appended to the prediction log.", status.log.bytes);
  counter("vigil_log_dropped_total", "Prediction records that a full or failing disk refused.", status.log.dropped);
  counter("vigil_log_syncs_total", "Times that the prediction log was made durable.", status.log.syncs);
  counter("vigil_rows_total", "Rows that came to be scored.", status.predictions.rows);
  counter("vigil_rows_refused_total", "Rows that broke the schema.", status.predictions.refused_rows);
  counter("vigil_rows_failed_total", "Rows whose scoring failed.", status.predictions.failed_rows);
  counter("vigil_cells_cleaned_total", "Values that cleaning touched.", status.predictions.cleaned_cells);
  counter("vigil_shadow_rows_total", "Rows that a shadow scored.", status.predictions.shadow_rows);
  counter("vigil_shadow_rows_skipped_total", "Rows that a shadow could not score within its budget.", status.predictions.shadow_skipped);
  const RegistryCounters& models = status.registry;
  gauge("vigil_models", "Models known.", static_cast<double>(models.models));
  gauge("vigil_versions_loaded", "Versions in memory.", static_cast<double>(models.versions_loaded));
  gauge("vigil_models_resident_bytes", "Memory of loaded versions, as the memory budget counts it.",
        static_cast<double>(models.resident_bytes));
  gauge("vigil_models_retiring_bytes", "Memory of versions that were unloaded and may still be in use.",
        static_cast<double>(models.retiring_bytes));
  gauge("vigil_models_memory_bytes_max", "What models may take (registry.memory); 0: no limit.",
        static_cast<double>(models.memory_bytes_max));
  gauge("vigil_model_load_waiting", "Requests that wait for a model to be loaded.", static_cast<double>(models.waiting));
  counter("vigil_model_loads_total", "Versions loaded because a request asked for them.", models.loads);
  counter("vigil_model_load_failures_total", "Such loads that failed.", models.load_failures);
  sink.Add(MetricType::kCounter, "vigil_model_load_seconds_total", "Time spent on such loads.", {},
           static_cast<double>(models.load_ns) * 1e-9);
  counter("vigil_model_evictions_total", "Versions unloaded to make room for others.", models.evictions);
  counter("vigil_model_load_waits_total", "Requests that waited for a model to be loaded.", models.waits);
  counter("vigil_model_load_waits_refused_total", "Requests refused because too many waited.", models.waits_refused);
  gauge("vigil_alerts_firing", "Alerts that fire.", static_cast<double>(status.alerts_firing));
  gauge("vigil_jobs_running", "Retraining jobs that run.", static_cast<double>(status.jobs_running));
  gauge("vigil_rollouts_running", "Rollouts under way.", static_cast<double>(status.rollouts_running));
  gauge("vigil_control_time_seconds", "Time up to which every window was judged, in Unix time.",
        static_cast<double>(status.control_time) / 1e6);
}

void AddModels(const ControlLoop& loop, MetricSink& sink) {
  for (const Finding& f : loop.latest_findings()) {
    const MetricLabels labels{{"model", f.model},   {"version", f.version}, {"kind", f.kind},
                              {"metric", f.metric}, {"column", f.column},   {"segment", f.segment}};
    sink.Add(MetricType::kGauge, "vigil_model_value", "What monitoring found over the last closed window.", labels, f.value);
    sink.Add(MetricType::kGauge, "vigil_model_value_rows", "Rows (or labels) behind vigil_model_value.", labels, static_cast<double>(f.n));
  }
}

}  // namespace

void AddMetricSources(Metrics& metrics, Operations& operations, const ControlLoop& loop) {
  metrics.AddSource([&operations](MetricSink& sink) {
    if (const auto status = operations.GetStatus(); status.ok()) AddProcess(*status, sink);
  });
  metrics.AddSource([&loop](MetricSink& sink) { AddModels(loop, sink); });
}

void AddCounters(const PipelineCounters& more, PipelineCounters* total) {
  total->requests += more.requests;
  total->rows += more.rows;
  total->refused_rows += more.refused_rows;
  total->failed_rows += more.failed_rows;
  total->cleaned_cells += more.cleaned_cells;
  total->shadow_rows += more.shadow_rows;
  total->shadow_skipped += more.shadow_skipped;
  total->log_dropped += more.log_dropped;
}

}  // namespace vigil
