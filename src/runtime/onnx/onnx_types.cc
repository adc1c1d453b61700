#include "runtime/cat.h"
#include "runtime/onnx/onnx_session.h"

namespace vigil::onnx {
namespace {

struct TypeEntry {
  ONNXTensorElementDataType onnx;
  DType dtype;
};

constexpr TypeEntry kTypes[] = {
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, DType::kFloat32},  {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, DType::kUint8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, DType::kInt8},      {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, DType::kUint16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, DType::kInt16},    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, DType::kInt32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, DType::kInt64},    {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, DType::kString},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, DType::kBool},      {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, DType::kFloat16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, DType::kFloat64}, {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, DType::kUint32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, DType::kUint64},  {ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, DType::kBfloat16},
};

}  // namespace

const DType* OnnxDType(int64_t onnx_type) {
  for (const TypeEntry& entry : kTypes) {
    if (entry.onnx == onnx_type) return &entry.dtype;
  }
  return nullptr;
}

std::string OnnxTypeName(int64_t onnx_type) {
  if (const DType* dtype = OnnxDType(onnx_type); dtype != nullptr) return std::string(DTypeName(*dtype));
  switch (onnx_type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX64: return "complex64";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX128: return "complex128";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FN:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E4M3FNUZ:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2FNUZ: return "an 8-bit float";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT4:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4: return "a 4-bit integer";
    default: return Cat("element type ", onnx_type);
  }
}

ONNXTensorElementDataType OrtType(DType dtype) {
  for (const TypeEntry& entry : kTypes) {
    if (entry.dtype == dtype) return entry.onnx;
  }
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

}  // namespace vigil::onnx
