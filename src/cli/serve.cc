#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/base_paths.h"
#include "app/config.h"
#include "app/server.h"
#include "cli/cli.h"
#include "storage/abandoned.h"
#include "telemetry/log.h"

namespace vigil::cli {
namespace {

struct Flags {
  std::vector<std::string> models;
  std::string config, model_config, name, reference, port_file, log_sync, log_format;
  std::vector<std::pair<std::string, std::string>> settings;  // pointer → text, of the flags that were given
  bool no_log = false, allow_unauthenticated = false;
};

// The platforms' usual places for a model, in the contract's order.
std::vector<std::string> ModelsOfPlatform(const std::map<std::string, std::string>& environment) {
  const auto variable = [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  if (const std::string models = variable("VIGIL_MODELS"); !models.empty()) {
    std::vector<std::string> list;
    std::stringstream words(models);
    for (std::string word; words >> word;) list.push_back(word);
    return list;
  }
  for (const std::string& place :
       {variable("AIP_STORAGE_URI"), variable("AZUREML_MODEL_DIR"), std::string("/opt/ml/model"), std::string("/mnt/models")}) {
    std::error_code ignored;
    const bool is_url = place.find("://") != std::string::npos;  // whether something is there, its loader says
    if (is_url || (!place.empty() && std::filesystem::exists(place, ignored))) return {place};
  }
  return {};
}

// HTTP port: flag > VIGIL_HTTP_PORT > the platform's variable > file > default. A platform's variable counts as an environment variable.
void TakePlatformPort(std::map<std::string, std::string>* environment) {
  if (environment->count("VIGIL_HTTP_PORT") != 0) return;
  for (const char* name : {"AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT", "PORT"}) {
    const auto found = environment->find(name);
    if (found == environment->end() || found->second.empty()) continue;
    (*environment)["VIGIL_HTTP_PORT"] = found->second;
    return;
  }
}

// A model of the command line has every default of the file's models.
StatusOr<ModelConfig> CommandLineModel(const std::string& argument, const Flags& flags, bool only) {
  ModelConfig model = ModelFromArgument(argument);
  if (only && !flags.name.empty()) model.name = flags.name;
  if (only) model.reference = flags.reference;
  if (!only && (!flags.name.empty() || !flags.reference.empty())) {
    return absl::InvalidArgumentError("--name and --reference are for one model; with several, write NAME=PATH and a --config");
  }
  return model;
}

int StatusExit(const Status& status) { return absl::IsFailedPrecondition(status) ? Fail(status, kBadConfiguration) : FailForData(status); }

// The models of the command line beside the file's; one of the same name says where the file's model lies.
Status AddModels(const Flags& flags, const std::map<std::string, std::string>& environment, ServerConfig* config) {
  std::vector<std::string> arguments = flags.models;
  if (arguments.empty() && config->models.empty() && flags.model_config.empty()) arguments = ModelsOfPlatform(environment);
  // SageMaker starts a container for many models without any; they come over POST /models.
  const auto multi = environment.find("SAGEMAKER_MULTI_MODEL");
  const bool may_be_empty = !flags.model_config.empty() || (multi != environment.end() && multi->second == "true");
  if (!flags.model_config.empty()) {
    VIGIL_ASSIGN_OR_RETURN(config->base_paths, ReadModelServerConfig(flags.model_config));
  }
  if (arguments.empty() && config->models.empty() && !may_be_empty) {
    return absl::InvalidArgumentError("no model: give a path (vigil serve model.json), a --config with models, or VIGIL_MODELS");
  }
  for (const std::string& argument : arguments) {
    VIGIL_ASSIGN_OR_RETURN(ModelConfig model, CommandLineModel(argument, flags, arguments.size() == 1));
    const auto same =
        std::find_if(config->models.begin(), config->models.end(), [&](const ModelConfig& m) { return m.name == model.name; });
    if (same == config->models.end()) {
      config->models.push_back(std::move(model));
    } else {
      same->path = model.path;
      if (!model.reference.empty()) same->reference = model.reference;
    }
  }
  for (const ModelConfig& model : config->models) {
    for (const BasePathModel& listed : config->base_paths) {
      if (listed.name != model.name) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("model ", model.name, " is in ", flags.model_config, " and in the configuration or on the command line"));
    }
  }
  return absl::OkStatus();
}

StatusOr<ServerConfig> ReadAgain(const Flags& flags, const std::map<std::string, std::string>& environment) {
  VIGIL_ASSIGN_OR_RETURN(ServerConfig config, LoadConfig(flags.config, environment, flags.settings));
  VIGIL_RETURN_IF_ERROR(CheckExposure(config, environment));
  VIGIL_RETURN_IF_ERROR(AddModels(flags, environment, &config));
  return config;
}

// All or nothing: what can change while the server runs does, what cannot is named, and a file that would not start a server changes
// nothing.
void Reload(Server& server, const Flags& flags, const std::map<std::string, std::string>& environment) {
  const StatusOr<ServerConfig> config = ReadAgain(flags, environment);
  const StatusOr<SettingsChange> change = config.ok() ? server.Reload(*config) : config.status();
  if (!change.ok()) {
    LogWarning("configuration refused, the old one stays in force", {{"why", std::string(change.status().message())}});
    return;
  }
  if (!flags.model_config.empty()) {
    const Status listed = server.operations().ServeBasePaths(config->base_paths, "SIGHUP");
    if (!listed.ok()) LogWarning("models.config not served whole", {{"why", std::string(listed.message())}});
  }
  for (const std::string& setting : change->restart) LogWarning("setting changes at the next start only", {{"setting", setting}});
  if (change->live.empty()) {
    LogInfo("configuration read again, nothing to take over");
  } else {
    LogInfo("configuration read again and in force", {{"changed", absl::StrJoin(change->live, ", ")}});
  }
}

// Blocks until SIGTERM or SIGINT; SIGHUP reads the configuration again.
void WaitForSignal(const sigset_t& signals, Server& server, const Flags& flags, const std::map<std::string, std::string>& environment) {
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) {
      LogInfo("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      return;
    }
    Reload(server, flags, environment);
  }
}

int Serve(Flags flags) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread starts, so that all inherit it
  std::signal(SIGPIPE, SIG_IGN);

