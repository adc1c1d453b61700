// inference.InferTensorContents: a field a type, of which one is filled.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/proto_wire.h"
#include "frontends/errors.h"
#include "frontends/tensors/oip_message.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Fields of InferTensorContents.
constexpr uint32_t kBool = 1, kInt = 2, kInt64 = 3, kUint = 4, kUint64 = 5, kFloat32 = 6, kFloat64 = 7, kBytes = 8;
constexpr std::string_view kFieldNames[] = {"",
                                            "bool_contents",
                                            "int_contents",
                                            "int64_contents",
                                            "uint_contents",
                                            "uint64_contents",
                                            "fp32_contents",
                                            "fp64_contents",
                                            "bytes_contents"};

uint32_t FieldOf(DType dtype) {
  switch (dtype) {
    case DType::kBool: return kBool;
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32: return kInt;
    case DType::kInt64: return kInt64;
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32: return kUint;
    case DType::kUint64: return kUint64;
    case DType::kFloat16:
    case DType::kBfloat16:
    case DType::kFloat32: return kFloat32;
    case DType::kFloat64: return kFloat64;
    case DType::kString: return kBytes;
  }
  return kBytes;
}

ProtoType WireOf(uint32_t field) {
  return field == kFloat32 ? ProtoType::kFixed32 : field == kFloat64 ? ProtoType::kFixed64 : ProtoType::kVarint;
}

Status Malformed() { return Failure(ErrorCode::kMalformed, "has contents that cannot be read"); }

// Elements one after the other: Put is (raw bits of the number or the text of a field) → whether it fits T.
template <typename T, typename Put>
class Filler {
 public:
  Filler(T* to, size_t elements, Put put) : to_(to), begin_(to), end_(to + elements), put_(put) {}

  template <typename Value>
  Status Add(Value value) {
    if (to_ == end_) return Failure(ErrorCode::kInvalid, Concat("holds more than the ", end_ - begin_, " elements of its shape"));
    if (put_(value, to_)) {
      ++to_;
      return absl::OkStatus();
    }
    return Failure(ErrorCode::kInvalid, Concat("element ", to_ - begin_, " is no whole number of ", 8 * sizeof(T), " bits"));
  }
  // Numbers packed behind each other.
  Status AddPacked(std::string_view bytes, ProtoType wire) {
    if (wire == ProtoType::kVarint) {
      uint64_t raw = 0;
      while (!bytes.empty()) {
        if (!TakeProtoVarint(&bytes, &raw)) return Malformed();
        VIGIL_RETURN_IF_ERROR(Add(raw));
      }
      return absl::OkStatus();
    }
    const size_t size = wire == ProtoType::kFixed32 ? sizeof(uint32_t) : sizeof(uint64_t);
    if (bytes.size() % size != 0) return Malformed();
    for (; !bytes.empty(); bytes.remove_prefix(size)) {
      uint64_t raw = 0;
      std::memcpy(&raw, bytes.data(), size);
      VIGIL_RETURN_IF_ERROR(Add(raw));
    }
    return absl::OkStatus();
  }
  Status Finish() const {
    if (to_ == end_) return absl::OkStatus();
    return Failure(ErrorCode::kInvalid, Concat("holds ", to_ - begin_, " elements, its shape ", end_ - begin_));
  }

 private:
  T* to_;
  T* const begin_;
  T* const end_;
  const Put put_;
};

Status WrongField(const TensorView& tensor, uint32_t field) {
  return Failure(ErrorCode::kInvalid, Concat("is ", DTypeName(tensor.dtype), ": its data belongs in ", kFieldNames[FieldOf(tensor.dtype)],
                                             ", not in ", kFieldNames[field]));
}

