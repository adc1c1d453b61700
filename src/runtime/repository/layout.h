// Folders of numbered versions: TensorFlow Serving's base paths (DIR/3/...) and Triton's repositories (DIR/fraud/config.pbtxt and
// DIR/fraud/3/...). Finds what is there; scores nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/repository/triton_config.h"

namespace vigil::repository {

struct VersionFolder {
  int64_t number = 0;
  std::string path;
};

// One model of a repository.
struct ModelFolder {
  std::string name;  // of the folder
  std::string path;
  std::string config_file;  // path of its config.pbtxt; empty: it has none
  std::optional<TritonConfig> config;
  std::vector<VersionFolder> versions;  // all that are there, ascending
  VersionPolicy policy;                 // the configuration's, else the latest one
};

inline constexpr size_t kFolderEntriesMax = 10'000;

// Whether `path` is a repository, a model of one, or a base path: what ReadRepository reads.
bool IsRepository(const std::string& path);

// The models in it, by name. INVALID_ARGUMENT or NOT_FOUND names the folder and what is wrong with it: a broken configuration, another
// model's name in it, no version.
StatusOr<std::vector<ModelFolder>> ReadRepository(const std::string& path);

// The model that the folder of a version belongs to ("fraud" of ".../fraud/3"), with that version only; nothing when `path` is no such.
StatusOr<std::optional<ModelFolder>> ModelOfVersion(const std::string& path);

// The versions that `policy` serves, ascending. NOT_FOUND when there is none, naming those that are there.
StatusOr<std::vector<VersionFolder>> ServedVersions(const ModelFolder& model, const VersionPolicy& policy);

// The model file in a folder: `given` when not empty, else the only one with a name that models have. NOT_FOUND when there is none,
// INVALID_ARGUMENT when there are several.
StatusOr<std::string> ModelFileIn(const std::string& folder, const std::string& given);

}  // namespace vigil::repository
