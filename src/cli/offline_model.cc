#include "cli/offline_model.h"

#include <utility>

namespace vigil::cli {

StatusOr<OfflineModel> OfflineModel::Load(const std::string& place, const LoadOptions& options) {
  VIGIL_ASSIGN_OR_RETURN(LocalCopy copy, LocalCopy::Of(place));
  OfflineModel offline(std::move(copy));
  offline.loaders_ = MakeLoaders();
  VIGIL_ASSIGN_OR_RETURN(offline.model_, LoadModel(offline.loaders_, offline.path(), options));
  return offline;
}

}  // namespace vigil::cli
