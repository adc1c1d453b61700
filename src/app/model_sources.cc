#include "app/model_sources.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "app/wiring.h"
#include "base/clock.h"
#include "base/hash.h"
#include "blobs/disk.h"
#include "blobs/uri.h"
#include "runtime/file.h"
#include "runtime/repository/layout.h"

namespace vigil {
namespace {

namespace fs = std::filesystem;

constexpr size_t kEntriesMax = 100'000;

Status CheckNames(const std::vector<ModelConfig>& models) {
  for (size_t i = 0; i < models.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (models[i].name != models[k].name) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("two models are called ", models[i].name, ": ", models[k].path, " and ", models[i].path));
    }
  }
  return absl::OkStatus();
}

void AddEntry(const std::string& path, std::string* text) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return;
  absl::StrAppend(text, path, "|", info.st_size, "|", info.st_ino, "|", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, "\n");
}

}  // namespace

StatusOr<ResolvedPlace> ResolvePlace(blobs::Snapshots& snapshots, const std::string& place) {
  if (!blobs::IsRemote(place)) return ResolvedPlace{place, nullptr};
  VIGIL_ASSIGN_OR_RETURN(const blobs::Snapshot snapshot, snapshots.Fetch(place, ""));
  return ResolvedPlace{snapshot.path, snapshot.pin};
}

StatusOr<LocalCopy> LocalCopy::Of(const std::string& place) {
  LocalCopy copy;
  copy.path_ = place;
  if (!blobs::IsRemote(place)) return copy;
  VIGIL_ASSIGN_OR_RETURN(blobs::BlobOptions options, BlobOptionsOfEnvironment());
  std::error_code error;
  std::string folder = (fs::temp_directory_path(error) / "vigil-model-XXXXXX").string();
  if (error || mkdtemp(folder.data()) == nullptr) return absl::UnavailableError("no temporary folder can be made (TMPDIR)");
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
    if (!IsDirectory(model.path) || !repository::IsRepository(model.path)) {
      expanded.push_back(model);
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
