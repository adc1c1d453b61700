// TensorFlow's data types and ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/batch.h"
#include "runtime/tensorflow/protocol.h"

namespace vigil::tensorflow {

inline std::optional<DType> FromTfType(uint32_t type) {
  switch (static_cast<TfType>(type)) {
    case TfType::kFloat: return DType::kFloat32;
    case TfType::kDouble: return DType::kFloat64;
    case TfType::kInt32: return DType::kInt32;
    case TfType::kUint8: return DType::kUint8;
    case TfType::kInt16: return DType::kInt16;
    case TfType::kInt8: return DType::kInt8;
    case TfType::kString: return DType::kString;
    case TfType::kInt64: return DType::kInt64;
    case TfType::kBool: return DType::kBool;
    case TfType::kBfloat16: return DType::kBfloat16;
    case TfType::kUint16: return DType::kUint16;
    case TfType::kHalf: return DType::kFloat16;
    case TfType::kUint32: return DType::kUint32;
    case TfType::kUint64: return DType::kUint64;
  }
  return std::nullopt;
}

inline TfType ToTfType(DType dtype) {
  switch (dtype) {
    case DType::kBool: return TfType::kBool;
    case DType::kUint8: return TfType::kUint8;
    case DType::kUint16: return TfType::kUint16;
    case DType::kUint32: return TfType::kUint32;
    case DType::kUint64: return TfType::kUint64;
    case DType::kInt8: return TfType::kInt8;
    case DType::kInt16: return TfType::kInt16;
    case DType::kInt32: return TfType::kInt32;
    case DType::kInt64: return TfType::kInt64;
    case DType::kFloat16: return TfType::kHalf;
    case DType::kBfloat16: return TfType::kBfloat16;
    case DType::kFloat32: return TfType::kFloat;
    case DType::kFloat64: return TfType::kDouble;
    case DType::kString: return TfType::kString;
  }
  return TfType::kFloat;
}

// Foreign text for an error message: printable, and not a page of it.
inline std::string Shown(std::string_view text) {
  std::string shown(text.substr(0, 80));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
  return shown;
}

}  // namespace vigil::tensorflow
