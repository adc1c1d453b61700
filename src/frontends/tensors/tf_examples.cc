// Rows of tf.Example → named tensors.
#include <cstring>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/tensors/tfs_messages.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Fields of a request and of Input; of ExampleList, which ExampleListWithContext has too.
constexpr uint32_t kInput = 2, kExampleList = 1, kWithContext = 2, kExamples = 1, kContext = 2;
// Of Example, Features, an entry of its map, Feature, and of each list.
constexpr uint32_t kFeatures = 1, kFeature = 1, kKey = 1, kKind = 2, kValues = 1;
enum Kind : uint32_t { kNone = 0, kBytesList = 1, kFloatList = 2, kInt64List = 3 };

Status Bad(std::string_view what) { return Failure(ErrorCode::kInvalid, what); }
Status NoExample() { return Failure(ErrorCode::kMalformed, "the bytes are no tf.Example"); }

// A Feature: the list that it holds.
struct List {
  Kind kind = kNone;
  std::string_view bytes;
};
Status ReadFeature(std::string_view feature, List* list) {
  ProtoFields fields(feature);
  while (fields.Next()) {
    if (fields.type() != ProtoType::kBytes || fields.field() < kBytesList || fields.field() > kInt64List) continue;
    *list = {static_cast<Kind>(fields.field()), fields.bytes()};
  }
  return fields.ok() ? absl::OkStatus() : NoExample();
}

// Calls one of the two for each value, in order.
template <typename OnText, typename OnNumber>
Status ForEach(const List& list, OnText on_text, OnNumber on_number) {
  ProtoFields fields(list.bytes);
  while (fields.Next()) {
    if (fields.field() != kValues) continue;
    const bool is_bytes = fields.type() == ProtoType::kBytes;
    if (list.kind == kBytesList) {
      if (!is_bytes) return NoExample();
      VIGIL_RETURN_IF_ERROR(on_text(fields.bytes()));
    } else if (list.kind == kFloatList) {
      std::string_view left = fields.bytes();
      float value = fields.float32();
      if (!is_bytes) VIGIL_RETURN_IF_ERROR(on_number(static_cast<double>(value), int64_t{0}));
      if (left.size() % sizeof(value) != 0) return NoExample();
      for (; !left.empty(); left.remove_prefix(sizeof(value))) {
        std::memcpy(&value, left.data(), sizeof(value));
        VIGIL_RETURN_IF_ERROR(on_number(static_cast<double>(value), int64_t{0}));
      }
    } else {
      std::string_view left = fields.bytes();
      uint64_t value = fields.raw();
      if (!is_bytes) VIGIL_RETURN_IF_ERROR(on_number(0.0, static_cast<int64_t>(value)));
      while (!left.empty()) {
        if (!TakeProtoVarint(&left, &value)) return NoExample();
        VIGIL_RETURN_IF_ERROR(on_number(0.0, static_cast<int64_t>(value)));
      }
    }
  }
  return fields.ok() ? absl::OkStatus() : NoExample();
}

template <typename T>
bool PutWhole(int64_t value, std::byte* to) {
  const T element = static_cast<T>(value);
  std::memcpy(to, &element, sizeof(element));
  if constexpr (std::is_same_v<T, uint64_t>) return value >= 0;
  return static_cast<int64_t>(element) == value;
}

// Both are false when the type cannot hold the value.
bool PutDouble(DType dtype, double value, std::byte* to) {
  const auto put = [to](const auto& element) { std::memcpy(to, &element, sizeof(element)); };
  switch (dtype) {
    case DType::kFloat16: put(HalfFromFloat(static_cast<float>(value))); return true;
    case DType::kBfloat16: put(BfloatFromFloat(static_cast<float>(value))); return true;
    case DType::kFloat32: put(static_cast<float>(value)); return true;
    case DType::kFloat64: put(value); return true;
    default: return false;
  }
}

bool PutInt64(DType dtype, int64_t value, std::byte* to) {
  switch (dtype) {
    case DType::kBool: return (value == 0 || value == 1) && PutWhole<uint8_t>(value, to);
    case DType::kUint8: return PutWhole<uint8_t>(value, to);
    case DType::kUint16: return PutWhole<uint16_t>(value, to);
    case DType::kUint32: return PutWhole<uint32_t>(value, to);
    case DType::kUint64: return PutWhole<uint64_t>(value, to);
    case DType::kInt8: return PutWhole<int8_t>(value, to);
    case DType::kInt16: return PutWhole<int16_t>(value, to);
    case DType::kInt32: return PutWhole<int32_t>(value, to);
    case DType::kInt64: return PutWhole<int64_t>(value, to);
    default: return PutDouble(dtype, static_cast<double>(value), to);
  }
}

std::string_view KindName(Kind kind) { return kind == kBytesList ? "bytes_list" : kind == kFloatList ? "float_list" : "int64_list"; }

