// Where the configuration's models come from: a file or directory that is a model, or a repository whose models and versions are found in
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/config.h"
#include "base/status.h"

namespace vigil {

struct SourceVersion {
  std::string version;  // empty: the registry numbers it
  std::string path;
};

// An entry whose path is a repository of models becomes one entry a model, each with the entry's settings and the model's folder as its
// path and name (a single model keeps a name that was given). INVALID_ARGUMENT when two models have one name.
// A folder of model files becomes one entry a file, called by the file's name.
Status ExpandRepositories(std::vector<ModelConfig>* models);

// Whether models may come to and go from `path` while it is served: a repository of models or a folder of model files.
bool HoldsModels(const std::string& path);

// What `model` serves now, the newest first: of a folder of numbered versions those that its policy chooses, else the path itself.
StatusOr<std::vector<SourceVersion>> FindVersions(const ModelConfig& model);

// The one file that is the model at `path`; empty: it is none, or more than that, or not on this machine.
std::string ModelFile(const std::string& path);

// A number that differs once anything at or below `path` was written, added, moved or removed: names, sizes, times and inodes of what is
// there. Hidden entries do not count: uploads in progress have such names. 0 when nothing is there or nothing can be read.
uint64_t SourceFingerprint(const std::string& path);

}  // namespace vigil
