#include "frontends/tensors/tensor_proto.h"

#include <cstring>
#include <optional>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/tensors/row_tensors.h"
#include "frontends/tensors/tensor_rows.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Fields of TensorProto.
constexpr uint32_t kDtype = 1, kShape = 2, kContent = 4;
constexpr uint32_t kFloats = 5, kDoubles = 6, kInts = 7, kStrings = 8, kInt64s = 10, kBools = 11, kHalves = 13, kUint32s = 16,
                   kUint64s = 17;
// Of TensorShapeProto and its Dim.
constexpr uint32_t kDim = 2, kUnknownRank = 3, kDimSize = 1;

struct TypeRow {
  DType dtype;
  uint32_t number;  // tensorflow.DataType
  uint32_t field;   // of its list
  std::string_view list;
};
constexpr TypeRow kTypes[] = {
    {DType::kFloat32, 1, kFloats, "float_val"},   {DType::kFloat64, 2, kDoubles, "double_val"}, {DType::kInt32, 3, kInts, "int_val"},
    {DType::kUint8, 4, kInts, "int_val"},         {DType::kInt16, 5, kInts, "int_val"},         {DType::kInt8, 6, kInts, "int_val"},
    {DType::kString, 7, kStrings, "string_val"},  {DType::kInt64, 9, kInt64s, "int64_val"},     {DType::kBool, 10, kBools, "bool_val"},
    {DType::kBfloat16, 14, kHalves, "half_val"},  {DType::kUint16, 17, kInts, "int_val"},       {DType::kFloat16, 19, kHalves, "half_val"},
    {DType::kUint32, 22, kUint32s, "uint32_val"}, {DType::kUint64, 23, kUint64s, "uint64_val"},
};

const TypeRow* RowOf(DType dtype) {
  for (const TypeRow& row : kTypes) {
    if (row.dtype == dtype) return &row;
  }
  return nullptr;
}

Status Bad(std::string_view what) { return Failure(ErrorCode::kInvalid, what); }
Status NoTensor() { return Bad("the bytes are no TensorProto"); }

Status ReadShape(std::string_view bytes, TensorView* tensor) {
  ProtoFields fields(bytes);
  while (fields.Next()) {
    if (fields.is(kUnknownRank, ProtoType::kVarint) && fields.boolean()) return Bad("a tensor's rank must be known");
    if (!fields.is(kDim, ProtoType::kBytes)) continue;
    int64_t size = 0;
    ProtoFields dim(fields.bytes());
    while (dim.Next()) {
      if (dim.is(kDimSize, ProtoType::kVarint)) size = dim.integer();
    }
    if (!dim.ok()) return NoTensor();
    if (size < 0) return Bad(Concat("a dimension of ", size, " is none"));
    if (tensor->shape.size() >= kTensorRankMax) return Bad(Concat("more than ", kTensorRankMax, " dimensions"));
    tensor->shape.push_back(size);
  }
  return fields.ok() ? absl::OkStatus() : NoTensor();
}

// Elements of one type, written one after the other.
class Sink {
 public:
  Sink(std::byte* to, size_t element_bytes, size_t elements) : to_(to), bytes_(element_bytes), elements_(elements) {}
  void Put(const void* element) {
    if (at_ >= elements_) return;
    std::memcpy(to_ + at_ * bytes_, element, bytes_);
    ++at_;
  }
  void PutMany(std::string_view raw) {
    const size_t count = std::min(raw.size() / bytes_, elements_ - at_);
    if (count > 0) std::memcpy(to_ + at_ * bytes_, raw.data(), count * bytes_);
    at_ += count;
  }
  size_t written() const { return at_; }
  // The last element stands for the rest.
  void Fill() {
    if (at_ == 0) {
      if (elements_ > 0) std::memset(to_, 0, elements_ * bytes_);
      return;
    }
    for (size_t i = at_; i < elements_; ++i) std::memcpy(to_ + i * bytes_, to_ + (at_ - 1) * bytes_, bytes_);
  }

 private:
  std::byte* const to_;
  const size_t bytes_, elements_;
  size_t at_ = 0;
};

// A varint's value as an element; little-endian machines only, as everywhere here: the low bytes are the element.
void PutVarint(DType dtype, uint64_t value, Sink* sink) {
  if (dtype == DType::kBool) value = value != 0 ? 1 : 0;
  sink->Put(&value);
}

