// Predictions for one serving thread: what a dialect needs to know of the models, and the way to score a batch. The frontends see this
// and not the pipeline, so that they can be tested without models, logs or threads.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/status.h"
#include "prediction/pipeline.h"
#include "registry/registry.h"

namespace vigil {

// Belongs to one serving thread; only that thread calls. Nothing here takes a lock or allocates when warm.
class PredictService {
 public:
  virtual ~PredictService() = default;
  // See Pipeline::Resolve and Pipeline::Predict.
  virtual StatusOr<PredictTarget> Resolve(std::string_view model, std::string_view version) = 0;
  virtual StatusOr<ScoreState> Predict(const RequestContext& context, const PredictTarget& target, RowBatch& batch, PredictResult* result,
                                       std::function<void(std::function<void()>)> post,
                                       std::function<void(StatusOr<PredictResult>)> done) = 0;
  // After Resolve has failed: asks for the version (empty: the champion) to be loaded. OK: `done` will be called, on another thread. Else
  // what the request is to be answered with; FAILED_PRECONDITION: there is nothing to wait for, Resolve's error stands.
  virtual Status Load(std::string_view /*model*/, std::string_view /*version*/, std::function<void(Status)> /*done*/) {
    return absl::FailedPreconditionError("nothing is loaded on demand");
  }
  // The models as they are now. The reference holds until this service's next call.
  virtual const std::shared_ptr<const RegistrySnapshot>& Models() = 0;
  // End of a turn of the loop, before its answers are sent. True: call again within a millisecond even if nothing happens.
  virtual bool EndTurn() = 0;
  virtual PipelineCounters counters() const = 0;
};

// `registry` outlives the service.
std::unique_ptr<PredictService> NewPredictService(Registry& registry, std::unique_ptr<Pipeline> pipeline);

}  // namespace vigil
