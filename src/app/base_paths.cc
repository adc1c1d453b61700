#include "app/base_paths.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "blobs/uri.h"
#include "runtime/repository/text_proto.h"
#include "runtime/repository/triton_config.h"

namespace vigil {
namespace {

using repository::TextField;
using repository::TextKind;
using repository::TextMessage;

absl::string_view Piece(std::string_view text) { return {text.data(), text.size()}; }

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  StatusOr<std::vector<BasePathModel>> Read(const TextMessage& config) const {
    std::vector<BasePathModel> models;
    for (const TextField& field : config.fields) {
      if (field.name == "custom_model_config") {
        return absl::UnimplementedError(absl::StrCat(Place(field.line), "custom_model_config is not served: list the models"));
      }
      if (field.name != "model_config_list") return Unknown(field, {"model_config_list"});
      VIGIL_RETURN_IF_ERROR(Expect(field, TextKind::kMessage));
      for (const TextField& entry : field.message.fields) {
        if (entry.name != "config") return Unknown(entry, {"config"});
        VIGIL_RETURN_IF_ERROR(Expect(entry, TextKind::kMessage));
        if (models.size() >= kBasePathsMax) return Refuse(entry, absl::StrCat("more than ", kBasePathsMax, " models"));
        VIGIL_RETURN_IF_ERROR(ReadModel(entry.message, &models.emplace_back()));
      }
    }
    return models;
  }

 private:
  std::string Place(int line) const { return absl::StrCat(file_, ":", line, ": "); }
  Status Refuse(const TextField& field, const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat(Place(field.line), what));
  }
  Status Unknown(const TextField& field, const std::vector<std::string>& known) const {
    return Refuse(field, absl::StrCat("unknown field \"", field.name, "\"", DidYouMean(field.name, known)));
  }
  Status Expect(const TextField& field, TextKind kind) const {
    if (field.kind == kind) return absl::OkStatus();
    const char* const what = kind == TextKind::kString    ? "a text in quotes"
                             : kind == TextKind::kMessage ? "a message in braces"
                                                          : "a number";
    return Refuse(field, absl::StrCat(field.name, " must be ", what));
  }
  Status ReadNumber(const TextField& field, int64_t* number) const {
    if (field.kind == TextKind::kWord && absl::SimpleAtoi(Piece(field.text), number) && *number >= 0) return absl::OkStatus();
    return Refuse(field, absl::StrCat(field.name, " must be a whole number"));
  }

  Status ReadModel(const TextMessage& message, BasePathModel* model) const {
    static const std::vector<std::string> kKnown = {"name",       "base_path",      "model_platform", "model_version_policy",
                                                    "model_type", "version_labels", "logging_config"};
    for (const TextField& field : message.fields) {
      if (field.name == "name" || field.name == "base_path" || field.name == "model_platform") {
        VIGIL_RETURN_IF_ERROR(Expect(field, TextKind::kString));
        (field.name == "name" ? model->name : field.name == "base_path" ? model->base_path : model->platform) = field.text;
      } else if (field.name == "model_version_policy") {
        VIGIL_RETURN_IF_ERROR(Expect(field, TextKind::kMessage));
        VIGIL_RETURN_IF_ERROR(ReadPolicy(field.message, &model->versions));
      } else if (field.name == "version_labels") {
        VIGIL_RETURN_IF_ERROR(Expect(field, TextKind::kMessage));
        VIGIL_RETURN_IF_ERROR(ReadLabel(field, model));
      } else if (field.name == "logging_config") {
        return Refuse(field, "logging_config is not served: every prediction is in the log already (log.* in vigil.yaml)");
      } else if (field.name != "model_type") {  // deprecated, and of no meaning
        return Unknown(field, kKnown);
      }
    }
    return absl::OkStatus();
  }

