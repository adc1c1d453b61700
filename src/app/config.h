// The configuration of `vigil serve` as plain structs, read from the merged settings.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "alerting/alerting.h"
#include "app/settings.h"
#include "base/status.h"
#include "blobs/options.h"
#include "domain/schema.h"
#include "frontends/rest/route_table.h"
#include "monitoring/monitor.h"
#include "net/server.h"
#include "registry/registry.h"
#include "runtime/onnx/options.h"
#include "service/operations.h"
#include "service/policies.h"
#include "storage/prediction_log.h"

namespace vigil {

struct ModelConfig {
  std::string name;
  std::string path;                           // on this machine; as given it may be an address in a store (then see ResolveSources)
  std::string sha256;                         // of a model in a store: the digest it must have; empty: any
  std::string source;                         // its address there; empty: it is on this machine
  std::string within;                         // where the model lies in the snapshot of `source`: "" or "/fraud"
  std::string versions;                       // of a folder of numbered versions: a version policy; empty: the folder's own
  std::string reference;                      // profile file; empty: none
  std::map<std::string, std::string> labels;  // label → version
  std::map<std::string, ColumnRule> columns;  // tightening by column name
  ModelPolicy policy;
};

struct ServerConfig {
  net::ServerOptions net;
  std::string state_dir;
  bool event_clock = false;
  bool log_enabled = true;
  int64_t watch_us = 0;  // between looks at the models' sources; 0: never
  blobs::BlobOptions blobs;
  int64_t poll_us = 0;  // between looks at sources in stores; 0: never
  bool allow_unauthenticated = false;
  std::string default_model;
  PredictionLogOptions log;
  MonitorOptions monitor;
  onnx::OnnxOptions onnx;
  RegistryOptions registry;  // without default_model
  int64_t load_wait_us = 0;
  std::vector<ModelConfig> models;
  std::vector<ModelConfig> given;         // as they were before repositories among them became their models; the server fills it
  std::vector<BasePathModel> base_paths;  // of a models.config; not among `models`
  std::vector<AlertRule> alert_rules;
  std::vector<std::string> webhooks;
  std::string external_url;
  VertexRoutes vertex;          // the platform's variables only
  std::string port_file;        // flag only
  EffectiveSettings effective;  // for `vigil config --effective`
};

// `file` empty: no file. INVALID_ARGUMENT (exit 3) names file and line; NOT_FOUND when `file` does not exist.
StatusOr<ServerConfig> LoadConfig(const std::string& file, const std::map<std::string, std::string>& environment,
                                  const std::vector<std::pair<std::string, std::string>>& flags);

// "name=path" or "path"; the default name is the file's name without its ending.
ModelConfig ModelFromArgument(const std::string& argument);

// The name under which an entry of `models` is served.
std::string ModelName(const Json& model);

// The settings `sources` of the environment alone, for verbs that read no file.
StatusOr<blobs::BlobOptions> BlobOptionsOfEnvironment();

// This process's environment.
std::map<std::string, std::string> Environment();

// The schema of a version: the rules of the configuration laid over nothing, in the signature's order. INVALID_ARGUMENT for a rule on
// a column that the model does not have, with the nearest that it has.
StatusOr<std::shared_ptr<const Schema>> SchemaFromRules(const TableShape& shape, const std::map<std::string, ColumnRule>& rules,
                                                        const std::string& model);

}  // namespace vigil
