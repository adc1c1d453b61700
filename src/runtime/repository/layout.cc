#include "runtime/repository/layout.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "runtime/cat.h"
#include "runtime/file.h"
#include "runtime/repository/text_proto.h"

namespace vigil::repository {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "config.pbtxt";
// What model files are called in the layouts that people have: ours, Triton's, KServe's, SageMaker's.
constexpr const char* kModelFiles[] = {"model.json", "model.ubj", "model.txt",        "model.cbm",    "model.onnx",
                                       "model.bst",  "model.xgb", "model.lgb",        "xgboost.json", "xgboost.ubj",
                                       "model.pkl",  "model.pt",  "model.savedmodel", "xgboost-model"};

// A folder's number: digits only, as TensorFlow Serving and Triton have it.
std::optional<int64_t> VersionNumber(const std::string& name) {
  int64_t number = 0;
  const bool digits = !name.empty() && name.size() <= 18 && name.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || !absl::SimpleAtoi(name, &number)) return std::nullopt;
  return number;
}

// The folders in `path`, sorted by name; hidden ones are left out.
StatusOr<std::vector<std::string>> Folders(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  size_t entries = 0;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (++entries > kFolderEntriesMax) return absl::InvalidArgumentError(Cat(path, ": more than ", kFolderEntriesMax, " entries"));
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name[0] != '.' && entry->is_directory(ignored)) names.push_back(name);
  }
  if (error) return absl::ErrnoToStatus(error.value(), path);
  std::sort(names.begin(), names.end());
  return names;
}

bool Has(const std::string& folder, const std::string& name) {
  std::error_code ignored;
  return fs::exists(fs::path(folder) / name, ignored);
}

StatusOr<std::vector<VersionFolder>> Versions(const std::string& path) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<std::string> names, Folders(path));
  std::vector<VersionFolder> versions;
  for (const std::string& name : names) {
    const std::optional<int64_t> number = VersionNumber(name);
    if (number) versions.push_back({*number, Cat(path, "/", name)});
  }
  std::sort(versions.begin(), versions.end(), [](const VersionFolder& a, const VersionFolder& b) { return a.number < b.number; });
  for (size_t i = 1; i < versions.size(); ++i) {
    if (versions[i].number == versions[i - 1].number) {
      return absl::InvalidArgumentError(Cat(path, ": ", versions[i - 1].path, " and ", versions[i].path, " are the same version"));
    }
  }
  return versions;
}

bool IsModelFolder(const std::string& path) {
  if (Has(path, kConfigName)) return true;
  const auto names = Folders(path);
  return names.ok() && std::any_of(names->begin(), names->end(), [](const std::string& name) { return VersionNumber(name).has_value(); });
}

std::string BaseName(const std::string& path) {
  std::error_code ignored;
  fs::path whole = fs::absolute(path, ignored).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return whole.filename().string();
}

Status ReadConfig(ModelFolder* model) {
  if (!Has(model->path, kConfigName)) return absl::OkStatus();
  model->config_file = Cat(model->path, "/", kConfigName);
  VIGIL_ASSIGN_OR_RETURN(const std::string text, ReadFileHead(model->config_file, kTextProtoBytesMax + 1));
  VIGIL_ASSIGN_OR_RETURN(model->config, ParseTritonConfig(text, model->config_file));
  if (!model->config->name.empty() && model->config->name != model->name) {
    return absl::InvalidArgumentError(
        Cat(model->config_file, ": is of model '", model->config->name.substr(0, 128), "'; its folder is called '", model->name, "'"));
  }
  model->policy = model->config->policy;
  return absl::OkStatus();
}

StatusOr<ModelFolder> ReadModelFolder(const std::string& path) {
  ModelFolder model;
  model.path = path;
  model.name = BaseName(path);
  VIGIL_RETURN_IF_ERROR(ReadConfig(&model));
  VIGIL_ASSIGN_OR_RETURN(model.versions, Versions(path));
  if (model.versions.empty()) {
    return absl::NotFoundError(Cat(path, ": has no version: a model's folder holds folders with numbers for names, as in ", path, "/1"));
  }
  return model;
}

}  // namespace

bool IsRepository(const std::string& path) {
  if (Has(path, "MLmodel") || Has(path, "saved_model.pb")) return false;
  if (IsModelFolder(path)) return true;
  const auto names = Folders(path);
  return names.ok() &&
         std::any_of(names->begin(), names->end(), [&](const std::string& name) { return IsModelFolder(Cat(path, "/", name)); });
}

StatusOr<std::vector<ModelFolder>> ReadRepository(const std::string& path) {
  std::vector<ModelFolder> models;
  if (IsModelFolder(path)) {
    VIGIL_ASSIGN_OR_RETURN(models.emplace_back(), ReadModelFolder(path));
    return models;
  }
  VIGIL_ASSIGN_OR_RETURN(const std::vector<std::string> names, Folders(path));
  for (const std::string& name : names) {
    const std::string folder = Cat(path, "/", name);
    if (!IsModelFolder(folder)) continue;
    VIGIL_ASSIGN_OR_RETURN(models.emplace_back(), ReadModelFolder(folder));
  }
  if (models.empty()) return absl::NotFoundError(Cat(path, ": holds no model's folder"));
  return models;
}

StatusOr<std::optional<ModelFolder>> ModelOfVersion(const std::string& path) {
  const std::optional<int64_t> number = VersionNumber(BaseName(path));
  std::error_code error;
  const std::string parent = fs::absolute(path, error).lexically_normal().parent_path().string();
  if (!number || error || !IsDirectory(path)) return std::optional<ModelFolder>();
  ModelFolder model;
  model.path = parent;
  model.name = BaseName(parent);
  model.versions.push_back({*number, path});
  VIGIL_RETURN_IF_ERROR(ReadConfig(&model));
  return std::optional<ModelFolder>(std::move(model));
}

StatusOr<std::vector<VersionFolder>> ServedVersions(const ModelFolder& model, const VersionPolicy& policy) {
  std::vector<int64_t> numbers;
  for (const VersionFolder& version : model.versions) numbers.push_back(version.number);
  const std::vector<int64_t> chosen = ChooseVersions(policy, numbers);
  if (chosen.empty()) {
    return absl::NotFoundError(Cat(model.path, ": has none of the versions ", VersionPolicyText(policy), "; it has ",
                                   numbers.empty() ? "none" : absl::StrJoin(numbers, ", ")));
  }
  std::vector<VersionFolder> served;
  std::copy_if(model.versions.begin(), model.versions.end(), std::back_inserter(served),
               [&](const VersionFolder& version) { return std::binary_search(chosen.begin(), chosen.end(), version.number); });
  return served;
}

StatusOr<std::string> ModelFileIn(const std::string& folder, const std::string& given) {
  if (!given.empty()) return PathWithin(folder, given, "default_model_filename");
  std::vector<std::string> found;
  for (const char* name : kModelFiles) {
    if (Has(folder, name)) found.emplace_back(name);
  }
  if (found.size() == 1) return PathWithin(folder, found[0], "model file");
  if (!found.empty()) {
    return absl::InvalidArgumentError(Cat(folder, ": holds several models, ", absl::StrJoin(found, ", "), "; give one of them"));
  }
  return absl::NotFoundError(Cat(folder, ": holds no model file; expected one of ", absl::StrJoin(kModelFiles, ", ")));
}

}  // namespace vigil::repository
