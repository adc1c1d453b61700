// Any bytes as vigil.yaml: refused naming the file, or a configuration within the bounds that the schema gives, whose effective settings
// are accepted again as they are.
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "app/config.h"

using namespace vigil;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string file = (std::filesystem::temp_directory_path() / ("vigil_config_fuzz." + std::to_string(getpid()))).string();
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto config = LoadConfig(file, {}, {});
  if (!config.ok()) {
    const bool placed = config.status().message().find(file) == 0 || config.status().message().find("log.sync: ") == 0;
    if (!placed || !absl::IsInvalidArgument(config.status())) std::abort();
    return 0;
  }
  if (config->net.port < 0 || config->net.port > 65535 || config->net.limits.connections_max < 1) std::abort();
  if (!(config->monitor.significance > 0 && config->monitor.significance <= 0.5)) std::abort();
  for (const ModelConfig& model : config->models) {
    const RetrainingPolicy& retraining = model.policy.retraining;
    if (retraining.triggers.runs_per_day_max < 1 || retraining.triggers.rejected_in_a_row_max < 1) std::abort();
    if (!(retraining.dataset.holdout_share > 0) || !std::isfinite(model.policy.gate.margin)) std::abort();
    if (!ValidateRolloutOptions(model.policy.rollout).ok()) std::abort();
  }
  for (const AlertRule& rule : config->alert_rules) {
    if (!ValidateAlertRule(rule, "").ok()) std::abort();
  }
  YamlDocument effective;
  effective.value = config->effective.value;
  if (!CheckSettings(effective, "effective").ok()) std::abort();
  return 0;
}
