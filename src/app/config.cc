#include "app/config.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/text.h"
#include "blobs/uri.h"
#include "runtime/remote/address.h"
#include "runtime/repository/triton_config.h"

extern char** environ;

namespace vigil {
namespace {

// Values here have passed the schema, so the types are right and durations parse.
int64_t Duration(const Json& object, const char* key) { return *ParseDuration(object.at(key).get_ref<const std::string&>()); }

CleanPolicy Policy(const Json& object, const char* key) {
  const std::string name = object.at(key);
  for (const CleanPolicy policy : {CleanPolicy::kReject, CleanPolicy::kImpute, CleanPolicy::kClamp, CleanPolicy::kFlag}) {
    if (CleanPolicyName(policy) == name) return policy;
  }
  return CleanPolicy::kReject;
}

ColumnRule ReadColumn(const std::string& name, const Json& value) {
  ColumnRule rule;
  rule.name = name;
  rule.nullable = value.at("nullable");
  if (value.contains("minimum")) rule.minimum = value["minimum"].get<double>();
  if (value.contains("maximum")) rule.maximum = value["maximum"].get<double>();
  if (value.contains("impute") && value["impute"].is_string()) rule.impute_text = value["impute"];
  if (value.contains("impute") && value["impute"].is_number()) rule.impute = value["impute"].get<double>();
  for (const Json& category : value.contains("categories") ? value["categories"] : Json::array()) {
    category.is_string() ? rule.texts.push_back(category) : rule.categories.push_back(category.get<double>());
  }
  rule.infinity_allowed = value.at("infinity_allowed");
  rule.sensitive = value.at("sensitive");
  rule.on_missing = Policy(value, "on_missing");
  rule.on_range = Policy(value, "on_range");
  rule.on_category = Policy(value, "on_category");
  rule.on_infinity = Policy(value, "on_infinity");
  return rule;
}

RetrainingPolicy ReadRetraining(const Json& value) {
  RetrainingPolicy policy;
  policy.enabled = value.at("enabled");
  policy.triggers.cron = value.at("cron");
  if (value.contains("alert_kinds")) value["alert_kinds"].get_to(policy.triggers.alert_kinds);
  policy.triggers.new_labels_min = value.at("new_labels_min");
  policy.triggers.cooldown_us = Duration(value, "cooldown");
  policy.triggers.settle_us = Duration(value, "settle");
  policy.triggers.runs_per_day_max = value.at("runs_per_day_max");
  policy.triggers.rejected_in_a_row_max = value.at("rejected_in_a_row_max");
  policy.dataset.window_us = Duration(value, "window");
  policy.dataset.label_horizon_us = Duration(value, "label_horizon");
  policy.dataset.holdout_share = value.at("holdout_share");
  policy.dataset.rows_min = value.at("rows_min");
  policy.dataset.positives_min = value.at("positives_min");
  policy.rounds = value.at("rounds");
  policy.deadline_ms = Duration(value, "deadline") / 1000;
  policy.attempts_max = value.at("attempts_max");
  if (value.contains("command")) value["command"].get_to(policy.command);
  if (value.contains("params")) {
    for (const auto& [name, param] : value["params"].items()) {
      policy.params.emplace_back(name, param.is_string() ? param.get<std::string>() : DumpJson(param));
    }
  }
  return policy;
}

GateOptions ReadGate(const Json& value) {
  GateOptions gate;
  gate.metric = value.at("metric");
  gate.confidence = value.at("confidence");
  gate.margin = value.at("margin");
  gate.improvement_min = value.at("improvement_min");
  gate.rows_min = value.at("rows_min");
  gate.positives_min = value.at("positives_min");
  gate.latency_factor_max = value.at("latency_factor_max");
  gate.calibration_error_max = value.at("calibration_error_max");
  gate.slice_column = value.at("slice_column");
  gate.slice_margin = value.at("slice_margin");
  return gate;
}

RolloutOptions ReadRollout(const Json& value) {
  RolloutOptions rollout;
  rollout.ab_test = value.at("ab_test");
  rollout.guardrail = value.at("guardrail");
  rollout.alpha = value.at("alpha");
  rollout.harm_margin = value.at("harm_margin");
  rollout.duration_max_us = Duration(value, "duration_max");
  rollout.error_share_max = value.at("error_share_max");
  rollout.latency_factor_max = value.at("latency_factor_max");
  if (value.contains("steps")) {
    for (const Json& step : value["steps"]) {
      rollout.steps.push_back({step.at("share"), Duration(step, "duration"), step.at("entities_min")});
    }
  }
  return rollout;
}

// A command-line model takes every default; so a model's policy always comes from merged settings.
ModelConfig ReadModel(const Json& value) {
  ModelConfig model;
  model.path = value.at("path");
  model.name = ModelName(value);
  model.sha256 = value.at("sha256");
  model.versions = value.at("versions");
  model.reference = value.at("reference");
  if (value.contains("version_labels")) {
    for (const auto& [label, version] : value["version_labels"].items()) {
      model.labels[label] = version.is_string() ? version.get<std::string>() : DumpJson(version);
    }
  }
  if (value.contains("columns")) {
    for (const auto& [name, rule] : value["columns"].items()) model.columns[name] = ReadColumn(name, rule);
  }
  model.policy.retraining = ReadRetraining(value.at("retraining"));
  model.policy.gate = ReadGate(value.at("gate"));
  model.policy.gate_bypassed = value.at("gate").at("bypass");
  model.policy.rollout = ReadRollout(value.at("rollout"));
  model.policy.rollout_automatic = value.at("rollout").at("automatic");
  return model;
}

Status ReadLog(const Json& value, ServerConfig* config) {
  config->log_enabled = value.at("enabled");
  const std::string sync = value.at("sync");
  if (sync == "always") {
    config->log.sync = LogSync::kAlways;
  } else if (sync == "off") {
    config->log.sync = LogSync::kOff;
  } else {
    const StatusOr<int64_t> interval = ParseDuration(sync);
    if (!interval.ok() || *interval < 1000) {
      return absl::InvalidArgumentError(absl::StrCat("log.sync: \"", sync, "\" is not always, off, or a duration of at least 1ms"));
    }
    config->log.sync = LogSync::kInterval;
    config->log.sync_interval_ms = *interval / 1000;
  }
  config->log.segment_bytes_max = value.at("segment_bytes_max");
  config->log.retention_us = Duration(value, "retention");
  config->log.disk_bytes_max = value.at("disk_bytes_max");
  return absl::OkStatus();
}

void ReadServer(const Json& value, ServerConfig* config) {
  config->net.host = value.at("host");
  config->net.port = value.at("http_port");
  config->net.unix_socket = value.at("uds");
  config->net.threads = value.at("threads");
  config->net.limits.body_bytes_max = value.at("body_bytes_max");
  config->net.limits.connections_max = value.at("connections_max");
  config->net.limits.idle_timeout_ms = Duration(value, "idle_timeout") / 1000;
  config->net.limits.drain_timeout_ms = Duration(value, "drain_timeout") / 1000;
  config->net.grpc_port = value.at("grpc_port");
  config->state_dir = value.at("state_dir");
  config->event_clock = value.at("clock") == "event";
  config->default_model = value.at("default_model");
  config->allow_unauthenticated = value.at("allow_unauthenticated");
  config->watch_us = Duration(value, "watch");
}

void ReadSources(const Json& value, ServerConfig* config) {
  config->poll_us = Duration(value, "poll");
  config->blobs.snapshot_bytes_max = value.at("snapshot_bytes_max");
  config->blobs.objects_max = value.at("objects_max");
  config->blobs.request_timeout_ms = Duration(value, "request_timeout") / 1000;
  config->blobs.stall_timeout_ms = Duration(value, "stall_timeout") / 1000;
  config->blobs.attempts_max = value.at("attempts_max");
  config->blobs.plain_http = value.at("plain_http");
  config->blobs.ca_file = value.at("ca_file");
}

void ReadMonitoring(const Json& value, MonitorOptions* options) {
  options->lateness_us = Duration(value, "lateness");
  options->significance = value.at("significance");
  options->rows_min = value.at("rows_min");
  options->labels_min = value.at("labels_min");
  options->label_horizon_us = Duration(value, "label_horizon");
  options->decision_threshold = value.at("decision_threshold");
  options->cusum_error_ratio = value.at("cusum_error_ratio");
}

Status ReadRegistry(const Json& value, ServerConfig* config) {
  RegistryOptions& options = config->registry;
  options.on_demand = value.at("load") == "on_demand";
  options.memory_bytes_max = value.at("memory");
  options.load_threads = value.at("load_threads");
  options.load_waiters_max = value.at("load_waiters_max");
  config->load_wait_us = Duration(value, "load_wait");
  if (options.memory_bytes_max == 0 || options.on_demand) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "registry.memory: a limit needs models that are loaded on demand (registry.load: on_demand, "
      "or --model-load on_demand): one that is loaded at the start stays");
}

onnx::OnnxOptions ReadOnnx(const Json& value) {
  onnx::OnnxOptions options;
  options.intra_threads = value.at("intra_threads");
  options.inter_threads = value.at("inter_threads");
  options.providers = absl::StrSplit(value.at("providers").get_ref<const std::string&>(), ',', absl::SkipEmpty());
  options.batching.rows_max = value.at("batch_rows_max");
  options.batching.delay_us_max = Duration(value, "batch_delay");
  options.batching.queue_rows_max = value.at("batch_queue_rows_max");
  options.batching.threads = value.at("batch_threads");
  return options;
}

Status ReadAlerts(const Json& value, const std::string& file, ServerConfig* config) {
  config->external_url = value.at("external_url");
  if (value.contains("webhooks")) value["webhooks"].get_to(config->webhooks);
  for (size_t i = 0; i < config->webhooks.size(); ++i) {
    const std::string& url = config->webhooks[i];
    if (url.starts_with("http://") || url.starts_with("https://")) continue;
    return absl::InvalidArgumentError(absl::StrCat(file, ": alerts.webhooks.", i, ": \"", url, "\" is not an http:// or https:// URL"));
  }
  if (!value.contains("rules")) {
    config->alert_rules = DefaultAlertRules();
    return absl::OkStatus();
  }
  for (size_t i = 0; i < value["rules"].size(); ++i) {
    VIGIL_ASSIGN_OR_RETURN(AlertRule rule, AlertRuleFromJson(value["rules"][i], absl::StrCat(file, ": alerts.rules[", i, "]")));
    for (const AlertRule& other : config->alert_rules) {
      if (other.name == rule.name) {
        return absl::InvalidArgumentError(absl::StrCat(file, ": alerts.rules[", i, "].name: two rules are called ", rule.name));
      }
    }
    config->alert_rules.push_back(std::move(rule));
  }
  return absl::OkStatus();
}

// What the schema cannot say.
Status CheckModels(const std::vector<ModelConfig>& models, const std::string& file, bool plain_http) {
  std::set<std::string_view> names;
  for (const ModelConfig& model : models) {
    const auto refuse = [&](const std::string& key, const Status& why) {
      return absl::InvalidArgumentError(absl::StrCat(file, ": models.", model.name, ".", key, ": ", std::string(why.message())));
    };
    if (!names.insert(model.name).second) return refuse("name", absl::InvalidArgumentError("two models are called " + model.name));
    if (blobs::IsRemote(model.path)) {
      if (const auto uri = blobs::ParseUri(model.path, plain_http); !uri.ok()) return refuse("path", uri.status());
    }
    if (!model.sha256.empty() && (model.sha256.size() != 64 || !blobs::IsRemote(model.path))) {
      return refuse("sha256", absl::InvalidArgumentError("is 64 hexadecimal digits, of a model in a store"));
    }
    if (const auto policy = repository::ParseVersionPolicy(model.versions); !model.versions.empty() && !policy.ok()) {
      return refuse("versions", policy.status());
    }
    if (const std::string& cron = model.policy.retraining.triggers.cron; !cron.empty()) {
      if (const auto next = NextCronTime(cron, 0); !next.ok()) return refuse("retraining.cron", next.status());
    }
    if (const Status rollout = ValidateRolloutOptions(model.policy.rollout); !rollout.ok()) return refuse("rollout", rollout);
  }
  return absl::OkStatus();
}

}  // namespace

