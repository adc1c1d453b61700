#include "service/predict_service.h"

#include <utility>

namespace vigil {
namespace {

class PipelineService final : public PredictService {
 public:
  PipelineService(Registry& registry, std::unique_ptr<Pipeline> pipeline)
      : registry_(registry), pipeline_(std::move(pipeline)), snapshot_(registry.snapshot()) {}

  StatusOr<PredictTarget> Resolve(std::string_view model, std::string_view version) override { return pipeline_->Resolve(model, version); }
  StatusOr<ScoreState> Predict(const RequestContext& context, const PredictTarget& target, RowBatch& batch, PredictResult* result,
                               std::function<void(std::function<void()>)> post,
                               std::function<void(StatusOr<PredictResult>)> done) override {
    return pipeline_->Predict(context, target, batch, result, std::move(post), std::move(done));
  }
  Status Load(std::string_view model, std::string_view version, std::function<void(Status)> done) override {
    return registry_.RequestLoad(model, version, std::move(done));
  }
  const std::shared_ptr<const RegistrySnapshot>& Models() override { return snapshot_.Get(); }
  bool EndTurn() override { return pipeline_->EndTurn(); }
  PipelineCounters counters() const override { return pipeline_->counters(); }

 private:
  Registry& registry_;
  std::unique_ptr<Pipeline> pipeline_;
  Published<RegistrySnapshot>::Reader snapshot_;
};

}  // namespace

std::unique_ptr<PredictService> NewPredictService(Registry& registry, std::unique_ptr<Pipeline> pipeline) {
  return std::make_unique<PipelineService>(registry, std::move(pipeline));
}

}  // namespace vigil
