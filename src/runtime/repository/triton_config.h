// A model's config.pbtxt in Triton's layout: what of it decides which versions are served and what the model must look like.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "domain/schema.h"

namespace vigil::repository {

// Which of a model's numbered versions are served.
struct VersionPolicy {
  enum class Kind : uint8_t { kLatest, kAll, kSpecific };
  Kind kind = Kind::kLatest;
  int64_t latest = 1;             // of kLatest: the greatest so many
  std::vector<int64_t> versions;  // of kSpecific, ascending
};
// "latest 2", "all", "1 3": also how it is written in vigil.yaml. INVALID_ARGUMENT for another text.
StatusOr<VersionPolicy> ParseVersionPolicy(std::string_view text);
std::string VersionPolicyText(const VersionPolicy& policy);
// Of `versions`, ascending. Specific versions that are not there are left out.
std::vector<int64_t> ChooseVersions(const VersionPolicy& policy, const std::vector<int64_t>& versions);

struct TensorDeclaration {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<int64_t> dims;  // with the batch first where max_batch_size > 0; -1 is free
  int line = 0;
};

struct WarmUpInput {
  enum class Data : uint8_t { kZero, kRandom, kFile };
  TensorDeclaration tensor;  // dims without the batch
  Data data = Data::kZero;
  std::string file;  // below the model's folder "warmup"
};
struct WarmUp {
  std::string name;
  int64_t batch_size = 0;  // 0: the dims are whole
  int64_t count = 1;
  std::vector<WarmUpInput> inputs;
};

struct TritonConfig {
  std::string name;
  std::string platform;    // or the backend
  std::string model_file;  // default_model_filename; empty: not said
  int64_t max_batch_size = 0;
  std::vector<TensorDeclaration> inputs, outputs;
  VersionPolicy policy;
  bool dynamic_batching = false;
  std::vector<int64_t> preferred_batch_sizes;
  int64_t queue_delay_max_us = 0;
  int64_t instances = 0;  // 0: not said
  std::vector<std::pair<std::string, std::string>> parameters;
  std::vector<WarmUp> warm_ups;
};

// INVALID_ARGUMENT names `file`, the line and the nearest known name; UNIMPLEMENTED for ensembles, sequences and Python.
StatusOr<TritonConfig> ParseTritonConfig(std::string_view text, const std::string& file);

// Holds a model's signature to the configuration: names, types and dimensions. A native tree model takes the configuration's names.
// INVALID_ARGUMENT names `file`, the line and what differs.
Status ApplyTritonConfig(const TritonConfig& config, const std::string& file, Signature* signature);

}  // namespace vigil::repository
