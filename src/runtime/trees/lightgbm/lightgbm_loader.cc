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
  explicit LightgbmLoader(EngineRecords* records) : records_(records) {}

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
  StatusOr<std::unique_ptr<LoadedModel>> Parse(std::string bytes, const LoadOptions& options) const {
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
    parts.engine_records = records_;
    return TreeModel::Make(std::move(parts), options);
  }

  EngineRecords* const records_;
};

}  // namespace

std::unique_ptr<ModelLoader> MakeLightgbmLoader(EngineRecords* records) { return std::make_unique<LightgbmLoader>(records); }

}  // namespace vigil::trees
