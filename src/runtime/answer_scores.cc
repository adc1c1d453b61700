#include "runtime/answer_scores.h"

#include <algorithm>
#include <limits>

#include "runtime/cat.h"

namespace vigil {

Status CheckAnswer(const Signature& signature, const TableShape& shape, const Outputs& outputs, size_t rows) {
  if (outputs.tensors.empty()) return absl::InternalError("answered nothing");
  if (shape.single_output) {
    const OwnedTensor& first = outputs.tensors[0];
    if (first.dtype == DType::kFloat32 && first.floats.size() == rows * shape.score.width) return absl::OkStatus();
    return absl::InternalError(
        Cat("answered ", first.floats.size(), " ", DTypeName(first.dtype), " for ", rows, " rows of ", shape.score.width));
  }
  if (outputs.tensors.size() < signature.outputs.size()) {
    return absl::InternalError(Cat("answered ", outputs.tensors.size(), " outputs of ", signature.outputs.size()));
  }
  for (size_t i = 0; i < signature.outputs.size(); ++i) {
    const TensorSpec& spec = signature.outputs[i];
    const OwnedTensor& tensor = outputs.tensors[i];
    size_t width = 1;
    bool known = true;
    for (size_t d = 1; d < spec.shape.size(); ++d) {
      known = known && spec.shape[d] >= 0;
      if (known) width *= static_cast<size_t>(spec.shape[d]);
    }
    const bool fits = known ? tensor.size() == rows * width : rows == 0 || tensor.size() % rows == 0;
    if (tensor.dtype == spec.dtype && fits) continue;
    return absl::InternalError(Cat("answered ", tensor.size(), " ", DTypeName(tensor.dtype), " as output \"", spec.name, "\" for ", rows,
                                   " rows; its signature says ", DTypeName(spec.dtype), " of width ", known ? width : 0));
  }
  return absl::OkStatus();
}

void ReadScores(const TableShape& shape, const Outputs& outputs, size_t rows, std::vector<float>* scores) {
  const ScoreRule& rule = shape.score;
  scores->assign(rows * rule.width, std::numeric_limits<float>::quiet_NaN());
  if (rule.output < 0 || rows == 0) return;
  if (rule.across) {
    for (size_t k = 0; k < rule.width; ++k) {
      const OwnedTensor& one = outputs.tensors[static_cast<size_t>(rule.output) + k];
      for (size_t row = 0; row < rows; ++row) (*scores)[row * rule.width + k] = static_cast<float>(one.number(row));
    }
    return;
  }
  const OwnedTensor& tensor = outputs.tensors[static_cast<size_t>(rule.output)];
  const size_t width = tensor.size() / rows;
  const size_t taken = std::min<size_t>(rule.width, width - std::min<size_t>(width, rule.offset));
  for (size_t row = 0; row < rows; ++row) {
    for (size_t k = 0; k < taken; ++k) (*scores)[row * rule.width + k] = static_cast<float>(tensor.number(row * width + rule.offset + k));
  }
}

}  // namespace vigil
