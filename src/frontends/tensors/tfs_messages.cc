#include "frontends/tensors/tfs_messages.h"

#include <charconv>
#include <cstring>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/tensors/tensor_proto.h"
#include "frontends/tensors/tensor_rows.h"
#include "frontends/tensors/tfs_model.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Fields of ModelSpec, of every request, of a map's entry and of PredictRequest.
constexpr uint32_t kSpecName = 1, kSpecVersion = 2, kSpecSignature = 3, kSpecLabel = 4, kInt64Value = 1;
constexpr uint32_t kModelSpec = 1;
constexpr uint32_t kKey = 1, kValue = 2;
constexpr uint32_t kInputs = 2, kOutputFilter = 3;
constexpr uint32_t kTasks = 1, kTaskSpec = 1, kTaskMethod = 2;

// Without a place: TensorFlow Serving's words name it.
Status Bad(std::string_view what) { return Failure(ErrorCode::kInvalid, what); }
Status NoMessage() { return Failure(ErrorCode::kMalformed, "the bytes are no message of the method's type"); }

Status ReadSpec(std::string_view bytes, TfsModelSpec* spec) {
  spec->is_there = true;
  ProtoFields fields(bytes);
  while (fields.Next()) {
    if (fields.type() != ProtoType::kBytes) continue;
    switch (fields.field()) {
      case kSpecName: spec->name = fields.bytes(); break;
      case kSpecSignature: spec->signature_name = fields.bytes(); break;
      case kSpecLabel:
        spec->label = fields.bytes();
        spec->version.reset();
        break;
      case kSpecVersion: {
        spec->version = 0;
        spec->label.reset();
        ProtoFields value(fields.bytes());
        while (value.Next()) {
          if (value.is(kInt64Value, ProtoType::kVarint)) spec->version = value.integer();
        }
        if (!value.ok()) return NoMessage();
        break;
      }
      default: break;
    }
  }
  return fields.ok() ? absl::OkStatus() : NoMessage();
}

bool IsInput(const Signature& signature, std::string_view name) {
  for (const TensorSpec& input : signature.inputs) {
    if (input.name == name) return true;
  }
  return false;
}

bool IsGiven(absl::Span<const TensorView> tensors, std::string_view name) {
  for (const TensorView& tensor : tensors) {
    if (tensor.name == name) return true;
  }
  return false;
}

// Inputs that the model does not take, or none at all, in the words of TensorFlow Serving.
Status WrongInputs(const Signature& signature, const InputNames& names, absl::Span<const TensorView> tensors) {
  std::string sent, wanted, extra, missing, hint;
  const auto add = [](std::string* list, std::string_view name) { Append(list, list->empty() ? "" : ",", name.substr(0, 128)); };
  for (const TensorView& tensor : tensors) {
    add(&sent, tensor.name);
    if (IsInput(signature, tensor.name) || names.Find(tensor.name) >= 0) continue;
    add(&extra, tensor.name);
    if (hint.empty()) hint = Concat(" ", MessageOf(names.Unknown(tensor.name)));
  }
  for (const TensorSpec& input : signature.inputs) {
    add(&wanted, input.name);
    if (!IsGiven(tensors, input.name)) add(&missing, input.name);
  }
  return Bad(Concat("input size does not match signature: ", tensors.size(), "!=", signature.inputs.size(), " len({", sent, "}) != len({",
                    wanted, "}). Sent extra: {", extra, "}. Missing but required: {", missing, "}.", hint));
}

// Where an input is one of the model's own its type must be that one; columns may be of any type that they can hold.
Status CheckInputs(const Signature& signature, const InputNames& names, absl::Span<const TensorView> tensors) {
  if (tensors.empty()) return WrongInputs(signature, names, tensors);
  size_t guess = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int number = names.Find(tensors[i].name, guess);
    if (number < 0) return WrongInputs(signature, names, tensors);
    guess = static_cast<size_t>(number) + 1;
    if (names.dtype(number) == tensors[i].dtype || !IsInput(signature, tensors[i].name)) continue;
    return Bad(Concat("Expects arg[", i, "] to be ", TfsTypeWord(names.dtype(number)), " but ", TfsTypeWord(tensors[i].dtype),
                      " is provided: input \"", tensors[i].name.substr(0, 128), "\""));
  }
  return absl::OkStatus();
}

}  // namespace

