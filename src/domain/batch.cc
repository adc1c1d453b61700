#include "domain/batch.h"

#include <bit>
#include <cmath>
#include <limits>

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

uint16_t HalfFromFloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  if (std::isnan(value)) return sign | 0x7E00;
  const float magnitude = std::abs(value);
  if (magnitude >= 65520.0f) return sign | 0x7C00;  // rounds to infinity
  if (magnitude < 6.103515625e-05f) {               // subnormal: multiples of 2^-24
    return sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 24)));
  }
  // Rounds the 13 bits that go to nearest even; a carry runs into the exponent, as it should.
  const uint32_t rest = (bits & 0x7FFFFFFF) - (112u << 23);
  return sign | static_cast<uint16_t>((rest + 0xFFF + (rest >> 13 & 1)) >> 13);
}

float FloatFromHalf(uint16_t bits) {
  const float sign = (bits & 0x8000) != 0 ? -1.0f : 1.0f;
  const int exponent = bits >> 10 & 31;
  const auto mantissa = static_cast<float>(bits & 0x3FF);
  if (exponent == 31) return mantissa == 0 ? sign * std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(mantissa + 1024, exponent - 25);
}

uint16_t BfloatFromFloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

float FloatFromBfloat(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

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

void OwnedTensor::Reset(std::string_view tensor_name, DType type, absl::Span<const int64_t> tensor_shape) {
  name.assign(tensor_name);
  dtype = type;
  shape.assign(tensor_shape.begin(), tensor_shape.end());
  size_t elements = 1;
  for (int64_t d : tensor_shape) elements *= static_cast<size_t>(d);
  if (type == DType::kFloat32) {
    floats.resize(elements);
  } else if (type == DType::kString) {
    strings.resize(elements);
  } else {
    bytes.resize(elements * DTypeBytes(type));
  }
}

size_t OwnedTensor::size() const {
  if (dtype == DType::kFloat32) return floats.size();
  return dtype == DType::kString ? strings.size() : bytes.size() / DTypeBytes(dtype);
}

double OwnedTensor::number(size_t i) const {
  switch (dtype) {
    case DType::kFloat32: return static_cast<double>(floats[i]);
    case DType::kFloat64: return As<double>()[i];
    case DType::kFloat16: return static_cast<double>(FloatFromHalf(As<uint16_t>()[i]));
    case DType::kBfloat16: return static_cast<double>(FloatFromBfloat(As<uint16_t>()[i]));
    case DType::kUint64: return static_cast<double>(As<uint64_t>()[i]);
    case DType::kString: return std::numeric_limits<double>::quiet_NaN();
    default: return static_cast<double>(whole(i));
  }
}

int64_t OwnedTensor::whole(size_t i) const {
  switch (dtype) {
    case DType::kBool: return As<uint8_t>()[i] != 0 ? 1 : 0;
    case DType::kUint8: return As<uint8_t>()[i];
    case DType::kUint16: return As<uint16_t>()[i];
    case DType::kUint32: return As<uint32_t>()[i];
    case DType::kUint64: return static_cast<int64_t>(As<uint64_t>()[i]);
    case DType::kInt8: return As<int8_t>()[i];
    case DType::kInt16: return As<int16_t>()[i];
    case DType::kInt32: return As<int32_t>()[i];
    case DType::kInt64: return As<int64_t>()[i];
    default: return 0;
  }
}

const OwnedTensor* Outputs::Find(std::string_view name) const {
  for (const OwnedTensor& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

}  // namespace vigil
