#include "domain/batch.h"

namespace vigil {

std::string_view DTypeName(DType dtype) {
  static constexpr std::string_view kNames[] = {"BOOL",  "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16",
                                                "INT32", "INT64", "FP16",   "BF16",   "FP32",   "FP64", "BYTES"};
  return kNames[static_cast<size_t>(dtype)];
}

size_t DTypeBytes(DType dtype) {
  static constexpr uint8_t kBytes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 0};
  return kBytes[static_cast<size_t>(dtype)];
}

Batch Batch::FloatMatrix(const float* data, size_t rows, size_t width, std::string_view name) {
  Batch batch(rows);
  batch.Add({name, DType::kFloat32, {static_cast<int64_t>(rows), static_cast<int64_t>(width)}, data});
  return batch;
}

const TensorView* Batch::Find(std::string_view name) const {
  for (const TensorView& tensor : tensors_) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

const float* Batch::float_matrix() const {
  if (tensors_.size() != 1 || tensors_[0].dtype != DType::kFloat32 || tensors_[0].shape.size() != 2) return nullptr;
  return static_cast<const float*>(tensors_[0].data);
}

absl::Span<float> OwnedTensor::ResetFloats(std::string_view tensor_name, std::initializer_list<int64_t> tensor_shape) {
  name.assign(tensor_name);
  dtype = DType::kFloat32;
  shape.assign(tensor_shape.begin(), tensor_shape.end());
  int64_t elements = 1;
  for (int64_t d : tensor_shape) elements *= d;
  floats.resize(static_cast<size_t>(elements));
  return absl::MakeSpan(floats);
}

const OwnedTensor* Outputs::Find(std::string_view name) const {
  for (const OwnedTensor& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

}  // namespace vigil
