#include "runtime/onnx/ort_tensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>

#include "runtime/cat.h"

namespace vigil::onnx {
namespace {

int64_t Product(absl::Span<const int64_t> shape) {
  int64_t n = 1;
  for (const int64_t d : shape) n *= d;
  return n;
}

struct Described {
  DType dtype = DType::kFloat32;
  absl::InlinedVector<int64_t, 4> shape;
};

StatusOr<Described> Describe(const OrtLibrary& ort, OrtValue* value) {
  const OrtApi& api = *ort.api;
  OrtTensorTypeAndShapeInfo* info = nullptr;
  VIGIL_RETURN_IF_ERROR(ort.Take(api.GetTensorTypeAndShape(value, &info)));
  const OrtShapeInfoPtr owner(info, {&api});
  ONNXTensorElementDataType onnx = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  VIGIL_RETURN_IF_ERROR(ort.Take(api.GetTensorElementType(info, &onnx)));
  const DType* dtype = OnnxDType(onnx);
  if (dtype == nullptr) return absl::UnimplementedError(Cat("an output is of ", OnnxTypeName(onnx), ", which is not served"));
  Described described{*dtype, {}};
  size_t rank = 0;
  VIGIL_RETURN_IF_ERROR(ort.Take(api.GetDimensionsCount(info, &rank)));
  described.shape.resize(rank);
  VIGIL_RETURN_IF_ERROR(ort.Take(api.GetDimensions(info, described.shape.data(), rank)));
  return described;
}

Status ReadStrings(const OrtLibrary& ort, OrtValue* value, size_t count, size_t take, std::vector<std::string>* to) {
  size_t bytes = 0;
  VIGIL_RETURN_IF_ERROR(ort.Take(ort.api->GetStringTensorDataLength(value, &bytes)));
  std::string text(bytes, '\0');
  std::vector<size_t> offsets(count + 1, bytes);
  if (count > 0) VIGIL_RETURN_IF_ERROR(ort.Take(ort.api->GetStringTensorContent(value, text.data(), bytes, offsets.data(), count)));
  for (size_t i = 0; i < take; ++i) to->push_back(text.substr(offsets[i], offsets[i + 1] - offsets[i]));
  return absl::OkStatus();
}

StatusOr<OrtValuePtr> Element(const OrtLibrary& ort, OrtValue* of, int index, OrtAllocator* allocator) {
  OrtValue* element = nullptr;
  VIGIL_RETURN_IF_ERROR(ort.Take(ort.api->GetValue(of, index, allocator, &element)));
  return OrtValuePtr(element, {ort.api});
}

template <typename From, typename To>
void ConvertAs(const TensorView& from, std::vector<std::byte>* to) {
  const auto n = static_cast<size_t>(from.elements());
  to->resize(n * sizeof(To));
  const From* source = static_cast<const From*>(from.data);
  To* target = reinterpret_cast<To*>(to->data());
  for (size_t i = 0; i < n; ++i) target[i] = static_cast<To>(source[i]);
}

template <typename To>
bool ConvertTo(const TensorView& from, std::vector<std::byte>* to) {
  switch (from.dtype) {
    case DType::kFloat32: ConvertAs<float, To>(from, to); return true;
    case DType::kFloat64: ConvertAs<double, To>(from, to); return true;
    case DType::kInt8: ConvertAs<int8_t, To>(from, to); return true;
    case DType::kInt16: ConvertAs<int16_t, To>(from, to); return true;
    case DType::kInt32: ConvertAs<int32_t, To>(from, to); return true;
    case DType::kInt64: ConvertAs<int64_t, To>(from, to); return true;
    case DType::kUint8: ConvertAs<uint8_t, To>(from, to); return true;
    case DType::kUint16: ConvertAs<uint16_t, To>(from, to); return true;
    case DType::kUint32: ConvertAs<uint32_t, To>(from, to); return true;
    case DType::kUint64: ConvertAs<uint64_t, To>(from, to); return true;
    case DType::kBool:
    case DType::kFloat16:
    case DType::kBfloat16:
    case DType::kString: return false;
  }
  return false;
}

}  // namespace

StatusOr<OrtValuePtr> MakeValue(const OnnxSession& session, DType dtype, absl::Span<const int64_t> shape, const void* data) {
  const OrtLibrary& ort = session.ort();
  const OrtApi& api = *ort.api;
  const int64_t n = Product(shape);
  OrtValue* made = nullptr;
  if (dtype != DType::kString) {
    // ONNX Runtime reads inputs only, though its signature says otherwise.
    VIGIL_RETURN_IF_ERROR(ort.Take(api.CreateTensorWithDataAsOrtValue(session.cpu_memory(), const_cast<void*>(data),
                                                                      static_cast<size_t>(n) * DTypeBytes(dtype), shape.data(),
                                                                      shape.size(), OrtType(dtype), &made)));
    return OrtValuePtr(made, {&api});
  }
  OrtAllocator* allocator = nullptr;
  VIGIL_RETURN_IF_ERROR(ort.Take(api.GetAllocatorWithDefaultOptions(&allocator)));
  VIGIL_RETURN_IF_ERROR(
      ort.Take(api.CreateTensorAsOrtValue(allocator, shape.data(), shape.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, &made)));
  OrtValuePtr value(made, {&api});
  const auto* texts = static_cast<const std::string_view*>(data);
  for (int64_t i = 0; i < n; ++i) {
    if (texts[i].empty()) continue;
    char* buffer = nullptr;
    VIGIL_RETURN_IF_ERROR(ort.Take(api.GetResizedStringTensorElementBuffer(made, static_cast<size_t>(i), texts[i].size(), &buffer)));
    std::memcpy(buffer, texts[i].data(), texts[i].size());
  }
  return value;
}

Status AppendTensor(const OrtLibrary& ort, OrtValue* from, int64_t rows_max, bool first, OwnedTensor* to) {
  VIGIL_ASSIGN_OR_RETURN(Described got, Describe(ort, from));
  const int64_t all = Product(got.shape);
  int64_t take = all;
  if (!got.shape.empty() && got.shape[0] > rows_max) {
    take = all / got.shape[0] * rows_max;
    got.shape[0] = rows_max;
  }
  if (first) {
    to->dtype = got.dtype;
    to->shape = got.shape;
    to->floats.clear();
    to->bytes.clear();
    to->strings.clear();
  } else {
    const bool alike = got.dtype == to->dtype && !got.shape.empty() && got.shape.size() == to->shape.size() &&
                       std::equal(got.shape.begin() + 1, got.shape.end(), to->shape.begin() + 1);
    if (!alike) return absl::InternalError(Cat("output '", to->name, "' changed its shape between parts of a batch"));
    to->shape[0] += got.shape[0];
  }
  if (got.dtype == DType::kString) {
    return ReadStrings(ort, from, static_cast<size_t>(all), static_cast<size_t>(take), &to->strings);
  }
  void* data = nullptr;
  VIGIL_RETURN_IF_ERROR(ort.Take(ort.api->GetTensorMutableData(from, &data)));
  if (got.dtype == DType::kFloat32) {
    const auto* floats = static_cast<const float*>(data);
    to->floats.insert(to->floats.end(), floats, floats + take);
  } else {
    const auto* bytes = static_cast<const std::byte*>(data);
    to->bytes.insert(to->bytes.end(), bytes, bytes + static_cast<size_t>(take) * DTypeBytes(got.dtype));
  }
  return absl::OkStatus();
}

Status AppendMaps(const OrtLibrary& ort, OrtValue* from, int64_t rows_max, bool first, const std::vector<std::string>& keys,
                  OwnedTensor* to) {
  const OrtApi& api = *ort.api;
  OrtAllocator* allocator = nullptr;
  VIGIL_RETURN_IF_ERROR(ort.Take(api.GetAllocatorWithDefaultOptions(&allocator)));
  size_t maps = 0;
  VIGIL_RETURN_IF_ERROR(ort.Take(api.GetValueCount(from, &maps)));
  const auto rows = std::min(static_cast<int64_t>(maps), rows_max);
  for (size_t k = 0; k < keys.size(); ++k) {
    to[k].dtype = DType::kFloat32;
    if (first) to[k].floats.clear();
    to[k].floats.resize(to[k].floats.size() + static_cast<size_t>(rows), std::numeric_limits<float>::quiet_NaN());
    to[k].shape = {static_cast<int64_t>(to[k].floats.size())};
  }
  std::vector<std::string> names;
  for (int64_t r = 0; r < rows; ++r) {
    VIGIL_ASSIGN_OR_RETURN(const OrtValuePtr map, Element(ort, from, static_cast<int>(r), allocator));
    VIGIL_ASSIGN_OR_RETURN(const OrtValuePtr map_keys, Element(ort, map.get(), 0, allocator));
    VIGIL_ASSIGN_OR_RETURN(const OrtValuePtr map_values, Element(ort, map.get(), 1, allocator));
    VIGIL_ASSIGN_OR_RETURN(const Described key_type, Describe(ort, map_keys.get()));
    const auto count = static_cast<size_t>(Product(key_type.shape));
    names.clear();
    if (key_type.dtype == DType::kString) {
      VIGIL_RETURN_IF_ERROR(ReadStrings(ort, map_keys.get(), count, count, &names));
    } else {
      void* numbers = nullptr;
      VIGIL_RETURN_IF_ERROR(ort.Take(api.GetTensorMutableData(map_keys.get(), &numbers)));
      for (size_t i = 0; i < count; ++i) names.push_back(Cat(static_cast<const int64_t*>(numbers)[i]));
    }
    void* values = nullptr;
    VIGIL_RETURN_IF_ERROR(ort.Take(api.GetTensorMutableData(map_values.get(), &values)));
    for (size_t i = 0; i < count; ++i) {
      const auto k = std::find(keys.begin(), keys.end(), names[i]);
      if (k == keys.end()) return absl::InternalError(Cat("a map with the key '", names[i], "', which the model does not declare"));
      std::vector<float>& column = to[k - keys.begin()].floats;
      column[column.size() - static_cast<size_t>(rows - r)] = static_cast<const float*>(values)[i];
    }
  }
  return absl::OkStatus();
}

Status RefuseTreeAnswers(const ScoreCall& call) {
  const char* asked = call.margin ? "margin" : call.contributions ? "contributions" : call.leaves ? "leaves" : nullptr;
  if (asked == nullptr) return absl::OkStatus();
  return absl::UnimplementedError(
      Cat("an ONNX model has no ", asked, ", only its graph's outputs: ask the file of the library that made it"));
}

bool ConvertNumbers(const TensorView& from, DType to, std::vector<std::byte>* converted) {
  if (to == DType::kFloat32) return ConvertTo<float>(from, converted);
  if (to == DType::kFloat64) return ConvertTo<double>(from, converted);
  return false;
}

}  // namespace vigil::onnx