Status ReadValues(const List& list, RowTensors* tensors, RowTensor* tensor) {
  size_t count = 0;
  const auto add = [&count] {
    ++count;
    return absl::OkStatus();
  };
  if (!tensor->shaped) {
    VIGIL_RETURN_IF_ERROR(ForEach(
        list, [&](std::string_view) { return add(); }, [&](double, int64_t) { return add(); }));
    tensor->item.push_back(static_cast<int64_t>(count));
    VIGIL_RETURN_IF_ERROR(tensors->Shaped(tensor));
  }
  const size_t bytes = ElementBytes(tensor->dtype);
  std::byte* to = tensor->Next();
  const auto refuse = [&] { return Bad(Concat("a value of its ", KindName(list.kind), " is no ", DTypeName(tensor->dtype))); };
  const auto room = [&] {
    return ++count <= tensor->width ? absl::OkStatus() : Bad(Concat("has more values than the first row's, ", tensor->width));
  };
  count = 0;
  const auto on_text = [&](std::string_view text) -> Status {
    VIGIL_RETURN_IF_ERROR(room());
    if (tensor->dtype != DType::kString) return refuse();
    if (text.data() == nullptr) text = "";
    std::memcpy(to, &text, sizeof(text));
    to += bytes;
    return absl::OkStatus();
  };
  const auto on_number = [&](double real, int64_t whole) -> Status {
    VIGIL_RETURN_IF_ERROR(room());
    const bool fits = tensor->dtype != DType::kString &&
                      (list.kind == kFloatList ? PutDouble(tensor->dtype, real, to) : PutInt64(tensor->dtype, whole, to));
    if (!fits) return refuse();
    to += bytes;
    return absl::OkStatus();
  };
  VIGIL_RETURN_IF_ERROR(ForEach(list, on_text, on_number));
  if (count != tensor->width) return Bad(Concat("has ", count, " values, the first row's has ", tensor->width));
  ++tensor->rows;
  return absl::OkStatus();
}

Status ReadExample(std::string_view example, RowTensors* tensors) {
  ProtoFields fields(example);
  while (fields.Next()) {
    if (!fields.is(kFeatures, ProtoType::kBytes)) continue;
    ProtoFields features(fields.bytes());
    while (features.Next()) {
      if (!features.is(kFeature, ProtoType::kBytes)) continue;
      std::string_view name, value;
      ProtoFields entry(features.bytes());
      while (entry.Next()) {
        if (entry.is(kKey, ProtoType::kBytes)) name = entry.bytes();
        if (entry.is(kKind, ProtoType::kBytes)) value = entry.bytes();
      }
      if (!entry.ok()) return NoExample();
      List list;
      VIGIL_RETURN_IF_ERROR(ReadFeature(value, &list));
      if (list.bytes.empty()) continue;  // a feature without values is a missing one
      VIGIL_ASSIGN_OR_RETURN(RowTensor* const tensor, tensors->Member(name));
      if (tensor == nullptr) continue;
      if (const Status status = ReadValues(list, tensors, tensor); !status.ok()) {
        return Failure(CodeOf(status), Concat("feature \"", name.substr(0, 128), "\" ", MessageOf(status)));
      }
    }
    if (!features.ok()) return NoExample();
  }
  return fields.ok() ? absl::OkStatus() : NoExample();
}

// The `input` of a request: the list of examples, whichever of the two it is.
Status FindExamples(std::string_view message, std::string_view* list, bool* with_context) {
  bool found = false;
  ProtoFields fields(message);
  while (fields.Next()) {
    if (!fields.is(kInput, ProtoType::kBytes)) continue;
    ProtoFields input(fields.bytes());
    while (input.Next()) {
      if (input.type() != ProtoType::kBytes || (input.field() != kExampleList && input.field() != kWithContext)) continue;
      *list = input.bytes();
      *with_context = input.field() == kWithContext;
      found = true;
    }
    if (!input.ok()) return NoExample();
  }
  if (!fields.ok()) return NoExample();
  return found ? absl::OkStatus() : Bad("Input is empty.");
}

Status At(const Status& status, std::string_view place) { return Failure(CodeOf(status), MessageOf(status), place); }

}  // namespace

Status TfsMessageReader::ReadExamples(std::string_view message, const InputNames& names, RequestMemory* memory, TfsRequest* request) {
  request->Clear();
  request->form = TfsForm::kExamples;
  memory->Release();
  std::string_view list;
  bool with_context = false;
  VIGIL_RETURN_IF_ERROR(FindExamples(message, &list, &with_context));
  size_t count = 0;
  ProtoFields counted(list);
  context_.Begin(1, names, memory);
  while (counted.Next()) {
    if (counted.is(kExamples, ProtoType::kBytes)) ++count;
    if (with_context && counted.is(kContext, ProtoType::kBytes)) {
      if (const Status status = ReadExample(counted.bytes(), &context_); !status.ok()) return At(status, "context");
    }
  }
  if (!counted.ok()) return NoExample();
  if (count == 0) return Bad("Input is empty.");
  rows_.Begin(count, names, memory);
  size_t row = 0;
  for (ProtoFields fields(list); fields.Next();) {
    if (!fields.is(kExamples, ProtoType::kBytes)) continue;
    Status status = ReadExample(fields.bytes(), &rows_);
    if (status.ok()) status = rows_.EndRow(with_context ? &context_ : nullptr);
    if (!status.ok()) return At(status, Concat("examples[", row, "]"));
    ++row;
  }
  for (const RowTensor& tensor : rows_.tensors()) {
    TensorView& view = request->tensors.emplace_back();
    view.name = tensor.name;
    view.dtype = tensor.dtype;
    view.data = tensor.data;
    view.shape.push_back(static_cast<int64_t>(count));
    view.shape.insert(view.shape.end(), tensor.item.begin(), tensor.item.end());
  }
  return absl::OkStatus();
}

}  // namespace vigil
