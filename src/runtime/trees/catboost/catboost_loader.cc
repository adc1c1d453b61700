#include <string>
#include <utility>

#include "base/hash.h"
#include "runtime/cat.h"
#include "runtime/file.h"
#include "runtime/trees/catboost/catboost.h"
#include "runtime/trees/loader.h"
#include "runtime/trees/tree_model.h"

namespace vigil::trees {
namespace {

// One of the keys that CatBoost writes at the top; it sorts them, so that one of the first three comes first.
bool LooksLikeCatboostJson(std::string_view head) {
  const size_t start = head.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || head[start] != '{') return false;
  for (const std::string_view key : {"\"ctr_data\"", "\"features_info\"", "\"model_info\"", "\"oblivious_trees\""}) {
    if (head.find(key) != std::string_view::npos) return true;
  }
  return false;
}

class CatboostLoader final : public ModelLoader {
 public:
  explicit CatboostLoader(EngineRecords* records) : records_(records) {}

  std::vector<std::string> Formats() const override { return {"CatBoost binary (.cbm)", "CatBoost JSON (.json)"}; }

  bool Recognises(const std::string& path, std::string_view head) const override {
    return head.starts_with(kCbmMagic) || LooksLikeCatboostJson(head) || EndsWithIgnoreCase(path, ".cbm");
  }

  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const LoadOptions& options) const override {
    VIGIL_ASSIGN_OR_RETURN(std::string bytes, ReadModelFile(path));
    StatusOr<std::unique_ptr<LoadedModel>> model = Parse(std::move(bytes), options);
    if (model.ok()) return model;
    return Status(model.status().code(), Cat(path, ": ", model.status().message()));
  }

 private:
  static StatusOr<CatboostModel> Read(std::string bytes, bool json) {
    if (!json) {
      VIGIL_ASSIGN_OR_RETURN(CatboostFile file, ReadCatboostCbm(bytes));
      bytes = std::string();
      return MakeCatboostModel(std::move(file));
    }
    VIGIL_ASSIGN_OR_RETURN(Document document, ReadJsonDocument(bytes));
    bytes = std::string();
    VIGIL_ASSIGN_OR_RETURN(CatboostFile file, ReadCatboostJson(document));
    document = Document();  // several times the model's size
    return MakeCatboostModel(std::move(file));
  }

  StatusOr<std::unique_ptr<LoadedModel>> Parse(std::string bytes, const LoadOptions& options) const {
    const bool json = LooksLikeCatboostJson(std::string_view(bytes).substr(0, 4096));
    TreeModelParts parts;
    parts.info.format = json ? "catboost-json" : "catboost-cbm";
    parts.info.digest = Sha256Hex(bytes);
    VIGIL_ASSIGN_OR_RETURN(CatboostModel read, Read(std::move(bytes), json));
    parts.forest = std::move(read.forest);
    parts.objective = read.objective;
    parts.feature_names = std::move(read.feature_names);
    parts.categories = std::move(read.categories);
    parts.info.library = std::move(read.library);
    if (!read.classes.empty()) parts.info.facts.emplace_back("class_labels", std::move(read.classes));
    parts.engine_records = records_;
    return TreeModel::Make(std::move(parts), options);
  }

  EngineRecords* const records_;
};

}  // namespace

std::unique_ptr<ModelLoader> MakeCatboostLoader(EngineRecords* records) { return std::make_unique<CatboostLoader>(records); }

}  // namespace vigil::trees