std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

StatusOr<blobs::BlobOptions> BlobOptionsOfEnvironment() {
  VIGIL_ASSIGN_OR_RETURN(const ServerConfig config, LoadConfig("", Environment(), {}));
  return config.blobs;
}

std::string ModelName(const Json& model) {
  const std::string name = model.at("name");
  return name.empty() ? ModelFromArgument(model.at("path")).name : name;
}

ModelConfig ModelFromArgument(const std::string& argument) {
  ModelConfig model;
  const size_t equals = argument.find('=');
  // "s3://bucket/a=b" is a path: a name holds no slash.
  const bool named = equals != std::string::npos && equals > 0 && argument.find('/') > equals;
  model.path = named ? argument.substr(equals + 1) : argument;
  std::filesystem::path place(model.path);
  if (!place.has_filename()) place = place.parent_path();                                               // "models/fraud/"
  if (const StatusOr<blobs::Uri> uri = blobs::ParseUri(model.path, true); uri.ok()) place = uri->name;  // no query, no digest
  if (named) {
    model.name = argument.substr(0, equals);
  } else if (const StatusOr<remote::Address> address = remote::ParseAddress(model.path); address.ok()) {
    model.name = address->model;  // a version may follow it
  } else {
    model.name = place.stem().string();
  }
  return model;
}

