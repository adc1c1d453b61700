#include "frontends/tensors/tfs_config.h"

#include <algorithm>

#include "base/proto_wire.h"
#include "frontends/errors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Of ReloadConfigRequest, ModelServerConfig, ModelConfigList, ModelConfig, a map's entry.
constexpr uint32_t kConfig = 1, kModelList = 1, kCustom = 2, kModel = 1;
constexpr uint32_t kName = 1, kBasePath = 2, kPlatform = 4, kPolicy = 7, kLabels = 8;
constexpr uint32_t kKey = 1, kValue = 2;
// Of ServableVersionPolicy, Latest and Specific.
constexpr uint32_t kLatest = 100, kAll = 101, kSpecific = 102, kNumVersions = 1, kVersions = 1;

Status Broken() { return Failure(ErrorCode::kMalformed, "the bytes are no ReloadConfigRequest"); }

Status ReadLatest(std::string_view bytes, std::string* policy) {
  uint64_t count = 0;
  ProtoFields fields(bytes);
  while (fields.Next()) {
    if (fields.is(kNumVersions, ProtoType::kVarint)) count = fields.raw();
  }
  *policy = Concat("latest ", std::max<uint64_t>(count, 1));
  return fields.ok() ? absl::OkStatus() : Broken();
}

Status ReadSpecific(std::string_view bytes, std::string* policy) {
  policy->clear();
  const auto add = [&](uint64_t version) {
    if (!policy->empty()) policy->push_back(' ');
    Append(policy, static_cast<int64_t>(version));
  };
  ProtoFields fields(bytes);
  while (fields.Next()) {
    if (fields.field() != kVersions) continue;
    if (fields.type() == ProtoType::kVarint) add(fields.raw());
    std::string_view left = fields.bytes();
    for (uint64_t version = 0; !left.empty();) {
      if (!TakeProtoVarint(&left, &version)) return Broken();
      add(version);
    }
  }
  if (!fields.ok()) return Broken();
  if (policy->empty()) return Failure(ErrorCode::kInvalid, "a specific version policy must list versions");
  return absl::OkStatus();
}

Status ReadPolicy(std::string_view bytes, std::string* policy) {
  ProtoFields fields(bytes);
  while (fields.Next()) {
    if (fields.is(kLatest, ProtoType::kBytes)) VIGIL_RETURN_IF_ERROR(ReadLatest(fields.bytes(), policy));
    if (fields.is(kAll, ProtoType::kBytes)) *policy = "all";
    if (fields.is(kSpecific, ProtoType::kBytes)) VIGIL_RETURN_IF_ERROR(ReadSpecific(fields.bytes(), policy));
  }
  return fields.ok() ? absl::OkStatus() : Broken();
}

Status ReadModel(std::string_view bytes, BasePathModel* model) {
  ProtoFields fields(bytes);
  while (fields.Next()) {
    if (fields.type() != ProtoType::kBytes) continue;
    switch (fields.field()) {
      case kName: model->name = fields.bytes(); break;
      case kBasePath: model->base_path = fields.bytes(); break;
      case kPlatform: model->platform = fields.bytes(); break;
      case kPolicy: VIGIL_RETURN_IF_ERROR(ReadPolicy(fields.bytes(), &model->versions)); break;
      case kLabels: {
        std::string label;
        int64_t version = 0;
        ProtoFields entry(fields.bytes());
        while (entry.Next()) {
          if (entry.is(kKey, ProtoType::kBytes)) label = entry.bytes();
          if (entry.is(kValue, ProtoType::kVarint)) version = entry.integer();
        }
        if (!entry.ok()) return Broken();
        model->labels[label] = version;
        break;
      }
      default: break;
    }
  }
  return fields.ok() ? absl::OkStatus() : Broken();
}

}  // namespace

StatusOr<std::vector<BasePathModel>> ReadReloadConfig(std::string_view message) {
  std::vector<BasePathModel> models;
  bool listed = false;
  ProtoFields fields(message);
  while (fields.Next()) {
    if (!fields.is(kConfig, ProtoType::kBytes)) continue;
    ProtoFields config(fields.bytes());
    while (config.Next()) {
      if (config.is(kCustom, ProtoType::kBytes)) listed = false;
      if (!config.is(kModelList, ProtoType::kBytes)) continue;
      listed = true;
      ProtoFields list(config.bytes());
      while (list.Next()) {
        if (!list.is(kModel, ProtoType::kBytes)) continue;
        if (models.size() >= kReloadedModelsMax) {
          return Failure(ErrorCode::kTooLarge, Concat("more than ", kReloadedModelsMax, " models"));
        }
        VIGIL_RETURN_IF_ERROR(ReadModel(list.bytes(), &models.emplace_back()));
      }
      if (!list.ok()) return Broken();
    }
    if (!config.ok()) return Broken();
  }
  if (!fields.ok()) return Broken();
  if (listed) return models;
  return Failure(ErrorCode::kInvalid,
                 "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported");
}

}  // namespace vigil