  Status ReadPolicy(const TextMessage& message, std::string* policy) const {
    for (const TextField& choice : message.fields) {
      if (choice.name != "latest" && choice.name != "all" && choice.name != "specific")
        return Unknown(choice, {"latest", "all", "specific"});
      VIGIL_RETURN_IF_ERROR(Expect(choice, TextKind::kMessage));
      std::string numbers;
      for (const TextField& field : choice.message.fields) {
        const std::string wanted = choice.name == "latest" ? "num_versions" : choice.name == "specific" ? "versions" : "";
        if (field.name != wanted) return Unknown(field, {wanted});
        int64_t number = 0;
        VIGIL_RETURN_IF_ERROR(ReadNumber(field, &number));
        if (choice.name == "latest") number = std::max<int64_t>(number, 1);
        absl::StrAppend(&numbers, numbers.empty() ? "" : " ", number);
      }
      if (choice.name == "specific" && numbers.empty()) return Refuse(choice, "specific must list versions");
      *policy = choice.name == "specific" ? numbers : choice.name == "all" || numbers.empty() ? choice.name : "latest " + numbers;
    }
    return absl::OkStatus();
  }

  // An entry of the map: { key: "stable" value: 3 }.
  Status ReadLabel(const TextField& entry, BasePathModel* model) const {
    std::string label;
    int64_t version = 0;
    for (const TextField& field : entry.message.fields) {
      if (field.name == "key") {
        VIGIL_RETURN_IF_ERROR(Expect(field, TextKind::kString));
        label = field.text;
      } else if (field.name == "value") {
        VIGIL_RETURN_IF_ERROR(ReadNumber(field, &version));
      } else {
        return Unknown(field, {"key", "value"});
      }
    }
    if (label.empty()) return Refuse(entry, "a label needs a key");
    model->labels[label] = version;
    return absl::OkStatus();
  }

  const std::string& file_;
};

}  // namespace

StatusOr<std::vector<BasePathModel>> ParseModelServerConfig(std::string_view text, const std::string& file) {
  VIGIL_ASSIGN_OR_RETURN(const TextMessage config, repository::ParseTextProto(text, file));
  VIGIL_ASSIGN_OR_RETURN(std::vector<BasePathModel> models, Reader(file).Read(config));
  if (const Status status = CheckBasePaths(models, {}); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": ", std::string(status.message())));
  }
  return models;
}

StatusOr<std::vector<BasePathModel>> ReadModelServerConfig(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return absl::NotFoundError(absl::StrCat("model configuration file ", file, " cannot be opened"));
  std::stringstream text;
  text << stream.rdbuf();
  return ParseModelServerConfig(text.str(), file);
}

Status CheckBasePaths(const std::vector<BasePathModel>& models, const std::vector<BasePathModel>& before) {
  std::set<std::string_view> names;
  std::map<std::string_view, std::string_view> platforms;
  for (const BasePathModel& model : before) platforms[model.name] = model.platform;
  for (const BasePathModel& model : models) {
    if (model.name.empty()) return absl::InvalidArgumentError(absl::StrCat("the model at \"", model.base_path, "\" has no name"));
    if (!names.insert(model.name).second) {
      return absl::InvalidArgumentError(absl::StrCat("Illegal to list model ", model.name, " multiple times in config list"));
    }
    if (!model.base_path.starts_with('/') && !blobs::IsRemote(model.base_path)) {
      return absl::InvalidArgumentError(
          absl::StrCat("Expected model ", model.name, " to have an absolute path or URI; got base_path()=", model.base_path));
    }
    if (const auto policy = repository::ParseVersionPolicy(model.versions); !model.versions.empty() && !policy.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("model ", model.name, ": ", std::string(policy.status().message())));
    }
    const auto known = platforms.find(model.name);
    if (known == platforms.end() || known->second == model.platform) continue;
    return absl::InvalidArgumentError(absl::StrCat("Illegal to change a model's platform. For model ", model.name, " platform was ",
                                                   std::string(known->second), " and new platform requested is ", model.platform));
  }
  return absl::OkStatus();
}

ModelConfig ModelOfBasePath(const BasePathModel& model) {
  ModelConfig config;
  config.name = model.name;
  config.path = model.base_path;
  config.versions = model.versions;
  for (const auto& [label, version] : model.labels) config.labels[label] = absl::StrCat(version);
  return config;
}

}  // namespace vigil