StatusOr<ServerConfig> LoadConfig(const std::string& file, const std::map<std::string, std::string>& environment,
                                  const std::vector<std::pair<std::string, std::string>>& flags) {
  YamlDocument document;
  if (!file.empty()) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return absl::NotFoundError(absl::StrCat("configuration file ", file, " cannot be opened"));
    std::stringstream text;
    text << stream.rdbuf();
    VIGIL_ASSIGN_OR_RETURN(document, ParseYaml(text.str(), file));
    VIGIL_RETURN_IF_ERROR(CheckSettings(document, file));
  }
  ServerConfig config;
  VIGIL_ASSIGN_OR_RETURN(config.effective, MergeSettings(document, environment, flags));
  const Json& value = config.effective.value;
  ReadServer(value.at("server"), &config);
  VIGIL_RETURN_IF_ERROR(ReadLog(value.at("log"), &config));
  ReadSources(value.at("sources"), &config);
  ReadMonitoring(value.at("monitoring"), &config.monitor);
  config.onnx = ReadOnnx(value.at("onnx"));
  VIGIL_RETURN_IF_ERROR(ReadRegistry(value.at("registry"), &config));
  VIGIL_RETURN_IF_ERROR(ReadAlerts(value.at("alerts"), file, &config));
  if (value.contains("models")) {
    for (const Json& model : value["models"]) config.models.push_back(ReadModel(model));
  }
  VIGIL_RETURN_IF_ERROR(CheckModels(config.models, file, config.blobs.plain_http));
  VIGIL_ASSIGN_OR_RETURN(config.vertex, ReadVertexRoutes(environment));
  return config;
}

