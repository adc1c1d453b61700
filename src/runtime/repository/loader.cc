#include "runtime/repository/loader.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "runtime/cat.h"
#include "runtime/file.h"
#include "runtime/repository/layout.h"
#include "runtime/repository/warm_up.h"

namespace vigil::repository {
namespace {

using Loaders = std::vector<std::unique_ptr<ModelLoader>>;

// A model under the names that its configuration gives its tensors, and with the configuration's facts.
class ConfiguredModel final : public LoadedModel {
 public:
  ConfiguredModel(std::unique_ptr<LoadedModel> inner, Signature signature, ModelInfo info)
      : inner_(std::move(inner)), signature_(std::move(signature)), info_(std::move(info)) {
    for (size_t i = 0; i < signature_.outputs.size(); ++i) renamed_ |= signature_.outputs[i].name != inner_->signature().outputs[i].name;
  }

  const Signature& signature() const override { return signature_; }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override {
    if (!renamed_) return inner_->NewScorer();
    return std::make_unique<RenamingScorer>(signature_, inner_->NewScorer());
  }

 private:
  // A native tree model, which answers at once; its first output is the one with the configuration's name.
  class RenamingScorer final : public Scorer {
   public:
    RenamingScorer(const Signature& signature, std::unique_ptr<Scorer> inner) : signature_(signature), inner_(std::move(inner)) {}
    StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
      StatusOr<ScoreState> state = inner_->Score(batch, call, outputs);
      if (state.ok()) outputs->tensors[0].name = signature_.outputs[0].name;
      return state;
    }

   private:
    const Signature& signature_;
    const std::unique_ptr<Scorer> inner_;
  };

  const std::unique_ptr<LoadedModel> inner_;
  const Signature signature_;
  const ModelInfo info_;
  bool renamed_ = false;
};

void AddFacts(const TritonConfig& config, int64_t warm_ups, ModelInfo* info) {
  info->facts.emplace_back("max_batch_size", Cat(config.max_batch_size));
  info->facts.emplace_back("version_policy", VersionPolicyText(config.policy));
  if (config.dynamic_batching) {
    info->facts.emplace_back("dynamic_batching", Cat("preferred ", absl::StrJoin(config.preferred_batch_sizes, ", "), "; delay at most ",
                                                     config.queue_delay_max_us, " us"));
  }
  if (config.instances > 0) info->facts.emplace_back("instances", Cat(config.instances));
  if (warm_ups > 0) info->facts.emplace_back("warm_ups", Cat(warm_ups));
}

class RepositoryLoader final : public ModelLoader {
 public:
  std::vector<std::string> Formats() const override {
    return {"repositories in Triton's layout (config.pbtxt)", "TensorFlow Serving base paths (numbered folders)"};
  }
  bool Recognises(const std::string& /*path*/, std::string_view /*head*/) const override { return false; }
  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const LoadOptions& /*options*/) const override {
    return absl::InvalidArgumentError(Cat(path, ": is a file; a repository is a directory"));
  }

  bool RecognisesDirectory(const std::string& path) const override {
    if (IsRepository(path)) return true;
    const auto model = ModelOfVersion(path);
    return (model.ok() && model->has_value()) || !absl::IsNotFound(ModelFileIn(path, "").status());
  }

  StatusOr<std::unique_ptr<LoadedModel>> LoadDirectory(const std::string& path, const LoadOptions& options,
                                                       const Loaders& all) const override {
    if (IsRepository(path)) {
      VIGIL_ASSIGN_OR_RETURN(const std::vector<ModelFolder> models, ReadRepository(path));
      if (models.size() > 1) {
        std::vector<std::string> names;
        for (const ModelFolder& model : models) names.push_back(model.name);
        if (names.size() > 20) names.resize(20);
        return absl::InvalidArgumentError(
            Cat(path, ": is a repository of ", models.size(), " models; give the folder of one: ", absl::StrJoin(names, ", ")));
      }
      VIGIL_ASSIGN_OR_RETURN(const std::vector<VersionFolder> versions, ServedVersions(models[0], models[0].policy));
      return LoadVersion(models[0], versions.back().path, options, all);
    }
    VIGIL_ASSIGN_OR_RETURN(const std::optional<ModelFolder> model, ModelOfVersion(path));
    return LoadVersion(model.value_or(ModelFolder{}), path, options, all);
  }

 private:
  static StatusOr<std::unique_ptr<LoadedModel>> LoadVersion(const ModelFolder& model, const std::string& folder, const LoadOptions& options,
                                                            const Loaders& all) {
    std::string artefact = folder;
    const bool is_model = std::any_of(all.begin(), all.end(), [&](const auto& loader) {
      return dynamic_cast<const RepositoryLoader*>(loader.get()) == nullptr && loader->RecognisesDirectory(folder);
    });
    if (!is_model) {
      VIGIL_ASSIGN_OR_RETURN(artefact, ModelFileIn(folder, model.config ? model.config->model_file : ""));
    }
    VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> inner, LoadModel(all, artefact, options));
    if (!model.config) return inner;
    Signature signature = inner->signature();
    VIGIL_RETURN_IF_ERROR(ApplyTritonConfig(*model.config, model.config_file, &signature));
    VIGIL_ASSIGN_OR_RETURN(const int64_t warm_ups, RunWarmUps(*model.config, model.path, model.config_file, *inner));
    ModelInfo info = inner->info();
    AddFacts(*model.config, warm_ups, &info);
    return std::unique_ptr<LoadedModel>(std::make_unique<ConfiguredModel>(std::move(inner), std::move(signature), std::move(info)));
  }
};

}  // namespace

std::unique_ptr<ModelLoader> MakeRepositoryLoader() { return std::make_unique<RepositoryLoader>(); }

}  // namespace vigil::repository
