// Where the configuration's models come from: a file or directory that is a model, or a repository whose models and versions are found in
// it; on this machine, or in a store from which it is fetched first.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/config.h"
#include "base/status.h"
#include "blobs/snapshots.h"

namespace vigil {

// `place` as something that loaders read: a path or a server's address as it is; what lies in a store is fetched, and `pin` keeps it until
// the registry knows it.
struct ResolvedPlace {
  std::string path;
  std::shared_ptr<void> pin;
};
StatusOr<ResolvedPlace> ResolvePlace(blobs::Snapshots& snapshots, const std::string& place);

// The same for a verb that ends soon: fetched into a temporary folder, which goes when this does.
class LocalCopy {
 public:
  static StatusOr<LocalCopy> Of(const std::string& place);
  LocalCopy(LocalCopy&& other) noexcept : path_(std::move(other.path_)), folder_(std::move(other.folder_)) { other.folder_.clear(); }
  LocalCopy& operator=(LocalCopy&&) = delete;
  ~LocalCopy();
  const std::string& path() const { return path_; }

 private:
  LocalCopy() = default;
  std::string path_, folder_;
};

// Fetches what of `models` lies in stores: `source` becomes the address and `path` the snapshot's. What cannot be reached is what it was
// last, and `warn` is told. The snapshots by address are added to `fetched`.
Status ResolveSources(blobs::Snapshots& snapshots, std::vector<ModelConfig>* models, std::map<std::string, blobs::Snapshot>* fetched,
                      const std::function<void(const ModelConfig& model, const Status& why)>& warn);

struct SourceVersion {
  std::string version;  // empty: the registry numbers it
  std::string path;
};

// An entry whose path is a repository of models becomes one entry a model, each with the entry's settings and the model's folder as its
// path and name (a single model keeps a name that was given). INVALID_ARGUMENT when two models have one name.
// A folder of model files becomes one entry a file, called by the file's name.
Status ExpandRepositories(std::vector<ModelConfig>* models);

// The models of one source in a store as it is at `path` now, and the names of `before` that are not in it any more.
struct SourceModels {
  std::vector<ModelConfig> now;
  std::vector<std::string> gone;
};
// `given`: the configuration's entries; those of another source are not looked at. `before`: all models by name, whose column rules stay.
// INVALID_ARGUMENT when a name is another source's, or what ExpandRepositories refuses: then nothing is known of what is there.
StatusOr<SourceModels> ExpandSource(std::vector<ModelConfig> given, const std::string& source, const std::string& path,
                                    const std::map<std::string, ModelConfig>& before);

// Where what was fetched of the stores among `models` before lies, by address.
std::map<std::string, std::string> LastFetched(blobs::Snapshots& snapshots, const std::vector<ModelConfig>& models);

// Names of models that were in the sources of `given` when they were fetched before, `last` by address, and are not among `now`.
std::vector<std::string> GoneSince(const std::map<std::string, std::string>& last, const std::vector<ModelConfig>& given,
                                   const std::vector<ModelConfig>& now);

// Makes `now` what `sources` holds beside the models of stores; column rules stay as `sources` has them.
void ReplaceLocal(std::vector<ModelConfig> now, std::map<std::string, ModelConfig>* sources);

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