template <typename T, typename Put>
Status Fill(std::string_view contents, const TensorView& tensor, size_t elements, T* to, Put put) {
  const uint32_t wanted = FieldOf(tensor.dtype);
  const ProtoType wire = WireOf(wanted);
  Filler<T, Put> filler(to, elements, put);
  ProtoFields fields(contents);
  while (fields.Next()) {
    if (fields.field() < kBool || fields.field() > kBytes) continue;
    if (fields.field() != wanted) return WrongField(tensor, fields.field());
    if constexpr (std::is_same_v<T, std::string_view>) {
      if (fields.type() != ProtoType::kBytes) return Malformed();
      VIGIL_RETURN_IF_ERROR(filler.Add(fields.bytes()));
    } else if (fields.type() == ProtoType::kBytes) {
      VIGIL_RETURN_IF_ERROR(filler.AddPacked(fields.bytes(), wire));
    } else if (fields.type() == wire) {
      VIGIL_RETURN_IF_ERROR(filler.Add(fields.raw()));
    } else {
      return Malformed();
    }
  }
  if (!fields.ok()) return Malformed();
  return filler.Finish();
}

// A varint is cut to the field's width as protobuf cuts it, and must then fit the tensor's.
template <typename Field, typename T>
bool PutWhole(uint64_t raw, T* to) {
  const auto value = static_cast<Field>(raw);
  if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) return false;
  *to = static_cast<T>(value);
  return true;
}

float FloatOf(uint64_t raw) { return std::bit_cast<float>(static_cast<uint32_t>(raw)); }

}  // namespace

Status ReadOipContents(std::string_view contents, size_t elements, RequestMemory* memory, TensorView* tensor) {
  // An element takes a byte at least, so that a short message claims no memory by its shape.
  if (elements > contents.size()) {
    return Failure(ErrorCode::kInvalid, Concat("holds fewer elements than its shape, ", elements, " of them"));
  }
  if (tensor->dtype == DType::kString) {
    const absl::Span<std::string_view> texts = memory->Texts(elements);
    tensor->data = texts.data();
    return Fill(contents, *tensor, elements, texts.data(), [](std::string_view text, std::string_view* to) {
      *to = text;
      return true;
    });
  }
  std::byte* const bytes = memory->Bytes(std::max<size_t>(elements * DTypeBytes(tensor->dtype), 1));
  tensor->data = bytes;
  const auto whole = [&]<typename Field, typename T>(Field, T) {
    return Fill(contents, *tensor, elements, reinterpret_cast<T*>(bytes), [](uint64_t raw, T* to) { return PutWhole<Field>(raw, to); });
  };
  const auto real = [&]<typename T>(T, auto convert) {
    return Fill(contents, *tensor, elements, reinterpret_cast<T*>(bytes), [convert](uint64_t raw, T* to) {
      *to = convert(raw);
      return true;
    });
  };
  switch (tensor->dtype) {
    case DType::kBool: return real(bool{}, [](uint64_t raw) { return raw != 0; });
    case DType::kInt8: return whole(int32_t{}, int8_t{});
    case DType::kInt16: return whole(int32_t{}, int16_t{});
    case DType::kInt32: return whole(int32_t{}, int32_t{});
    case DType::kInt64: return whole(int64_t{}, int64_t{});
    case DType::kUint8: return whole(uint32_t{}, uint8_t{});
    case DType::kUint16: return whole(uint32_t{}, uint16_t{});
    case DType::kUint32: return whole(uint32_t{}, uint32_t{});
    case DType::kUint64: return whole(uint64_t{}, uint64_t{});
    case DType::kFloat16: return real(uint16_t{}, [](uint64_t raw) { return HalfFromFloat(FloatOf(raw)); });
    case DType::kBfloat16: return real(uint16_t{}, [](uint64_t raw) { return BfloatFromFloat(FloatOf(raw)); });
    case DType::kFloat32: return real(float{}, FloatOf);
    default: return real(double{}, [](uint64_t raw) { return std::bit_cast<double>(raw); });
  }
}

}  // namespace vigil
