#include <string>
#include <utility>

#include "base/hash.h"
#include "runtime/cat.h"
#include "runtime/file.h"
#include "runtime/trees/lightgbm/lightgbm.h"
#include "runtime/trees/loader.h"
#include "runtime/trees/tree_model.h"

namespace vigil::trees {
namespace {

class LightgbmLoader final : public ModelLoader {
 public:
  std::vector<std::string> Formats() const override { return {"LightGBM text (.txt)"}; }

  bool Recognises(const std::string& path, std::string_view head) const override {
    return head.starts_with("tree\n") || head.starts_with("tree\r\n") || EndsWithIgnoreCase(path, ".lgb");
  }

  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const LoadOptions& options) const override {
    VIGIL_ASSIGN_OR_RETURN(std::string bytes, ReadModelFile(path));
    StatusOr<std::unique_ptr<LoadedModel>> model = Parse(std::move(bytes), options);
    if (model.ok()) return model;
    return Status(model.status().code(), Cat(path, ": ", model.status().message()));
  }

 private:
  static StatusOr<std::unique_ptr<LoadedModel>> Parse(std::string bytes, const LoadOptions& options) {
    TreeModelParts parts;
    parts.info.format = "lightgbm-text";
    parts.info.digest = Sha256Hex(bytes);
    {
      VIGIL_ASSIGN_OR_RETURN(LightgbmModel read, ReadLightgbm(bytes));
      parts.forest = std::move(read.forest);
      parts.objective = read.objective;
      parts.average_prediction = read.average;
      parts.feature_names = std::move(read.feature_names);
      parts.categories = std::move(read.categories);
      parts.info.library = std::move(read.library);
    }
    bytes = std::string();  // gone before the engines are built
    return TreeModel::Make(std::move(parts), options);
  }
};

}  // namespace

std::unique_ptr<ModelLoader> MakeLightgbmLoader() { return std::make_unique<LightgbmLoader>(); }

}  // namespace vigil::trees
