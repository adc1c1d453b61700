// A model for a verb that scores by itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/model_sources.h"
#include "app/wiring.h"
#include "base/status.h"
#include "runtime/model.h"

namespace vigil::cli {

// Loaded from a path, from a store (then what was fetched stays as long as this does), or from the address of a model server.
class OfflineModel {
 public:
  static StatusOr<OfflineModel> Load(const std::string& place, const LoadOptions& options = {});

  LoadedModel& operator*() const { return *model_; }
  LoadedModel* operator->() const { return model_.get(); }
  // What was loaded, as loaders read it: of a model in a store the copy.
  const std::string& path() const { return place_.path(); }

 private:
  explicit OfflineModel(LocalCopy place) : place_(std::move(place)) {}

  LocalCopy place_;
  std::vector<std::unique_ptr<ModelLoader>> loaders_;
  std::unique_ptr<LoadedModel> model_;
};

}  // namespace vigil::cli
