// A signature of a SavedModel as a model: scores through a worker, answers later.
#pragma once

#include <memory>
#include <vector>

#include "runtime/model.h"
#include "runtime/tensorflow/example_features.h"
#include "runtime/tensorflow/saved_model.h"
#include "runtime/tensorflow/worker.h"

namespace vigil::tensorflow {

// What a scorer needs to know of the signature.
struct Plan {
  Signature signature;                  // as callers see it
  std::vector<SignatureTensor> inputs;  // as the graph has it
  std::vector<SignatureTensor> outputs;
  std::vector<ExampleFeature> features;  // not empty: the only input takes serialized tf.Example, made from these columns
};

// The plan of `signature`; `graph` is searched for the features of a signature over tf.Example.
Plan MakePlan(const SignatureDef& signature, std::string_view graph);

class TensorflowModel final : public LoadedModel {
 public:
  TensorflowModel(Plan plan, ModelInfo info, std::shared_ptr<Worker> worker);
  const Signature& signature() const override { return plan_->signature; }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override;
  const Worker& worker() const { return *worker_; }

 private:
  const std::shared_ptr<const Plan> plan_;
  const ModelInfo info_;
  const std::shared_ptr<Worker> worker_;
};

// The kRun frame of a batch that fits the plan's signature.
std::string EncodeRun(const Plan& plan, const Batch& batch);
// Fills `outputs` from kResult's body. INTERNAL names an output that is not what the signature promises.
Status DecodeResult(const Plan& plan, size_t rows, std::string_view body, Outputs* outputs);

}  // namespace vigil::tensorflow
