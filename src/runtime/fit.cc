#include "runtime/fit.h"

#include "runtime/cat.h"

namespace vigil {

const TensorView* TensorOf(const Signature& signature, size_t i, const Batch& batch) {
  if (signature.inputs.size() == 1) return batch.tensors().empty() ? nullptr : &batch.tensors()[0];
  return batch.Find(signature.inputs[i].name);
}

Status CheckFits(const Signature& signature, const Batch& batch) {
  if (batch.tensors().size() != signature.inputs.size()) {
    return absl::InvalidArgumentError(Cat(batch.tensors().size(), " tensors for ", signature.inputs.size(), " inputs"));
  }
  for (size_t i = 0; i < signature.inputs.size(); ++i) {
    const TensorSpec& spec = signature.inputs[i];
    const TensorView* tensor = TensorOf(signature, i, batch);
    if (tensor == nullptr) return absl::InvalidArgumentError(Cat("input '", spec.name, "' is missing"));
    if (tensor->dtype != spec.dtype) {
      return absl::InvalidArgumentError(Cat("input '", spec.name, "' is ", DTypeName(tensor->dtype), ", not ", DTypeName(spec.dtype)));
    }
    bool fits =
        tensor->shape.size() == spec.shape.size() && !tensor->shape.empty() && tensor->shape[0] == static_cast<int64_t>(batch.rows());
    for (size_t d = 1; fits && d < spec.shape.size(); ++d) fits = spec.shape[d] == -1 || spec.shape[d] == tensor->shape[d];
    if (!fits) return absl::InvalidArgumentError(Cat("input '", spec.name, "' has another shape than the signature's"));
  }
  return absl::OkStatus();
}

void FillEmpty(const Signature& signature, Outputs* outputs) {
  outputs->tensors.clear();
  for (const TensorSpec& spec : signature.outputs) {
    OwnedTensor& tensor = outputs->tensors.emplace_back();
    tensor.name = spec.name;
    tensor.dtype = spec.dtype;
    for (const int64_t size : spec.shape) tensor.shape.push_back(size < 0 ? 0 : size);
    if (!tensor.shape.empty()) tensor.shape[0] = 0;
  }
}

}  // namespace vigil
