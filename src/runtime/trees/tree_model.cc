#include "runtime/trees/tree_model.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "runtime/cat.h"
#include "runtime/trees/aligned.h"
#include "runtime/trees/engine_choice.h"
#include "runtime/trees/rank_kernels.h"

namespace vigil::trees {
namespace {

template <typename T>
void CopyAs(const void* from, absl::Span<float> to) {
  const T* values = static_cast<const T*>(from);
  for (size_t i = 0; i < to.size(); ++i) to[i] = static_cast<float>(values[i]);
}

// False for a type that has no meaning as a number here.
bool CopyAsFloats(const TensorView& tensor, absl::Span<float> to) {
  switch (tensor.dtype) {
    case DType::kBool:
    case DType::kUint8: CopyAs<uint8_t>(tensor.data, to); return true;
    case DType::kUint16: CopyAs<uint16_t>(tensor.data, to); return true;
    case DType::kUint32: CopyAs<uint32_t>(tensor.data, to); return true;
    case DType::kUint64: CopyAs<uint64_t>(tensor.data, to); return true;
    case DType::kInt8: CopyAs<int8_t>(tensor.data, to); return true;
    case DType::kInt16: CopyAs<int16_t>(tensor.data, to); return true;
    case DType::kInt32: CopyAs<int32_t>(tensor.data, to); return true;
    case DType::kInt64: CopyAs<int64_t>(tensor.data, to); return true;
    case DType::kFloat64: CopyAs<double>(tensor.data, to); return true;
    case DType::kFloat16:
    case DType::kBfloat16:
    case DType::kFloat32:
    case DType::kString: return false;
  }
  return false;
}

class TreeScorer final : public Scorer {
 public:
  explicit TreeScorer(const TreeModel& model)
      : model_(model), forest_(model.forest()), scratch_(model.engine().scratch_bytes()), tree_ends_(forest_.outputs) {}

  StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
    VIGIL_ASSIGN_OR_RETURN(const float* rows, Rows(batch));
    if (call.tree_limit < 0 || call.tree_limit > forest_.rounds) {
      return absl::InvalidArgumentError(Cat("tree_limit ", call.tree_limit, " of a model with ", forest_.rounds, " rounds"));
    }
    const auto n = static_cast<int64_t>(batch.rows());
    const int64_t width = forest_.outputs;
    const Transform transform = model_.objective().transform;
    outputs->tensors.resize(call.margin ? 2 : 1);
    OwnedTensor& prediction = outputs->tensors[0];
    const bool flat = PredictionWidth(transform, forest_.outputs) == 1;
    const absl::Span<float> predictions =
        flat ? prediction.ResetFloats("prediction", {n}) : prediction.ResetFloats("prediction", {n, width});
    // The margins go where they are asked for, or where the predictions will replace them.
    absl::Span<float> margins = predictions;
    if (call.margin) {
      margins = width == 1 ? outputs->tensors[1].ResetFloats("margin", {n}) : outputs->tensors[1].ResetFloats("margin", {n, width});
    } else if (predictions.size() < batch.rows() * forest_.outputs) {
      margins_.resize(batch.rows() * forest_.outputs);
      margins = absl::MakeSpan(margins_);
    }
    forest_.TreeEnds(call.tree_limit, absl::MakeSpan(tree_ends_));
    model_.engine().Score(rows, batch.rows(), tree_ends_, scratch_.data(), margins.data());
    ApplyTransform(transform, margins.data(), batch.rows(), forest_.outputs, predictions.data());
    return ScoreState::kDone;
  }

 private:
  // The batch's only tensor as [rows][features] floats: as it came, or converted into this scorer's memory.
  StatusOr<const float*> Rows(const Batch& batch) {
    const auto features = static_cast<size_t>(forest_.features);
    if (batch.tensors().size() != 1) {
      return absl::InvalidArgumentError(
          Cat("the model takes one matrix of ", features, " columns; ", batch.tensors().size(), " tensors came"));
    }
    const TensorView& tensor = batch.tensors()[0];
    if (tensor.shape.size() != 2 || tensor.shape[0] != static_cast<int64_t>(batch.rows()) || tensor.shape[1] != forest_.features) {
      return absl::InvalidArgumentError(Cat("input '", tensor.name, "' has shape [", absl::StrJoin(tensor.shape, ","),
                                            "]; the model takes [", batch.rows(), ",", features, "]"));
    }
    if (tensor.dtype == DType::kFloat32) return static_cast<const float*>(tensor.data);
    converted_.resize(batch.rows() * features);
    if (!CopyAsFloats(tensor, absl::MakeSpan(converted_))) {
      return absl::InvalidArgumentError(Cat("input '", tensor.name, "' is ", DTypeName(tensor.dtype), "; the model takes FP32"));
    }
    return converted_.data();
  }

  const TreeModel& model_;
  const Forest& forest_;
  AlignedBytes scratch_;
  std::vector<int32_t> tree_ends_;
  std::vector<float> margins_, converted_;
};

}  // namespace

TreeModel::TreeModel(TreeModelParts parts) : forest_(std::move(parts.forest)), objective_(parts.objective), info_(std::move(parts.info)) {
  DescribeSignature(std::move(parts.feature_names));
}

void TreeModel::DescribeSignature(std::vector<std::string> feature_names) {
  signature_.columns_are_named = !feature_names.empty();
  for (int32_t f = 0; f < forest_.features && !signature_.columns_are_named; ++f) feature_names.push_back(Cat("f", f));
  signature_.columns = std::move(feature_names);
  signature_.inputs.push_back({"input", DType::kFloat32, {-1, forest_.features}});
  signature_.output_width = static_cast<int64_t>(PredictionWidth(objective_.transform, forest_.outputs));
  signature_.outputs.push_back({"prediction", DType::kFloat32, {-1}});
  if (signature_.output_width > 1) signature_.outputs[0].shape.push_back(signature_.output_width);
  signature_.task = objective_.task;
}

StatusOr<std::unique_ptr<TreeModel>> TreeModel::Make(TreeModelParts parts, const LoadOptions& options) {
  std::unique_ptr<TreeModel> model(new TreeModel(std::move(parts)));
  VIGIL_ASSIGN_OR_RETURN(EngineChoice choice, ChooseEngine(model->forest_, options.engine, options.self_check, options.seed));
  model->engine_ = std::move(choice.engine);
  ModelInfo& info = model->info_;
  info.engine = model->engine_->name();
  info.engine_reason = std::move(choice.reason);
  const Forest& forest = model->forest_;
  info.memory_bytes = forest.memory_bytes() + model->engine_->memory_bytes();
  int64_t leaves = 0, reachable_splits = 0;
  for (const int32_t left : forest.left) left < 0 ? ++leaves : ++reachable_splits;
  info.facts.emplace_back("objective", model->objective_.name);
  info.facts.emplace_back("trees", Cat(forest.trees()));
  info.facts.emplace_back("rounds", Cat(forest.rounds));
  info.facts.emplace_back("depth", Cat(forest.depth));
  info.facts.emplace_back("splits", Cat(reachable_splits));
  info.facts.emplace_back("features", Cat(forest.features));
  info.facts.emplace_back("outputs", Cat(forest.outputs));
  info.facts.emplace_back("base_margin", absl::StrJoin(forest.base, ","));
  info.facts.emplace_back("instruction_set", RankKernelTarget());
  if (info.best_rounds > 0) info.facts.emplace_back("best_iteration", Cat(info.best_rounds - 1));
  return model;
}

std::unique_ptr<Scorer> TreeModel::NewScorer() const { return std::make_unique<TreeScorer>(*this); }

}  // namespace vigil::trees