Status ReadTfsModelSpec(std::string_view message, TfsModelSpec* spec) {
  *spec = {};
  ProtoFields fields(message);
  while (fields.Next()) {
    if (fields.is(kModelSpec, ProtoType::kBytes)) VIGIL_RETURN_IF_ERROR(ReadSpec(fields.bytes(), spec));
  }
  return fields.ok() ? absl::OkStatus() : NoMessage();
}

Status ReadTfsTasks(std::string_view message, std::vector<TfsTask>* tasks) {
  tasks->clear();
  ProtoFields fields(message);
  while (fields.Next()) {
    if (!fields.is(kTasks, ProtoType::kBytes)) continue;
    if (tasks->size() >= kTfsTasksMax) return Failure(ErrorCode::kTooLarge, Concat("more than ", kTfsTasksMax, " tasks"));
    TfsTask& task = tasks->emplace_back();
    ProtoFields part(fields.bytes());
    while (part.Next()) {
      if (part.is(kTaskSpec, ProtoType::kBytes)) VIGIL_RETURN_IF_ERROR(ReadSpec(part.bytes(), &task.spec));
      if (part.is(kTaskMethod, ProtoType::kBytes)) task.method = part.bytes();
    }
    if (!part.ok()) return NoMessage();
  }
  return fields.ok() ? absl::OkStatus() : NoMessage();
}

Status ReadTfsTexts(std::string_view message, uint32_t field, std::vector<std::string_view>* texts) {
  texts->clear();
  ProtoFields fields(message);
  while (fields.Next()) {
    if (fields.is(field, ProtoType::kBytes)) texts->push_back(fields.bytes());
  }
  return fields.ok() ? absl::OkStatus() : NoMessage();
}

Status TfsMessageReader::ReadPredict(std::string_view message, const Signature& signature, const InputNames& names, RequestMemory* memory,
                                     TfsRequest* request) {
  request->Clear();
  memory->Release();
  size_t repeated = 0;
  ProtoFields fields(message);
  while (fields.Next()) {
    if (fields.is(kOutputFilter, ProtoType::kBytes)) request->output_filter.push_back(fields.bytes());
    if (!fields.is(kInputs, ProtoType::kBytes)) continue;
    std::string_view name, value;
    ProtoFields entry(fields.bytes());
    while (entry.Next()) {
      if (entry.is(kKey, ProtoType::kBytes)) name = entry.bytes();
      if (entry.is(kValue, ProtoType::kBytes)) value = entry.bytes();
    }
    if (!entry.ok()) return NoMessage();
    if (request->tensors.size() >= kTensorsMax) {
      return Failure(ErrorCode::kTooLarge, Concat("more than ", kTensorsMax, " inputs"));
    }
    TensorView& tensor = request->tensors.emplace_back();
    tensor.name = name;
    if (const Status status = ReadTensorProto(value, &repeated, memory, &tensor); !status.ok()) {
      return Failure(CodeOf(status), Concat("tensor parsing error: ", name.substr(0, 128), ": ", MessageOf(status)));
    }
  }
  if (!fields.ok()) return NoMessage();
  return CheckInputs(signature, names, request->tensors);
}

std::optional<int64_t> TfsVersionNumber(std::string_view version) {
  int64_t number = 0;
  const auto [stop, error] = std::from_chars(version.data(), version.data() + version.size(), number);
  if (error != std::errc() || stop != version.data() + version.size()) return std::nullopt;
  return number;
}

void WriteTfsModelSpec(std::string_view name, std::string_view version, std::string_view signature, ProtoWriter* message) {
  message->Bytes(kSpecName, name);
  if (const std::optional<int64_t> number = TfsVersionNumber(version)) {
    message->Message(kSpecVersion, [number](ProtoWriter& value) { value.Int(kInt64Value, *number); });
  }
  if (!signature.empty()) message->Bytes(kSpecSignature, signature);
}

}  // namespace vigil