Status ReadList(std::string_view message, const TypeRow& type, Sink* sink) {
  const bool fixed = type.dtype == DType::kFloat32 || type.dtype == DType::kFloat64;
  ProtoFields fields(message);
  while (fields.Next()) {
    if (fields.field() != type.field) continue;
    if (type.dtype == DType::kString) {
      if (fields.type() != ProtoType::kBytes) return NoTensor();
      const std::string_view text = fields.bytes().data() == nullptr ? std::string_view("") : fields.bytes();
      sink->Put(&text);
    } else if (fields.type() == ProtoType::kBytes && fixed) {
      if (fields.bytes().size() % DTypeBytes(type.dtype) != 0) return NoTensor();
      sink->PutMany(fields.bytes());
    } else if (fields.type() == ProtoType::kBytes) {
      std::string_view left = fields.bytes();
      for (uint64_t value = 0; !left.empty();) {
        if (!TakeProtoVarint(&left, &value)) return NoTensor();
        PutVarint(type.dtype, value, sink);
      }
    } else if (fixed) {
      const uint64_t raw = fields.raw();
      sink->Put(&raw);
    } else {
      PutVarint(type.dtype, fields.raw(), sink);
    }
  }
  return absl::OkStatus();
}

// Elements that the list says, as far as it can be told without reading them: at least, for varints.
struct ListSize {
  size_t elements = 0;
  std::string_view only;  // the list's bytes, when it is one packed field
};
ListSize SizeOf(std::string_view message, const TypeRow& type) {
  ListSize size;
  size_t fields_seen = 0;
  for (ProtoFields fields(message); fields.Next();) {
    if (fields.field() != type.field) continue;
    const bool packed = type.dtype != DType::kString && fields.type() == ProtoType::kBytes;
    const bool fixed = type.dtype == DType::kFloat32 || type.dtype == DType::kFloat64;
    size.elements += !packed ? 1 : fixed ? fields.bytes().size() / DTypeBytes(type.dtype) : fields.bytes().size();
    size.only = ++fields_seen == 1 && packed ? fields.bytes() : std::string_view();
  }
  return size;
}

void LeaveInPlace(std::string_view bytes, RequestMemory* memory, TensorView* tensor) {
  const size_t alignment = DTypeBytes(tensor->dtype);
  tensor->data = bytes.data();
  if (bytes.empty() || reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0) return;
  std::byte* const aligned = memory->Bytes(bytes.size());
  std::memcpy(aligned, bytes.data(), bytes.size());
  tensor->data = aligned;
}

// Texts in tensor_content: their lengths as varints, then all their bytes.
Status ReadTexts(std::string_view content, size_t elements, RequestMemory* memory, TensorView* tensor) {
  if (elements > content.size()) return Bad(Concat("tensor_content holds fewer texts than the shape, ", elements));
  const absl::Span<std::string_view> texts = memory->Texts(elements);
  std::string_view left = content;
  uint64_t total = 0;
  for (std::string_view& text : texts) {
    uint64_t size = 0;
    if (!TakeProtoVarint(&left, &size) || size > content.size()) return Bad("tensor_content is no list of texts");
    text = {content.data(), size};  // its place is known once all lengths are
    total += size;
  }
  if (total != left.size()) return Bad(Concat("tensor_content holds ", left.size(), " bytes of texts, their lengths say ", total));
  for (std::string_view& text : texts) {
    text = left.substr(0, text.size());
    left.remove_prefix(text.size());
  }
  tensor->data = texts.data();
  return absl::OkStatus();
}

}  // namespace

uint32_t TensorProtoType(DType dtype) {
  const TypeRow* const row = RowOf(dtype);
  return row == nullptr ? 0 : row->number;
}

