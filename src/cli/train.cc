#include <cstdlib>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "app/settings.h"
#include "base/text.h"
#include "cli/cli.h"
#include "retraining/retraining.h"

namespace vigil::cli {
namespace {

constexpr const char* kKeys[] = {"rows", "label", "features", "params", "rounds", "early_stopping_rounds", "output", "profile_output"};

// A one-line YAML: rows, label, output, and XGBoost's own parameters.
StatusOr<TrainConfig> ReadTrainConfig(const std::string& path) {
  VIGIL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  VIGIL_ASSIGN_OR_RETURN(const SettingsDocument document, ParseYaml(text, path));
  const std::vector<std::string> known(std::begin(kKeys), std::end(kKeys));
  TrainConfig config;
  try {
    for (const auto& [key, value] : document.value.items()) {
      const auto refuse = [&, &key = key](const std::string& why) {
        return absl::InvalidArgumentError(absl::StrCat(path, ":", document.lines.at("/" + key), ": ", key, ": ", why));
      };
      if (key == "rows") {
        value.is_array() ? void(value.get_to(config.rows)) : config.rows.push_back(value.get<std::string>());
      } else if (key == "label") {
        config.label = value;
      } else if (key == "features") {
        value.get_to(config.features);
      } else if (key == "rounds") {
        config.rounds = value;
      } else if (key == "early_stopping_rounds") {
        config.early_stopping_rounds = value;
      } else if (key == "output") {
        config.output = value;
      } else if (key == "profile_output") {
        config.profile_output = value;
      } else if (key == "params") {
        if (!value.is_object()) return refuse("must be a mapping of XGBoost's parameters");
        for (const auto& [name, param] : value.items())
          config.params.emplace_back(name, param.is_string() ? param.get<std::string>() : param.dump());
      } else {
        return refuse(absl::StrCat("unknown key", DidYouMean(key, known)));
      }
    }
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", error.what()));
  }
  if (config.rows.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": needs the key \"rows\""));
  if (config.output.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": needs the key \"output\""));
  return config;
}

int Train(const std::string& path, bool json) {
  // A retraining job hands its document over in the environment (docs/formats/retraining-job.md).
  if (path.empty()) {
    if (std::getenv("VIGIL_JOB") == nullptr)
      return Fail(absl::InvalidArgumentError("needs --config FILE (or VIGIL_JOB, in a retraining job)"), kUsage);
    return RunTrainJob();
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
