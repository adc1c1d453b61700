// Any bytes as a models.config: refused naming the file, or models that the checks accept again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "app/base_paths.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto models = vigil::ParseModelServerConfig({reinterpret_cast<const char*>(data), size}, "models.config");
  if (!models.ok()) {
    if (models.status().message().find("models.config") != 0) std::abort();
    return 0;
  }
  if (models->size() > vigil::kBasePathsMax || !vigil::CheckBasePaths(*models, *models).ok()) std::abort();
  for (const vigil::BasePathModel& model : *models) {
    if (vigil::ModelOfBasePath(model).labels.size() != model.labels.size()) std::abort();
  }
  return 0;
}
