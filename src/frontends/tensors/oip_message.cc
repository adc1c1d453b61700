#include "frontends/tensors/oip_message.h"

#include <algorithm>

#include "base/proto_wire.h"
#include "frontends/errors.h"
#include "frontends/tensors/tensor_rows.h"
#include "frontends/words.h"
#include "simdjson.h"

namespace vigil {
namespace {

// Of ModelInferRequest.
constexpr uint32_t kModelName = 1, kModelVersion = 2, kId = 3, kParameters = 4, kInputs = 5, kOutputs = 6, kRawInputContents = 7;
// Of InferInputTensor; an InferRequestedOutputTensor has its parameters second.
constexpr uint32_t kName = 1, kDatatype = 2, kShape = 3, kInputParameters = 4, kContents = 5, kOutputParameters = 2;
// Of an entry of a map.
constexpr uint32_t kKey = 1, kValue = 2;
// Of InferParameter.
constexpr uint32_t kBoolParam = 1, kInt64Param = 2, kStringParam = 3, kDoubleParam = 4, kUint64Param = 5;

Status Malformed(std::string_view what) { return Failure(ErrorCode::kMalformed, Concat("the message is no ", what)); }

// protobuf's strings are UTF-8; so are the log's, and the answers that repeat them.
Status TakeText(std::string_view text, std::string_view path, std::string_view* to) {
  if (!simdjson::validate_utf8(text.data(), text.size())) return Failure(ErrorCode::kMalformed, "is not UTF-8", path);
  *to = text;
  return absl::OkStatus();
}

Status AddDimension(uint64_t raw, std::string_view path, TensorView* tensor) {
  const auto dimension = static_cast<int64_t>(raw);
  if (dimension < 0 || dimension > static_cast<int64_t>(kTensorElementsMax)) {
    return Failure(ErrorCode::kInvalid, Concat("a dimension of its shape is ", dimension), path);
  }
  if (tensor->shape.size() >= kTensorRankMax) return Failure(ErrorCode::kInvalid, "has too many dimensions", path);
  tensor->shape.push_back(dimension);
  return absl::OkStatus();
}

Status AddShape(const ProtoFields& field, std::string_view path, TensorView* tensor) {
  if (field.type() == ProtoType::kVarint) return AddDimension(field.raw(), path, tensor);
  std::string_view packed = field.bytes();
  uint64_t raw = 0;
  while (!packed.empty()) {
    if (!TakeProtoVarint(&packed, &raw)) return Malformed("InferInputTensor");
    VIGIL_RETURN_IF_ERROR(AddDimension(raw, path, tensor));
  }
  return absl::OkStatus();
}

// Nothing of a tensor's parameters changes how it is read, but for one that would have us read elsewhere.
Status ReadTensorParameter(std::string_view entry, std::string_view verb, std::string_view path, OipParameter* parameter) {
  VIGIL_RETURN_IF_ERROR(ReadOipParameter(entry, parameter));
  if (parameter->key != "shared_memory_region") return absl::OkStatus();
  return Failure(ErrorCode::kNotImplemented,
                 Concat("shared memory is not ", verb, ": a client must not name memory of this server's machine"), path);
}

Status WholeOf(const OipParameter& parameter, std::string_view what, std::string_view path, int64_t* to) {
  const bool whole = parameter.kind == OipParameter::Kind::kWhole || parameter.kind == OipParameter::Kind::kUnsigned;
  const auto value = static_cast<int64_t>(parameter.raw);
  if (!whole || value < 0) return Failure(ErrorCode::kInvalid, Concat("must be a number of ", what), path);
  *to = value;
  return absl::OkStatus();
}

Status ReadOutput(std::string_view output, OipOutput* to) {
  ProtoFields fields(output);
  while (fields.Next()) {
    if (fields.is(kName, ProtoType::kBytes)) VIGIL_RETURN_IF_ERROR(TakeText(fields.bytes(), "outputs", &to->name));
    if (!fields.is(kOutputParameters, ProtoType::kBytes)) continue;
    OipParameter parameter;
    VIGIL_RETURN_IF_ERROR(ReadTensorParameter(fields.bytes(), "written", "outputs", &parameter));
    if (parameter.key == "classification") VIGIL_RETURN_IF_ERROR(WholeOf(parameter, "classes", "outputs", &to->classes));
  }
  if (!fields.ok()) return Malformed("InferRequestedOutputTensor");
  if (to->name.empty()) return Failure(ErrorCode::kInvalid, "each output needs a \"name\"", "outputs");
  return absl::OkStatus();
}

Status ReadList(const OipParameter& parameter, std::string_view path, RowLists::List* list) {
  if (parameter.kind != OipParameter::Kind::kText) return Failure(ErrorCode::kInvalid, "must be a text with commas, one item a row", path);
  list->given = true;
  return TakeText(parameter.text, path, &list->text);
}

Status ReadParameter(std::string_view entry, OipRequest* request) {
  OipParameter parameter;
  VIGIL_RETURN_IF_ERROR(ReadOipParameter(entry, &parameter));
  if (parameter.key == "ids") return ReadList(parameter, "parameters.ids", &request->lists.ids);
  if (parameter.key == "entities") return ReadList(parameter, "parameters.entities", &request->lists.entities);
  if (parameter.key == "times") return ReadList(parameter, "parameters.times", &request->lists.times);
  if (parameter.key == "timeout") return WholeOf(parameter, "microseconds", "parameters.timeout", &request->timeout_us);
  return absl::OkStatus();
}

Status OfInput(const TensorView& tensor, size_t index, const Status& status) {
  if (status.ok()) return status;
  return Failure(CodeOf(status), Concat("input \"", tensor.name, "\" ", MessageOf(status)), Concat("inputs[", index, "]"));
}

}  // namespace

Status ReadOipParameter(std::string_view entry, OipParameter* parameter) {
  using Kind = OipParameter::Kind;
  ProtoFields fields(entry);
  while (fields.Next()) {
    if (fields.is(kKey, ProtoType::kBytes)) parameter->key = fields.bytes();
    if (!fields.is(kValue, ProtoType::kBytes)) continue;
    ProtoFields value(fields.bytes());
    while (value.Next()) {
      Kind kind = Kind::kNone;
      if (value.is(kBoolParam, ProtoType::kVarint)) kind = Kind::kBool;
      if (value.is(kInt64Param, ProtoType::kVarint)) kind = Kind::kWhole;
      if (value.is(kStringParam, ProtoType::kBytes)) kind = Kind::kText;
      if (value.is(kDoubleParam, ProtoType::kFixed64)) kind = Kind::kDouble;
      if (value.is(kUint64Param, ProtoType::kVarint)) kind = Kind::kUnsigned;
      if (kind == Kind::kNone) continue;
      parameter->kind = kind;
      parameter->raw = value.raw();
      parameter->text = value.bytes();
    }
    if (!value.ok()) return Malformed("InferParameter");
  }
  return fields.ok() ? absl::OkStatus() : Malformed("map of InferParameter");
}

Status ReadOipTarget(std::string_view message, std::string_view* model, std::string_view* version) {
  ProtoFields fields(message);
  while (fields.Next()) {
    if (fields.is(kModelName, ProtoType::kBytes)) VIGIL_RETURN_IF_ERROR(TakeText(fields.bytes(), "model_name", model));
    if (fields.is(kModelVersion, ProtoType::kBytes)) VIGIL_RETURN_IF_ERROR(TakeText(fields.bytes(), "model_version", version));
  }
  return fields.ok() ? absl::OkStatus() : Malformed("ModelInferRequest");
}

Status OipMessageReader::ReadInput(std::string_view input, OipRequest* request) {
  const size_t index = request->tensors.size();
  if (index >= kTensorsMax) return Failure(ErrorCode::kTooLarge, Concat("more than ", kTensorsMax, " inputs"), "inputs");
  TensorView& tensor = request->tensors.emplace_back();
  std::string_view datatype, contents;
  ProtoFields fields(input);
  while (fields.Next()) {
    if (fields.field() == kShape) VIGIL_RETURN_IF_ERROR(OfInput(tensor, index, AddShape(fields, "", &tensor)));
    if (fields.type() != ProtoType::kBytes) continue;
    switch (fields.field()) {
      case kName: VIGIL_RETURN_IF_ERROR(TakeText(fields.bytes(), "inputs", &tensor.name)); break;
      case kDatatype: datatype = fields.bytes(); break;
      case kInputParameters: {
        OipParameter ignored;
        VIGIL_RETURN_IF_ERROR(ReadTensorParameter(fields.bytes(), "read", Concat("inputs[", index, "]"), &ignored));
        break;
      }
      case kContents:
        if (!contents.empty()) return OfInput(tensor, index, Failure(ErrorCode::kInvalid, "has its contents twice"));
        contents = fields.bytes();
        break;
      default: break;
    }
  }
  if (!fields.ok()) return Malformed("InferInputTensor");
  const std::optional<DType> dtype = OipDType(datatype);
  if (!dtype.has_value()) {
    std::string_view shown;  // if it is a text at all
    const Status text = TakeText(datatype, "inputs", &shown);
    return OfInput(
        tensor, index,
        text.ok() ? Failure(ErrorCode::kInvalid, Concat("has the datatype \"", shown, "\", which is none of the protocol")) : text);
  }
  tensor.dtype = *dtype;
  contents_.push_back(contents);
  return absl::OkStatus();
}

Status OipMessageReader::Read(std::string_view message, RequestMemory* memory, OipRequest* request) {
  request->Clear();
  memory->Release();
  contents_.clear();
  raw_.clear();
  ProtoFields fields(message);
  while (fields.Next()) {
    if (fields.type() != ProtoType::kBytes) continue;
    switch (fields.field()) {
      case kId: VIGIL_RETURN_IF_ERROR(TakeText(fields.bytes(), "id", &request->id)); break;
      case kParameters: VIGIL_RETURN_IF_ERROR(ReadParameter(fields.bytes(), request)); break;
      case kInputs: VIGIL_RETURN_IF_ERROR(ReadInput(fields.bytes(), request)); break;
      case kOutputs:
        if (request->outputs.size() >= kTensorsMax) {
          return Failure(ErrorCode::kTooLarge, Concat("more than ", kTensorsMax, " outputs"), "outputs");
        }
        VIGIL_RETURN_IF_ERROR(ReadOutput(fields.bytes(), &request->outputs.emplace_back()));
        break;
      case kRawInputContents:
        if (raw_.size() >= kTensorsMax) {
          return Failure(ErrorCode::kTooLarge, Concat("more than ", kTensorsMax, " buffers"), "raw_input_contents");
        }
        raw_.push_back(fields.bytes());
        break;
      default: break;
    }
  }
  if (!fields.ok()) return Malformed("ModelInferRequest");
  if (request->tensors.empty()) return Failure(ErrorCode::kInvalid, "the request has no \"inputs\"", "inputs");
  if (!raw_.empty() && raw_.size() != request->tensors.size()) {
    return Failure(ErrorCode::kInvalid, Concat("has ", raw_.size(), " buffers for ", request->tensors.size(), " inputs"),
                   "raw_input_contents");
  }
  for (size_t i = 0; i < request->tensors.size(); ++i) {
    TensorView& tensor = request->tensors[i];
    const size_t elements = TensorElements(tensor.shape);
    Status status;
    if (raw_.empty()) {
      status = ReadOipContents(contents_[i], elements, memory, &tensor);
    } else if (!contents_[i].empty()) {
      status = Failure(ErrorCode::kInvalid, "has contents of its own beside raw_input_contents: a request uses the one or the other");
    } else {
      status = ReadBinaryTensor(raw_[i], elements, memory, &tensor);
    }
    VIGIL_RETURN_IF_ERROR(OfInput(tensor, i, status));
  }
  return absl::OkStatus();
}

}  // namespace vigil
