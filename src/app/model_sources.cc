#include "app/model_sources.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "app/wiring.h"
#include "base/clock.h"
#include "base/hash.h"
#include "blobs/disk.h"
#include "blobs/uri.h"
#include "runtime/file.h"
#include "runtime/remote/address.h"
#include "runtime/repository/layout.h"
#include "storage/abandoned.h"

namespace vigil {
namespace {

namespace fs = std::filesystem;

constexpr size_t kEntriesMax = 100'000;
constexpr const char* kWholeFolders[] = {"MLmodel", "saved_model.pb"};  // of a folder that is one model
constexpr const char* kModelEndings[] = {".json", ".ubj", ".txt", ".cbm", ".onnx"};

// Stores and model servers; anything else with a scheme is no path either.
Status CheckScheme(const std::string& place) {
  if (place.find("://") == std::string::npos || blobs::IsRemote(place) || remote::IsRemoteAddress(place)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      blobs::Shown(place).substr(0, 100), ": is not s3://, gs://, az:// or https:// of a store, nor oip:// or tfs:// of a model server"));
}

Status CheckNames(const std::vector<ModelConfig>& models) {
  std::map<std::string_view, const ModelConfig*> names;
  for (const ModelConfig& model : models) {
    const auto [known, is_new] = names.emplace(model.name, &model);
    if (is_new) continue;
    return absl::InvalidArgumentError(absl::StrCat("two models are called ", model.name, ": ", known->second->path, " and ", model.path));
  }
  return absl::OkStatus();
}

// Files of a folder that bear names of model files, by name; hidden ones are uploads in progress. Empty for a folder that is itself a
// model.
std::vector<std::string> ModelFiles(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (const char* whole : kWholeFolders) {
    if (fs::exists(fs::path(folder) / whole, error)) return files;
  }
  if (repository::ModelFileIn(folder, "").ok()) return files;  // "model.json" beside whatever else: one model
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end && files.size() < kEntriesMax; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name[0] == '.' || !entry->is_regular_file(ignored)) continue;
    const std::string ending = entry->path().extension().string();
    if (std::find(std::begin(kModelEndings), std::end(kModelEndings), ending) != std::end(kModelEndings)) files.push_back(name);
  }
  std::sort(files.begin(), files.end());
  return files;
}

void AddEntry(const std::string& path, std::string* text) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return;
  absl::StrAppend(text, path, "|", info.st_size, "|", info.st_ino, "|", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, "\n");
}

}  // namespace

StatusOr<ResolvedPlace> ResolvePlace(blobs::Snapshots& snapshots, const std::string& place) {
  VIGIL_RETURN_IF_ERROR(CheckScheme(place));
  if (!blobs::IsRemote(place)) return ResolvedPlace{place, nullptr};
  VIGIL_ASSIGN_OR_RETURN(const blobs::Snapshot snapshot, snapshots.Fetch(place, ""));
  return ResolvedPlace{snapshot.path, snapshot.pin};
}

StatusOr<LocalCopy> LocalCopy::Of(const std::string& place) {
  VIGIL_RETURN_IF_ERROR(CheckScheme(place));
  LocalCopy copy;
  copy.path_ = place;
  if (!blobs::IsRemote(place)) return copy;
  VIGIL_ASSIGN_OR_RETURN(blobs::BlobOptions options, BlobOptionsOfEnvironment());
  RemoveAbandonedTemporaries();
  VIGIL_ASSIGN_OR_RETURN(const std::string folder, MakeTemporaryFolder("model"));
  copy.folder_ = folder;
  const SystemClock clock;
  blobs::Snapshots snapshots(folder, std::move(options), Environment(), clock, &OpenBlobStore);
  VIGIL_ASSIGN_OR_RETURN(const ResolvedPlace resolved, ResolvePlace(snapshots, place));
  copy.path_ = resolved.path;
  return copy;
}

LocalCopy::~LocalCopy() {
  if (!folder_.empty()) blobs::RemoveAll(folder_);
}