Status ReadTensorProto(std::string_view bytes, size_t* repeated, RequestMemory* memory, TensorView* tensor) {
  uint64_t dtype = 0;
  std::string_view content;
  tensor->shape.clear();
  ProtoFields fields(bytes);
  while (fields.Next()) {
    if (fields.is(kDtype, ProtoType::kVarint)) dtype = fields.raw();
    if (fields.is(kContent, ProtoType::kBytes)) content = fields.bytes();
    if (fields.is(kShape, ProtoType::kBytes)) VIGIL_RETURN_IF_ERROR(ReadShape(fields.bytes(), tensor));
  }
  if (!fields.ok()) return NoTensor();
  const TypeRow* type = nullptr;
  for (const TypeRow& row : kTypes) {
    if (row.number == dtype) type = &row;
  }
  if (type == nullptr) return Bad(dtype == 0 ? std::string("the tensor has no dtype") : Concat("dtype ", dtype, " is not served"));
  tensor->dtype = type->dtype;
  constexpr size_t kTooMany = kCellsMax + 1;
  size_t elements = 1;
  for (const int64_t d : tensor->shape) {
    const auto size = static_cast<size_t>(d);
    elements = size == 0 ? 0 : elements > kTooMany / size ? kTooMany : elements * size;
  }
  if (elements > kCellsMax) return Failure(ErrorCode::kTooLarge, Concat("the shape has more than ", kCellsMax, " elements"));
  if (!content.empty() && elements > 0) {
    if (type->dtype == DType::kString) return ReadTexts(content, elements, memory, tensor);
    const size_t wanted = elements * DTypeBytes(type->dtype);
    if (content.size() != wanted) return Bad(Concat("tensor_content holds ", content.size(), " bytes, the shape ", wanted));
    LeaveInPlace(content, memory, tensor);
    return absl::OkStatus();
  }
  const ListSize list = SizeOf(bytes, *type);
  if ((type->dtype == DType::kFloat32 || type->dtype == DType::kFloat64) && !list.only.empty() &&
      list.only.size() == elements * DTypeBytes(type->dtype)) {
    LeaveInPlace(list.only, memory, tensor);
    return absl::OkStatus();
  }
  *repeated += elements - std::min(elements, list.elements);
  if (*repeated > kRepeatedElementsMax) {
    return Failure(ErrorCode::kTooLarge, Concat(type->list, " is shorter than the shape by more than ", kRepeatedElementsMax, " elements"));
  }
  const size_t element_bytes = ElementBytes(type->dtype);
  std::byte* const to = type->dtype == DType::kString ? reinterpret_cast<std::byte*>(memory->Texts(elements).data())
                                                      : memory->Bytes(std::max<size_t>(elements * element_bytes, 1));
  Sink sink(to, element_bytes, elements);
  VIGIL_RETURN_IF_ERROR(ReadList(bytes, *type, &sink));
  const std::string_view empty = "";
  if (type->dtype == DType::kString && sink.written() == 0) sink.Put(&empty);  // a text without bytes, not a missing one
  sink.Fill();
  tensor->data = to;
  return absl::OkStatus();
}

namespace {

void WriteVarints(const OwnedTensor& tensor, uint32_t field, ProtoWriter* message) {
  message->Message(field, [&](ProtoWriter& packed) {
    for (size_t i = 0, n = tensor.size(); i < n; ++i) packed.Element(static_cast<uint64_t>(tensor.whole(i)));
  });
}

void WriteHalves(const OwnedTensor& tensor, ProtoWriter* message) {
  message->Message(kHalves, [&](ProtoWriter& packed) {
    for (const uint16_t bits : tensor.As<uint16_t>()) packed.Element(bits);
  });
}

}  // namespace

void WriteTensorProto(const AnswerTensor& tensor, ProtoWriter* message) {
  const TypeRow& type = *RowOf(tensor.dtype);
  message->Varint(kDtype, type.number);
  message->Message(kShape, [&](ProtoWriter& shape) { WriteTensorShape(tensor.shape, &shape); });
  if (tensor.owned == nullptr) return message->PackedRaw(kFloats, tensor.floats, tensor.elements() * sizeof(float));
  const OwnedTensor& owned = *tensor.owned;
  switch (tensor.dtype) {
    case DType::kFloat32: return message->PackedRaw(kFloats, owned.floats.data(), owned.floats.size() * sizeof(float));
    case DType::kFloat64: return message->PackedRaw(kDoubles, owned.bytes.data(), owned.bytes.size());
    case DType::kFloat16:
    case DType::kBfloat16: return WriteHalves(owned, message);
    case DType::kString:
      for (const std::string& text : owned.strings) message->Bytes(kStrings, text);
      return;
    default: return WriteVarints(owned, type.field, message);
  }
}

}  // namespace vigil
