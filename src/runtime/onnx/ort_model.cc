#include "runtime/onnx/ort_model.h"

#include <utility>

#include "absl/strings/str_join.h"
#include "runtime/cat.h"

namespace vigil::onnx {

StatusOr<std::unique_ptr<OrtModel>> OrtModel::Make(std::unique_ptr<OnnxSession> session, const OnnxFacts& facts, ModelInfo info) {
  std::unique_ptr<OrtModel> model(new OrtModel(std::move(session)));
  VIGIL_RETURN_IF_ERROR(model->DescribeSignature(facts));
  model->info_ = std::move(info);
  model->info_.engine = "onnxruntime";
  auto& list = model->info_.facts;
  list.emplace_back("onnxruntime", model->session_->ort().version);
  list.emplace_back("providers", absl::StrJoin(model->session_->providers(), ","));
  list.emplace_back("providers_available", absl::StrJoin(model->session_->ort().providers, ","));
  if (model->fixed_batch_ > 0) list.emplace_back("fixed_batch", Cat(model->fixed_batch_));
  return model;
}

Status OrtModel::DescribeSignature(const OnnxFacts& facts) {
  bool any_free = false;
  for (const OnnxValue& input : session_->inputs()) {
    const bool batched = !input.shape.empty();
    batched_.push_back(batched);
    if (batched && input.shape[0] < 0) any_free = true;
    if (batched && input.shape[0] > 0) fixed_batch_ = std::max(fixed_batch_, input.shape[0]);
    signature_.inputs.push_back({input.name, input.dtype, input.shape});
    const auto width = facts.width_min.find(input.name);
    width_min_.push_back(width == facts.width_min.end() ? 0 : width->second);
  }
  // Where one input's first dimension is free, a fixed one of another is no batch (a vector of weights, say).
  if (any_free) fixed_batch_ = 0;
  for (size_t i = 0; i < batched_.size(); ++i) {
    std::vector<int64_t>& shape = signature_.inputs[i].shape;
    if (batched_[i] && shape[0] >= 0 && shape[0] != fixed_batch_) batched_[i] = false;
    if (batched_[i]) shape[0] = -1;
  }
  for (const OnnxValue& output : session_->outputs()) {
    std::vector<std::string>& keys = map_keys_.emplace_back();
    if (output.is_map) {
      const auto found = facts.map_keys.find(output.name);
      if (found == facts.map_keys.end() || found->second.empty() || output.dtype != DType::kFloat32) {
        return absl::UnimplementedError(
            Cat("output '", output.name, "' is a sequence of maps whose keys the model does not declare (no ZipMap writes it)"));
      }
      keys = found->second;
      for (const std::string& key : keys) signature_.outputs.push_back({Cat(output.name, "[", key, "]"), DType::kFloat32, {-1}});
      continue;
    }
    // Converters declare first dimensions that do not hold ([1] for a label a row): the batch decides.
    TensorSpec& spec = signature_.outputs.emplace_back(TensorSpec{output.name, output.dtype, output.shape});
    if (!spec.shape.empty()) spec.shape[0] = -1;
  }
  if (signature_.inputs.empty()) return absl::InvalidArgumentError("the graph has no input");
  if (signature_.outputs.empty()) return absl::InvalidArgumentError("the graph has no output");
  const TensorSpec& first = signature_.inputs[0];
  if (signature_.inputs.size() == 1 && first.dtype == DType::kFloat32 && first.shape.size() == 2 && batched_[0] && first.shape[1] > 0) {
    for (int64_t c = 0; c < first.shape[1]; ++c) signature_.columns.push_back(Cat("f", c));
  }
  signature_.output_width = 1;
  for (size_t d = 1; d < signature_.outputs[0].shape.size(); ++d) {
    if (signature_.outputs[0].shape[d] > 0) signature_.output_width *= signature_.outputs[0].shape[d];
  }
  signature_.task = facts.task;
  return absl::OkStatus();
}

}  // namespace vigil::onnx