Status ResolveSources(blobs::Snapshots& snapshots, std::vector<ModelConfig>* models, std::map<std::string, blobs::Snapshot>* fetched,
                      const std::function<void(const ModelConfig& model, const Status& why)>& warn) {
  for (ModelConfig& model : *models) {
    if (!blobs::IsRemote(model.path)) continue;
    VIGIL_ASSIGN_OR_RETURN(blobs::Snapshot snapshot, snapshots.FetchOrLast(model.path, model.sha256));
    if (!snapshot.stale.ok()) warn(model, snapshot.stale);
    model.source = model.path;
    model.path = snapshot.path;
    (*fetched)[model.source] = std::move(snapshot);
  }
  return absl::OkStatus();
}

Status ExpandRepositories(std::vector<ModelConfig>* models) {
  std::vector<ModelConfig> expanded;
  for (const ModelConfig& model : *models) {
    const bool is_repository = IsDirectory(model.path) && repository::IsRepository(model.path);
    const std::vector<std::string> files = !is_repository && IsDirectory(model.path) ? ModelFiles(model.path) : std::vector<std::string>();
    for (const std::string& file : files) {
      ModelConfig one = model;
      one.path = (fs::path(model.path) / file).string();
      if (!model.source.empty()) one.within = "/" + file;
      one.name = fs::path(file).stem().string();
      expanded.push_back(std::move(one));
    }
    if (!is_repository) {
      if (files.empty()) expanded.push_back(model);
      continue;
    }
    VIGIL_ASSIGN_OR_RETURN(const std::vector<repository::ModelFolder> folders, repository::ReadRepository(model.path));
    const bool named = model.name != ModelFromArgument(model.path).name;
    for (const repository::ModelFolder& folder : folders) {
      ModelConfig one = model;
      one.path = folder.path;
      if (!model.source.empty()) one.within = folder.path.substr(std::min(folder.path.size(), model.path.size()));
      const bool keeps_name = folder.path == model.path || (named && folders.size() == 1);
      if (!keeps_name) one.name = folder.name;
      expanded.push_back(std::move(one));
    }
  }
  VIGIL_RETURN_IF_ERROR(CheckNames(expanded));
  *models = std::move(expanded);
  return absl::OkStatus();
}

StatusOr<SourceModels> ExpandSource(std::vector<ModelConfig> given, const std::string& source, const std::string& path,
                                    const std::map<std::string, ModelConfig>& before) {
  std::set<std::string> known;
  for (const auto& [name, model] : before) {
    if (model.source == source) known.insert(name);
  }
  std::erase_if(given, [&](const ModelConfig& model) { return model.source != source; });
  for (ModelConfig& model : given) model.path = path;
  const bool one_entry = given.size() == 1;
  VIGIL_RETURN_IF_ERROR(ExpandRepositories(&given));
  for (ModelConfig& model : given) {  // one of several is called by its folder, and one alone as the entry says: neither changes meanwhile
    const auto same = std::find_if(before.begin(), before.end(),
                                   [&](const auto& b) { return b.second.source == source && b.second.within == model.within; });
    if (one_entry && same != before.end()) model.name = same->first;
  }
  VIGIL_RETURN_IF_ERROR(CheckNames(given));
  SourceModels models;
  for (ModelConfig& model : given) {
    if (const auto other = before.find(model.name); other != before.end()) {
      if (other->second.source != source) {
        const std::string& theirs = other->second.source.empty() ? other->second.path : other->second.source;
        return absl::InvalidArgumentError(
            absl::StrCat("two models are called ", model.name, ": ", blobs::Shown(source), model.within, " and ", blobs::Shown(theirs)));
      }
      model.columns = other->second.columns;
    }
    known.erase(model.name);
    models.now.push_back(std::move(model));
  }
  models.gone.assign(known.begin(), known.end());
  return models;
}

std::map<std::string, std::string> LastFetched(blobs::Snapshots& snapshots, const std::vector<ModelConfig>& models) {
  std::map<std::string, std::string> last;
  for (const ModelConfig& model : models) {
    if (!blobs::IsRemote(model.path)) continue;
    if (std::string path = snapshots.LastPath(model.path); !path.empty()) last[model.path] = std::move(path);
  }
  return last;
}

