#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>

#include "app/settings.h"
#include "cli/cli.h"
#include "retraining/retraining.h"

namespace vigil::cli {
namespace {

// A YAML document with the keys of TrainConfig; relative paths are taken from its folder.
StatusOr<TrainConfig> ReadTrainConfig(const std::string& path) {
  VIGIL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  VIGIL_ASSIGN_OR_RETURN(const YamlDocument document, ParseYaml(text, path));
  return TrainConfigFromJson(document.value, path, std::filesystem::path(path).parent_path().string());
}

int Train(const std::string& path, bool json) {
  // A retraining job hands its document over in the environment (docs/formats/retraining-job.md).
  if (path.empty()) {
    if (std::getenv("VIGIL_JOB") == nullptr)
      return Fail(absl::InvalidArgumentError("needs --config FILE (or VIGIL_JOB, in a retraining job)"), kUsage);
    std::string error;
    const int code = RunTrainJob(std::getenv("VIGIL_JOB"), &error);
    if (!error.empty()) std::cerr << "error: " << error << "\n";
    return code;
  }
  const StatusOr<TrainConfig> config = ReadTrainConfig(path);
  if (!config.ok()) return Fail(config.status(), kBadConfiguration);
  const StatusOr<Json> metrics = TrainXgboost(*config);
  if (!metrics.ok()) return FailForData(metrics.status());
  if (json) {
    PrintJson({{"output", config->output}, {"metrics", *metrics}});
  } else {
    std::cerr << "model in " << config->output << " " << DumpJson(*metrics) << "\n";
  }
  return kDone;
}

}  // namespace

void AddTrain(CLI::App& app, std::function<int()>* run) {
  auto path = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = NewVerb(app, "train", "Fit a model with the built-in trainer (XGBoost); also what a retraining job runs.",
                           "vigil train --config train.yaml");
  verb->add_option("--config", *path, "rows, label, features, params, rounds, output");
  verb->add_flag("--json", *json, "for machines");
  verb->callback([run, path, json] { *run = [path, json] { return Train(*path, *json); }; });
}

}  // namespace vigil::cli
