#include "frontends/tensors/oip_request.h"

#include <array>
#include <cstring>

#include "frontends/rows/json_simd.h"
#include "frontends/tensors/oip_data.h"
#include "frontends/tensors/tensor_rows.h"

namespace vigil {

using namespace rows;  // NOLINT: the parsers' own vocabulary

namespace {

// Takes the binary tensors' bytes from behind the JSON, one after the other.
struct Binary {
  std::string_view rest;
};

Status ReadShape(ondemand::object& object, std::string_view path, TensorView* tensor) {
  ondemand::array shape;
  if (object.find_field_unordered("shape").get_array().get(shape) != simdjson::SUCCESS) {
    return Failure(ErrorCode::kInvalid, "needs a \"shape\": a list of whole numbers", path);
  }
  for (auto item : shape) {
    int64_t dimension = 0;
    if (item.get_int64().get(dimension) != simdjson::SUCCESS || dimension < 0 || dimension > static_cast<int64_t>(kTensorElementsMax)) {
      return Failure(ErrorCode::kInvalid, "needs a \"shape\": a list of whole numbers", path);
    }
    if (tensor->shape.size() >= kTensorRankMax) return Failure(ErrorCode::kInvalid, "has too many dimensions", path);
    tensor->shape.push_back(dimension);
  }
  return absl::OkStatus();
}

Status ReadHead(ondemand::object& object, std::string_view path, TensorView* tensor) {
  if (object.find_field_unordered("name").get_string().get(tensor->name) != simdjson::SUCCESS) {
    return Failure(ErrorCode::kInvalid, "needs a \"name\"", path);
  }
  std::string_view datatype;
  if (object.find_field_unordered("datatype").get_string().get(datatype) != simdjson::SUCCESS) {
    return Failure(ErrorCode::kInvalid, "needs a \"datatype\"", path);
  }
  const std::optional<DType> dtype = OipDType(datatype);
  if (!dtype.has_value()) {
    return Failure(ErrorCode::kInvalid,
                   Concat("\"", datatype.substr(0, 40), "\" of input \"", tensor->name, "\" is no datatype of the protocol"), path);
  }
  tensor->dtype = *dtype;
  return ReadShape(object, path, tensor);
}

// parameters.binary_data_size of an input; nothing when its data is in the JSON.
Status ReadBinarySize(ondemand::object& object, std::string_view path, std::optional<size_t>* size) {
  ondemand::object parameters;
  if (object.find_field_unordered("parameters").get_object().get(parameters) != simdjson::SUCCESS) return absl::OkStatus();
  for (auto item : parameters) {
    ondemand::field field;
    VIGIL_JSON_OR_RETURN(field, item);
    if (field.escaped_key() == "shared_memory_region") {
      return Failure(ErrorCode::kNotImplemented, "shared memory is not read: a client must not name memory of this server's machine", path);
    }
    if (field.escaped_key() != "binary_data_size") continue;
    uint64_t bytes = 0;
    if (field.value().get_uint64().get(bytes) != simdjson::SUCCESS) {
      return Failure(ErrorCode::kInvalid, "binary_data_size must be a number of bytes", path);
    }
    *size = bytes;
  }
  return absl::OkStatus();
}

Status ReadTensor(ondemand::object object, std::string_view path, size_t json_bytes, Binary* binary, RequestMemory* memory,
                  TensorView* tensor) {
  VIGIL_RETURN_IF_ERROR(ReadHead(object, path, tensor));
  const size_t elements = TensorElements(tensor->shape);
  std::optional<size_t> size;
  VIGIL_RETURN_IF_ERROR(ReadBinarySize(object, path, &size));
  Status status;
  if (size.has_value()) {
    if (*size > binary->rest.size()) {
      return Failure(
          ErrorCode::kInvalid,
          Concat("binary_data_size of input \"", tensor->name, "\" is ", *size, " bytes, ", binary->rest.size(), " are left in the body"),
          path);
    }
    status = ReadBinaryTensor(binary->rest.substr(0, *size), elements, memory, tensor);
    binary->rest.remove_prefix(*size);
  } else {
    ondemand::array data;
    if (object.find_field_unordered("data").get_array().get(data) != simdjson::SUCCESS) {
      return Failure(ErrorCode::kInvalid, Concat("input \"", tensor->name, "\" needs \"data\", a list, or the parameter binary_data_size"),
                     path);
    }
    // Each element takes two characters at least, so that a short request claims no memory by its shape.
    if (elements > json_bytes / 2) {
      return Failure(ErrorCode::kInvalid,
                     Concat("input \"", tensor->name, "\" holds fewer elements than its shape, ", elements, " of them"), path);
    }
    status = ReadJsonData(data, elements, memory, tensor);
  }
  if (status.ok()) return status;
  return Failure(CodeOf(status), Concat("input \"", tensor->name, "\" ", MessageOf(status)), path);
}

Status ReadOutput(ondemand::object output, OipOutput* out) {
  if (output.find_field_unordered("name").get_string().get(out->name) != simdjson::SUCCESS) {
    return Failure(ErrorCode::kInvalid, "each output needs a \"name\"", "outputs");
  }
  ondemand::object parameters;
  if (output.find_field_unordered("parameters").get_object().get(parameters) != simdjson::SUCCESS) return absl::OkStatus();
  for (auto item : parameters) {
    ondemand::field field;
    VIGIL_JSON_OR_RETURN(field, item);
    const auto key = field.escaped_key();
    if (key == "binary_data") {
      bool binary = false;
      if (field.value().get_bool().get(binary) != simdjson::SUCCESS) {
        return Failure(ErrorCode::kInvalid, "binary_data must be true or false", "outputs");
      }
      out->binary = binary;
    } else if (key == "classification") {
      if (field.value().get_int64().get(out->classes) != simdjson::SUCCESS || out->classes < 0) {
        return Failure(ErrorCode::kInvalid, "classification must be a number of classes", "outputs");
      }
    } else if (key == "shared_memory_region") {
      return Failure(ErrorCode::kNotImplemented, "shared memory is not written: a client must not name memory of this server's machine",
                     "outputs");
    }
  }
  return absl::OkStatus();
}

Status ReadOutputs(ondemand::value value, OipRequest* request) {
  ondemand::array outputs;
  if (value.get_array().get(outputs) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "must be a list", "outputs");
  for (auto item : outputs) {
    ondemand::object object;
    if (item.get_object().get(object) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "each output needs a \"name\"", "outputs");
    if (request->outputs.size() >= kTensorsMax)
      return Failure(ErrorCode::kTooLarge, Concat("more than ", kTensorsMax, " outputs"), "outputs");
    VIGIL_RETURN_IF_ERROR(ReadOutput(object, &request->outputs.emplace_back()));
  }
  return absl::OkStatus();
}

Status ReadList(ondemand::value value, std::string_view path, RowLists::List* list) {
  list->given = true;
  if (value.get_string().get(list->text) == simdjson::SUCCESS) return absl::OkStatus();
  ondemand::array items;
  if (value.get_array().get(items) != simdjson::SUCCESS) {
    return Failure(ErrorCode::kInvalid, "must be a list with one item a row, or a text with commas", path);
  }
  for (auto item : items) {
    ondemand::value element;
    VIGIL_JSON_OR_RETURN(element, item);
    VIGIL_RETURN_IF_ERROR(ReadText(element, path, &list->items.emplace_back()));
  }
  return absl::OkStatus();
}

Status ReadParameters(ondemand::value value, OipRequest* request) {
  ondemand::object parameters;
  if (value.get_object().get(parameters) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "must be an object", "parameters");
  for (auto item : parameters) {
    ondemand::field field;
    VIGIL_JSON_OR_RETURN(field, item);
    const auto key = field.escaped_key();
    if (key == "ids") {
      VIGIL_RETURN_IF_ERROR(ReadList(field.value(), "parameters.ids", &request->lists.ids));
    } else if (key == "entities") {
      VIGIL_RETURN_IF_ERROR(ReadList(field.value(), "parameters.entities", &request->lists.entities));
    } else if (key == "times") {
      VIGIL_RETURN_IF_ERROR(ReadList(field.value(), "parameters.times", &request->lists.times));
    } else if (key == "binary_data_output") {
      if (field.value().get_bool().get(request->binary_outputs) != simdjson::SUCCESS) {
        return Failure(ErrorCode::kInvalid, "must be true or false", "parameters.binary_data_output");
      }
    } else if (key == "timeout") {
      if (field.value().get_int64().get(request->timeout_us) != simdjson::SUCCESS || request->timeout_us < 0) {
        return Failure(ErrorCode::kInvalid, "must be a number of microseconds", "parameters.timeout");
      }
    }
  }
  return absl::OkStatus();
}

Status ReadInputs(ondemand::value value, size_t json_bytes, Binary* binary, RequestMemory* memory, OipRequest* request) {
  ondemand::array inputs;
  if (value.get_array().get(inputs) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "must be a list of tensors", "inputs");
  for (auto item : inputs) {
    const std::string path = Concat("inputs[", request->tensors.size(), "]");
    if (request->tensors.size() >= kTensorsMax)
      return Failure(ErrorCode::kTooLarge, Concat("more than ", kTensorsMax, " inputs"), "inputs");
    ondemand::object object;
    if (item.get_object().get(object) != simdjson::SUCCESS) return Failure(ErrorCode::kInvalid, "must be an object", path);
    VIGIL_RETURN_IF_ERROR(ReadTensor(object, path, json_bytes, binary, memory, &request->tensors.emplace_back()));
  }
  return absl::OkStatus();
}

Status ReadDocument(ondemand::document& document, size_t json_bytes, Binary* binary, RequestMemory* memory, OipRequest* request) {
  ondemand::object root;
  if (document.get_object().get(root) != simdjson::SUCCESS) return Failure(ErrorCode::kMalformed, "the body must be a JSON object");
  bool has_inputs = false;
  for (auto item : root) {
    ondemand::field field;
    VIGIL_JSON_OR_RETURN(field, item);
    const auto key = field.escaped_key();
    if (key == "inputs") {
      if (std::exchange(has_inputs, true)) return Failure(ErrorCode::kInvalid, "stands twice", "inputs");
      VIGIL_RETURN_IF_ERROR(ReadInputs(field.value(), json_bytes, binary, memory, request));
    } else if (key == "outputs") {
      VIGIL_RETURN_IF_ERROR(ReadOutputs(field.value(), request));
    } else if (key == "parameters") {
      VIGIL_RETURN_IF_ERROR(ReadParameters(field.value(), request));
    } else if (key == "id") {
      VIGIL_RETURN_IF_ERROR(ReadText(field.value(), "id", &request->id));
    }
  }
  if (!document.at_end()) return Failure(ErrorCode::kMalformed, "not valid JSON: something follows the object");
  if (request->tensors.empty()) return Failure(ErrorCode::kInvalid, "the request has no \"inputs\"", "inputs");
  return absl::OkStatus();
}

}  // namespace

std::optional<DType> OipDType(std::string_view name) {
  for (int d = 0; d <= static_cast<int>(DType::kString); ++d) {
    if (name == DTypeName(static_cast<DType>(d))) return static_cast<DType>(d);
  }
  return std::nullopt;
}

void OipRequest::Clear() {
  id = {};
  tensors.clear();
  outputs.clear();
  binary_outputs = false;
  timeout_us = 0;
  lists.Clear();
}

struct OipReader::State {
  SimdDocument document;
};

OipReader::OipReader() : state_(std::make_unique<State>()) {}
OipReader::~OipReader() = default;

Status OipReader::Read(std::string_view body, std::optional<size_t> json_bytes, RequestMemory* memory, OipRequest* request) {
  request->Clear();
  memory->Release();
  const size_t json = json_bytes.value_or(body.size());
  if (json > body.size()) {
    return Failure(ErrorCode::kInvalid, Concat("says ", json, " bytes of JSON, the body has ", body.size()),
                   "Inference-Header-Content-Length");
  }
  Binary binary{body.substr(json)};
  ondemand::document document;
  VIGIL_RETURN_IF_ERROR(state_->document.Open(body.substr(0, json), &document));
  VIGIL_RETURN_IF_ERROR(ReadDocument(document, json, &binary, memory, request));
  if (binary.rest.empty()) return absl::OkStatus();
  return Failure(ErrorCode::kInvalid, Concat(binary.rest.size(), " bytes are left over behind the binary tensors"));
}

Status ReadBinaryTensor(std::string_view data, size_t elements, RequestMemory* memory, TensorView* tensor) {
  if (tensor->dtype != DType::kString) {
    const size_t wanted = elements * DTypeBytes(tensor->dtype);
    if (data.size() != wanted) return Failure(ErrorCode::kInvalid, Concat("holds ", data.size(), " bytes, its shape ", wanted));
    tensor->data = data.data();
    if (reinterpret_cast<uintptr_t>(data.data()) % DTypeBytes(tensor->dtype) == 0 || data.empty()) return absl::OkStatus();
    std::byte* const aligned = memory->Bytes(data.size());
    std::memcpy(aligned, data.data(), data.size());
    tensor->data = aligned;
    return absl::OkStatus();
  }
  // Each text takes four bytes at least.
  if (elements > data.size() / sizeof(uint32_t))
    return Failure(ErrorCode::kInvalid, Concat("holds fewer texts than its shape, ", elements));
  const absl::Span<std::string_view> texts = memory->Texts(elements);
  for (std::string_view& text : texts) {
    uint32_t size = 0;
    if (data.size() < sizeof(size)) return Failure(ErrorCode::kInvalid, "ends within the length of a text");
    std::memcpy(&size, data.data(), sizeof(size));
    data.remove_prefix(sizeof(size));
    if (size > data.size()) return Failure(ErrorCode::kInvalid, Concat("ends within a text of ", size, " bytes"));
    text = data.substr(0, size);
    data.remove_prefix(size);
  }
  if (!data.empty()) return Failure(ErrorCode::kInvalid, Concat("holds ", data.size(), " bytes more than the texts of its shape"));
  tensor->data = texts.data();
  return absl::OkStatus();
}

}  // namespace vigil