StatusOr<std::shared_ptr<const Schema>> SchemaFromRules(const TableShape& shape, const std::map<std::string, ColumnRule>& rules,
                                                        const std::string& model) {
  if (rules.empty()) return std::shared_ptr<const Schema>();
  auto schema = std::make_shared<Schema>();
  for (const std::string& column : shape.names) {
    const auto rule = rules.find(column);
    ColumnRule open;
    open.name = column;
    schema->columns.push_back(rule == rules.end() ? open : rule->second);
  }
  for (const ModelColumn& column : shape.columns) {
    const auto found = rules.find(column.name);
    if (found == rules.end()) continue;
    const ColumnRule& rule = found->second;
    const bool is_text = column.store == ColumnStore::kText;
    const bool numbers = rule.minimum || rule.maximum || rule.impute || !rule.categories.empty();
    const bool texts = !rule.texts.empty() || !rule.impute_text.empty();
    if (!(is_text ? numbers : texts)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "model ", model, ", column \"", column.name, "\" holds ",
        is_text ? "texts: its categories and impute are texts, and it has no range" : "numbers: its categories and impute are numbers"));
  }
  for (const auto& [name, rule] : rules) {
    if (std::find(shape.names.begin(), shape.names.end(), name) == shape.names.end()) {
      return absl::InvalidArgumentError(absl::StrCat("model ", model, " has no column \"", name, "\"", DidYouMean(name, shape.names)));
    }
  }
  return std::shared_ptr<const Schema>(std::move(schema));
}

}  // namespace vigil
