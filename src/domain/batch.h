// A batch of rows as named tensors: what every dialect is translated to, and what every runtime scores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"

namespace vigil {

// The Open Inference Protocol's element types.
enum class DType : uint8_t {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat16,
  kBfloat16,
  kFloat32,
  kFloat64,
  kString,
};

// "FP32", "BYTES", ...: the Open Inference Protocol's names.
std::string_view DTypeName(DType dtype);
// Bytes an element; 0 for kString, whose elements are std::string_view.
size_t DTypeBytes(DType dtype);

// IEEE 754 binary16 and its 8-bit-exponent sibling, rounded to nearest even.
uint16_t HalfFromFloat(float value);
float FloatFromHalf(uint16_t bits);
uint16_t BfloatFromFloat(float value);
float FloatFromBfloat(uint16_t bits);

// Rows first: shape[0] is the number of rows. Does not own its data.
struct TensorView {
  std::string_view name;
  DType dtype = DType::kFloat32;
  absl::InlinedVector<int64_t, 4> shape;
  // Contiguous, row-major, aligned for the type. For kString an array of std::string_view.
  const void* data = nullptr;

  int64_t elements() const {
    int64_t n = 1;
    for (int64_t d : shape) n *= d;
    return n;
  }
  absl::Span<const float> floats() const { return {static_cast<const float*>(data), static_cast<size_t>(elements())}; }
};

// A view of tensors that live elsewhere, for the length of one scoring call. A matrix of floats is one tensor of shape [rows, width]
// and is never copied: `float_matrix()` hands it on as it came.
class Batch {
 public:
  Batch() = default;
  explicit Batch(size_t rows) : rows_(rows) {}
  // One [rows, width] FP32 tensor named `name`.
  static Batch FloatMatrix(const float* data, size_t rows, size_t width, std::string_view name = "input");

  void Add(TensorView tensor) { tensors_.push_back(std::move(tensor)); }
  size_t rows() const { return rows_; }
  const absl::InlinedVector<TensorView, 2>& tensors() const { return tensors_; }
  // Null when there is none of that name.
  const TensorView* Find(std::string_view name) const;

  // The data of the only tensor if that is FP32 of rank 2, else null.
  const float* float_matrix() const;
  // Columns of that matrix.
  size_t width() const { return tensors_.empty() || tensors_[0].shape.size() < 2 ? 0 : static_cast<size_t>(tensors_[0].shape[1]); }

 private:
  size_t rows_ = 0;
  absl::InlinedVector<TensorView, 2> tensors_;
};

// Tensors that own their data; reused from call to call so that a warm one allocates nothing.
struct OwnedTensor {
  std::string name;
  DType dtype = DType::kFloat32;
  absl::InlinedVector<int64_t, 4> shape;
  std::vector<float> floats;         // kFloat32
  std::vector<std::byte> bytes;      // every other fixed-size type, row-major
  std::vector<std::string> strings;  // kString

  // Makes this a FP32 tensor of `shape` with room for its elements.
  absl::Span<float> ResetFloats(std::string_view tensor_name, std::initializer_list<int64_t> tensor_shape);
  // Makes this a tensor of any type with room for its elements, which keep no value.
  void Reset(std::string_view tensor_name, DType type, absl::Span<const int64_t> tensor_shape);
  // Room for elements of a fixed-size type T in `bytes`, after Reset.
  template <typename T>
  absl::Span<T> As() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <typename T>
  absl::Span<const T> As() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  // Elements that are there, whatever the shape says.
  size_t size() const;
  // Element `i` as a number (whole numbers beyond 2^53 are rounded); NaN for a string.
  double number(size_t i) const;
  // Element `i` of a tensor of whole numbers or truth values (UINT64 beyond INT64_MAX wraps); 0 for the other types.
  int64_t whole(size_t i) const;
};

// What a runtime answers: a tensor an output, in the signature's order.
struct Outputs {
  std::vector<OwnedTensor> tensors;
  const OwnedTensor* Find(std::string_view name) const;
};

}  // namespace vigil
