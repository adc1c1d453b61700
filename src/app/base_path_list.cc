#include "app/base_path_list.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "blobs/uri.h"

namespace vigil {
namespace {

const BasePathModel* Find(const std::vector<BasePathModel>& models, const std::string& name) {
  const auto found = std::find_if(models.begin(), models.end(), [&](const BasePathModel& m) { return m.name == name; });
  return found == models.end() ? nullptr : &*found;
}

bool Same(const BasePathModel& a, const BasePathModel& b) {
  return a.base_path == b.base_path && a.versions == b.versions && a.labels == b.labels;
}

}  // namespace

std::vector<ModelConfig> BasePathList::Models() const {
  std::lock_guard lock(mutex_);
  std::vector<ModelConfig> models;
  for (const BasePathModel& model : models_) models.push_back(ModelOfBasePath(model));
  return models;
}

Status BasePathList::Change(const std::vector<BasePathModel>& next, const std::string& by, const Parts& parts) {
  std::lock_guard change_lock(change_mutex_);
  std::vector<BasePathModel> before;
  {
    std::lock_guard lock(mutex_);
    before = models_;
  }
  VIGIL_RETURN_IF_ERROR(CheckBasePaths(next, before));
  for (const BasePathModel& model : next) {
    if (parts.is_configured(model.name)) {
      return absl::FailedPreconditionError(
          absl::StrCat("model ", model.name, " is the configuration's or the command line's: change it there"));
    }
    const BasePathModel* const known = Find(before, model.name);
    if (blobs::IsRemote(model.base_path) && (known == nullptr || !Same(*known, model))) {
      return absl::FailedPreconditionError(
          absl::StrCat("model ", model.name, ": a base path in a store is taken up at the start only (--model-config-file)"));
    }
  }
  {
    std::lock_guard lock(mutex_);
    models_ = next;  // also those that cannot be served yet: their paths are watched
  }
  Status failed;
  for (const BasePathModel& model : before) {
    if (Find(next, model.name) != nullptr) continue;
    if (const Status removed = parts.remove(model.name, by); !removed.ok()) failed = removed;
  }
  for (const BasePathModel& model : next) {
    const BasePathModel* const known = Find(before, model.name);
    if (known != nullptr && Same(*known, model)) continue;
    const Status served = parts.serve(ModelOfBasePath(model), by);
    if (!served.ok()) failed = Status(served.code(), absl::StrCat("model ", model.name, ": ", std::string(served.message())));
  }
  return failed;
}

}  // namespace vigil