  std::map<std::string, std::string> environment = Environment();
  TakePlatformPort(&environment);
  StatusOr<ServerConfig> config = LoadConfig(flags.config, environment, flags.settings);
  if (!config.ok()) return Fail(config.status(), kBadConfiguration);
  if (const Status exposed = CheckExposure(*config, environment); !exposed.ok()) return Fail(exposed, kBadConfiguration);

  if (const Status added = AddModels(flags, environment, &*config); !added.ok()) return Fail(added, kUsage);
  config->port_file = flags.port_file;
  LogOptions log;
  log.format = flags.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  if (const Status started = StartLog(log); !started.ok()) return Fail(started, kFailed);

  RemoveAbandonedTemporaries();
  const StatusOr<std::unique_ptr<Server>> server = Server::Start(*config);
  if (!server.ok()) return StatusExit(server.status());
  LogInfo("serving", {{"url", absl::StrCat("http://", config->net.host, ":", (*server)->http_port())},
                      {"grpc", absl::StrCat((*server)->grpc_port())},
                      {"page", "/ui"},
                      {"docs", "/docs"}});
  if (config->allow_unauthenticated) LogWarning("serving without authentication, as told");
  WaitForSignal(signals, **server, flags, environment);
  (*server)->Stop();
  return kDone;
}

}  // namespace

void AddServe(CLI::App& app, std::function<int()>* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = NewVerb(app, "serve", "Serve models: files of any supported format; no configuration needed.",
                           "vigil serve fraud=model.json --http-port 8080");
  verb->add_option("MODELS", flags->models, "[NAME=]PATH ...");
  verb->add_option("--config", flags->config, "vigil.yaml");
  verb->add_option("--model-config-file,--model_config_file", flags->model_config,
                   "TensorFlow Serving's models.config: base paths, version policies, labels");
  verb->add_option("--name", flags->name, "of the only model");
  verb->add_option("--reference", flags->reference, "reference profile of the only model (vigil profile)");
  verb->add_option("--port-file", flags->port_file, "written when every model is ready: {\"pid\":..,\"http\":..,\"grpc\":..}");
  verb->add_option("--log-format", flags->log_format, "text or json")->check(CLI::IsMember({"text", "json"}));
  // Flags that are settings: the text goes through the same checks as the file's.
  const std::pair<const char*, const char*> settings[] = {{"host", "/server/host"},
                                                          {"http-port", "/server/http_port"},
                                                          {"grpc-port", "/server/grpc_port"},
                                                          {"uds", "/server/uds"},
                                                          {"threads", "/server/threads"},
                                                          {"state-dir", "/server/state_dir"},
                                                          {"log-sync", "/log/sync"},
                                                          {"clock", "/server/clock"},
                                                          {"default-model", "/server/default_model"},
                                                          {"drain-timeout", "/server/drain_timeout"},
                                                          {"model-load", "/registry/load"},
                                                          {"model-memory", "/registry/memory"}};
  for (const auto& [flag, pointer] : settings) {
    const std::string at = pointer;
    verb->add_option_function<std::string>(
        absl::StrCat("--", flag), [flags, at](const std::string& text) { flags->settings.emplace_back(at, text); },
        absl::StrCat("see ", at.substr(1), " in docs/configuration.md"));
  }
  verb->add_flag_callback(
      "--no-log", [flags] { flags->settings.emplace_back("/log/enabled", "false"); }, "no prediction log");
  verb->add_flag_callback(
      "--allow-unauthenticated", [flags] { flags->settings.emplace_back("/server/allow_unauthenticated", "true"); },
      "serve beyond loopback without authentication");
  verb->callback([run, flags] { *run = [flags] { return Serve(*flags); }; });
}

}  // namespace vigil::cli
