// The list of base paths that a running server serves, and its change at run time.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "app/base_paths.h"

namespace vigil {

// Any thread.
class BasePathList {
 public:
  struct Parts {
    std::function<bool(const std::string& name)> is_configured;  // the configuration's or the command line's own model
    std::function<Status(const ModelConfig& model, const std::string& by)> serve;
    std::function<Status(const std::string& name, const std::string& by)> remove;
  };
  explicit BasePathList(std::vector<BasePathModel> at_start) : models_(std::move(at_start)) {}

  // As entries of the configuration.
  std::vector<ModelConfig> Models() const;
  // Makes `next` the list: see Operations::ServeBasePaths. One change at a time.
  Status Change(const std::vector<BasePathModel>& next, const std::string& by, const Parts& parts);

 private:
  std::mutex change_mutex_;  // held through a whole change
  mutable std::mutex mutex_;
  std::vector<BasePathModel> models_;  // guarded by mutex_
};

}  // namespace vigil
