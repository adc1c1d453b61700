// Attributes' values and tensors' numbers.
#include <bit>
#include <cmath>
#include <cstring>

#include "runtime/cat.h"
#include "runtime/onnx/onnx_file.h"
#include "runtime/onnx/wire.h"

namespace vigil::onnx {
namespace {

constexpr int64_t kElementsMax = int64_t{1} << 40;

Status In(const OnnxNode& node, std::string_view attribute, const Status& status) {
  return status.ok() ? status : Status(status.code(), Cat(node.place, ", attribute '", attribute, "': ", status.message()));
}

// Calls `visit` on each field number `field` of the attribute's message.
Status EachValue(const OnnxNode& node, std::string_view attribute, uint32_t field, absl::FunctionRef<Status(const WireReader&)> visit) {
  const OnnxAttribute* found = node.Find(attribute);
  if (found == nullptr) return absl::OkStatus();
  return In(node, attribute,
            ForEachField(found->message, [&](const WireReader& r) { return r.field() == field ? visit(r) : absl::OkStatus(); }));
}

template <typename T>
void Raw(std::string_view raw, std::vector<double>* to) {
  to->reserve(raw.size() / sizeof(T));
  for (size_t at = 0; at + sizeof(T) <= raw.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, raw.data() + at, sizeof(T));
    to->push_back(static_cast<double>(value));
  }
}

Status RawNumbers(const OnnxTensor& tensor, std::string_view raw, std::vector<double>* to) {
  switch (tensor.type) {
    case 1: Raw<float>(raw, to); return absl::OkStatus();
    case 2:
    case 9: Raw<uint8_t>(raw, to); return absl::OkStatus();
    case 3: Raw<int8_t>(raw, to); return absl::OkStatus();
    case 4: Raw<uint16_t>(raw, to); return absl::OkStatus();
    case 5: Raw<int16_t>(raw, to); return absl::OkStatus();
    case 6: Raw<int32_t>(raw, to); return absl::OkStatus();
    case 7: Raw<int64_t>(raw, to); return absl::OkStatus();
    case 11: Raw<double>(raw, to); return absl::OkStatus();
    case 12: Raw<uint32_t>(raw, to); return absl::OkStatus();
    default: return absl::UnimplementedError(Cat("element type ", tensor.type));
  }
}

}  // namespace

StatusOr<int64_t> Elements(const std::vector<int64_t>& dims) {
  int64_t n = 1;
  for (const int64_t d : dims) {
    if (d < 0) return absl::InvalidArgumentError(Cat("a dimension of ", d));
    if (d > 0 && n > kElementsMax / d) return absl::InvalidArgumentError("a shape of more than 2^40 elements");
    n *= d;
  }
  return n;
}

int ElementBits(int64_t type) {
  switch (type) {
    case 2:
    case 3:
    case 9:
    case 17:
    case 18:
    case 19:
    case 20: return 8;
    case 4:
    case 5:
    case 10:
    case 16: return 16;
    case 1:
    case 6:
    case 12: return 32;
    case 7:
    case 11:
    case 13:
    case 14: return 64;
    case 15: return 128;
    case 21:
    case 22:
    case 23: return 4;
    default: return 0;
  }
}

StatusOr<std::vector<double>> ReadNumbers(const OnnxTensor& tensor) {
  std::vector<double> numbers;
  std::vector<float> floats;
  std::vector<int64_t> integers;
  VIGIL_RETURN_IF_ERROR(ForEachField(tensor.message, [&](const WireReader& r) {
    switch (r.field()) {
      case 4: return AppendFloats(r, &floats);
      case 5:
      case 7:
      case 11: return AppendIntegers(r, &integers);
      case 9: return RawNumbers(tensor, r.bytes(), &numbers);
      case 10: return AppendDoubles(r, &numbers);
      default: return absl::OkStatus();
    }
  }));
  numbers.insert(numbers.end(), floats.begin(), floats.end());
  for (const int64_t value : integers) numbers.push_back(static_cast<double>(value));
  VIGIL_ASSIGN_OR_RETURN(const int64_t declared, Elements(tensor.dims));
  if (static_cast<int64_t>(numbers.size()) != declared) {
    return absl::InvalidArgumentError(Cat("tensor '", Shown(tensor.name), "' declares ", declared, " elements and holds ", numbers.size()));
  }
  return numbers;
}

StatusOr<std::vector<int64_t>> Integers(const OnnxNode& node, std::string_view attribute) {
  std::vector<int64_t> values;
  VIGIL_RETURN_IF_ERROR(EachValue(node, attribute, 8, [&](const WireReader& r) { return AppendIntegers(r, &values); }));
  return values;
}

StatusOr<std::vector<float>> Floats(const OnnxNode& node, std::string_view attribute) {
  std::vector<float> values;
  VIGIL_RETURN_IF_ERROR(EachValue(node, attribute, 7, [&](const WireReader& r) { return AppendFloats(r, &values); }));
  return values;
}

StatusOr<std::vector<std::string_view>> Texts(const OnnxNode& node, std::string_view attribute) {
  std::vector<std::string_view> values;
  VIGIL_RETURN_IF_ERROR(EachValue(node, attribute, 9, [&](const WireReader& r) {
    values.push_back(r.bytes());
    return absl::OkStatus();
  }));
  return values;
}

// An attribute of one value, in its own field of the message; the last one counts, as protobuf has it.
template <typename T, typename Read>
static StatusOr<T> OneValue(const OnnxNode& node, std::string_view attribute, int field, T otherwise, Read read) {
  T value = otherwise;
  VIGIL_RETURN_IF_ERROR(EachValue(node, attribute, field, [&](const WireReader& r) {
    value = read(r);
    return absl::OkStatus();
  }));
  return value;
}

StatusOr<int64_t> Integer(const OnnxNode& node, std::string_view attribute, int64_t otherwise) {
  return OneValue(node, attribute, 3, otherwise, [](const WireReader& r) { return r.integer(); });
}

StatusOr<float> Float(const OnnxNode& node, std::string_view attribute, float otherwise) {
  return OneValue(node, attribute, 2, otherwise, [](const WireReader& r) { return r.float32(); });
}

StatusOr<std::string_view> Text(const OnnxNode& node, std::string_view attribute, std::string_view otherwise) {
  return OneValue(node, attribute, 4, otherwise, [](const WireReader& r) { return r.bytes(); });
}

StatusOr<std::vector<double>> TensorNumbers(const OnnxNode& node, std::string_view attribute, bool* is_double) {
  std::vector<double> numbers;
  const auto read = [&](const WireReader& r) -> Status {
    OnnxTensor tensor;
    tensor.message = r.bytes();
    VIGIL_RETURN_IF_ERROR(ForEachField(r.bytes(), [&](const WireReader& t) {
      if (t.field() == 1) return AppendIntegers(t, &tensor.dims);
      if (t.field() == 2) tensor.type = t.integer();
      return absl::OkStatus();
    }));
    if (tensor.type == 11) *is_double = true;
    VIGIL_ASSIGN_OR_RETURN(numbers, ReadNumbers(tensor));
    return absl::OkStatus();
  };
  VIGIL_RETURN_IF_ERROR(EachValue(node, attribute, 5, read));
  return numbers;
}

}  // namespace vigil::onnx
