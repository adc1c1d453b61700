#include "runtime/mlflow/loader.h"

#include <string>
#include <utility>

#include "base/hash.h"
#include "base/yaml.h"
#include "runtime/cat.h"
#include "runtime/file.h"
#include "runtime/mlflow/classifier.h"
#include "runtime/mlflow/example.h"
#include "runtime/mlflow/mlmodel.h"

namespace vigil::mlflow {
namespace {

Status At(const std::string& place, const Status& status) { return Status(status.code(), Cat(place, ": ", status.message())); }

class MlflowLoader final : public ModelLoader {
 public:
  std::vector<std::string> Formats() const override { return {"MLflow model directories (MLmodel)"}; }
  bool Recognises(const std::string& /*path*/, std::string_view /*head*/) const override { return false; }
  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const LoadOptions& /*options*/) const override {
    return absl::InvalidArgumentError(Cat(path, ": is a file; an MLflow model is a directory"));
  }
  bool RecognisesDirectory(const std::string& path) const override { return ReadFileHead(Cat(path, "/MLmodel"), 1).ok(); }

  StatusOr<std::unique_ptr<LoadedModel>> LoadDirectory(const std::string& path, const LoadOptions& options,
                                                       const std::vector<std::unique_ptr<ModelLoader>>& all) const override {
    const std::string file = Cat(path, "/MLmodel");
    VIGIL_ASSIGN_OR_RETURN(const std::string text, ReadFileHead(file, kYamlBytesMax + 1));
    VIGIL_ASSIGN_OR_RETURN(const Mlmodel described, ParseMlmodel(text, file));
    VIGIL_ASSIGN_OR_RETURN(const std::string artefact,
                           PathWithin(path, described.data, Cat(file, ": flavors.", described.flavour, ".data")));
    VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> inner, LoadModel(all, artefact, options));
    ModelInfo info = inner->info();
    // A change of the description is another version: it decides what is answered.
    info.digest = Sha256Hex(Cat(text, "\n", info.digest));
    info.format = Cat("mlflow/", info.format);
    Signature signature = inner->signature();
    if (described.has_columns) {
      if (const Status fits = ApplyColumns(described.columns, &signature); !fits.ok()) return At(file, fits);
    }
    info.facts.emplace_back("flavour", described.flavour);
    if (!described.model_class.empty()) info.facts.emplace_back("model_class", described.model_class);
    if (!described.mlflow_version.empty()) info.facts.emplace_back("mlflow", described.mlflow_version);
    // ONNX and TensorFlow models are saved as they are; a booster may be a scikit-learn wrapper's.
    StatusOr<std::unique_ptr<LoadedModel>> model = WrapModel(std::move(inner), signature, info, RulesOf(described.model_class));
    if (!model.ok()) return At(file, model.status());
    if (described.example.empty()) return model;
    VIGIL_ASSIGN_OR_RETURN(const std::string tried, TryExample(path, described.example, **model));
    return WithFact(std::move(*model), "input_example", tried);
  }

 private:
  static StatusOr<std::string> TryExample(const std::string& directory, const std::string& example, const LoadedModel& model) {
    const StatusOr<std::string> path = PathWithin(directory, example, "input example");
    if (absl::IsNotFound(path.status())) return Cat(example, " is absent");
    if (!path.ok()) return path.status();
    return ScoreExample(model, *path);
  }

  static std::unique_ptr<LoadedModel> WithFact(std::unique_ptr<LoadedModel> model, std::string name, std::string value) {
    ModelInfo info = model->info();
    info.facts.emplace_back(std::move(name), std::move(value));
    Signature signature = model->signature();
    // Nothing differs but the facts, so this wrapping cannot fail.
    return *WrapModel(std::move(model), std::move(signature), std::move(info), WrapperRules{});
  }
};

}  // namespace

std::unique_ptr<ModelLoader> MakeMlflowLoader() { return std::make_unique<MlflowLoader>(); }

}  // namespace vigil::mlflow