std::vector<std::string> GoneSince(const std::map<std::string, std::string>& last, const std::vector<ModelConfig>& given,
                                   const std::vector<ModelConfig>& now) {
  std::set<std::string> gone;
  for (const ModelConfig& model : given) {
    const auto former = last.find(model.source);
    std::error_code ignored;
    if (former == last.end() || former->second == model.path || !fs::exists(former->second, ignored)) continue;
    std::vector<ModelConfig> models = {model};
    models[0].path = former->second;
    if (!ExpandRepositories(&models).ok()) continue;
    for (const ModelConfig& one : models) gone.insert(one.name);
  }
  for (const ModelConfig& model : now) gone.erase(model.name);
  return {gone.begin(), gone.end()};
}

void ReplaceLocal(std::vector<ModelConfig> now, std::map<std::string, ModelConfig>* sources) {
  std::map<std::string, ModelConfig> next;
  for (const auto& [name, model] : *sources) {
    if (!model.source.empty()) next[name] = model;
  }
  for (ModelConfig& model : now) {
    if (const auto known = sources->find(model.name); known != sources->end()) model.columns = known->second.columns;
    const std::string name = model.name;
    next[name] = std::move(model);
  }
  *sources = std::move(next);
}

bool HoldsModels(const std::string& path) {
  if (!IsDirectory(path)) return false;
  if (!repository::IsRepository(path)) return !ModelFiles(path).empty();
  const auto folders = repository::ReadRepository(path);
  return folders.ok() && (folders->size() != 1 || (*folders)[0].path != path);
}

StatusOr<std::vector<SourceVersion>> FindVersions(const ModelConfig& model) {
  if (!IsDirectory(model.path) || !repository::IsRepository(model.path)) return std::vector<SourceVersion>{{"", model.path}};
  VIGIL_ASSIGN_OR_RETURN(const std::vector<repository::ModelFolder> folders, repository::ReadRepository(model.path));
  if (folders.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(model.path, ": became a repository of ", folders.size(), " models"));
  }
  repository::VersionPolicy policy = folders[0].policy;
  if (!model.versions.empty()) {
    VIGIL_ASSIGN_OR_RETURN(policy, repository::ParseVersionPolicy(model.versions));
  }
  VIGIL_ASSIGN_OR_RETURN(const std::vector<repository::VersionFolder> served, repository::ServedVersions(folders[0], policy));
  std::vector<SourceVersion> versions;
  for (auto version = served.rbegin(); version != served.rend(); ++version) {
    versions.push_back({absl::StrCat(version->number), version->path});
  }
  return versions;
}

std::string ModelFile(const std::string& path) {
  if (path.find("://") != std::string::npos) return "";
  if (!IsDirectory(path)) return path;
  const auto of_version = repository::ModelOfVersion(path);
  if (!of_version.ok() || !of_version->has_value()) return "";
  for (const char* whole : kWholeFolders) {
    std::error_code ignored;
    if (fs::exists(fs::path(path) / whole, ignored)) return "";
  }
  const auto& config = (*of_version)->config;
  const auto file = repository::ModelFileIn(path, config ? config->model_file : "");
  return file.ok() && !IsDirectory(*file) ? *file : "";
}

uint64_t SourceFingerprint(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error) || error) return 0;
  std::vector<std::string> paths;
  fs::recursive_directory_iterator entry(path, fs::directory_options::skip_permission_denied, error), end;
  for (; !error && entry != end && paths.size() < kEntriesMax; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.')) {
      entry.disable_recursion_pending();
    } else {
      paths.push_back(entry->path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::string text;
  if (!IsDirectory(path)) AddEntry(path, &text);  // a folder's own time changes with its hidden entries
  for (const std::string& one : paths) {
    if (IsDirectory(one)) {
      absl::StrAppend(&text, one, "/\n");
    } else {
      AddEntry(one, &text);
    }
  }
  return StableHash(text);
}

}  // namespace vigil
