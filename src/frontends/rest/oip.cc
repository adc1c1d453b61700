// Open Inference Protocol over REST: infer, with JSON and binary tensors.
#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/tensors/whole_tensors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr std::string_view kJsonBytes = "Inference-Header-Content-Length";

const OipOutput* FindWanted(const OipRequest& request, std::string_view output) {
  const auto found = std::find_if(request.outputs.begin(), request.outputs.end(), [&](const OipOutput& o) { return o.name == output; });
  return found == request.outputs.end() ? nullptr : &*found;
}

// An output of maps tells its keys, as the text of a JSON list: parameters are scalars in this protocol.
std::string KeysText(const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) {
    text.push_back(text.empty() ? '[' : ',');
    AppendJsonString(&text, key);
  }
  text.push_back(']');
  return text;
}

void AppendShape(absl::Span<const int64_t> shape, std::string* body) {
  body->append(",\"shape\":[");
  for (size_t d = 0; d < shape.size(); ++d) Append(body, d == 0 ? "" : ",", shape[d]);
  body->push_back(']');
}

// The `count` best classes of each row instead of the tensor.
void AppendClasses(const AnswerTensor& tensor, size_t count, bool binary, std::string* body, std::string* buffers) {
  size_t width = 0;
  const std::vector<std::string> classes = Classify(tensor, count, &width);
  body->append(",\"datatype\":\"BYTES\"");
  AppendShape({tensor.shape[0], static_cast<int64_t>(width)}, body);
  if (!binary) {
    body->append(",\"data\":[");
    for (size_t i = 0; i < classes.size(); ++i) {
      if (i != 0) body->push_back(',');
      AppendJsonString(body, classes[i]);
    }
    body->append("]}");
    return;
  }
  const size_t before = buffers->size();
  for (const std::string& text : classes) AppendRawText(text, buffers);
  Append(body, ",\"parameters\":{\"binary_data_size\":", buffers->size() - before, "}}");
}

// One output: its data in the JSON, or its bytes at the end of `buffers`.
void AppendOutput(const AnswerTensor& tensor, const OipOutput* wanted, bool binary, std::string* body, std::string* buffers) {
  body->append("{\"name\":");
  AppendJsonString(body, tensor.spec->name);
  if (wanted != nullptr && wanted->classes > 0) {
    return AppendClasses(tensor, static_cast<size_t>(wanted->classes), binary, body, buffers);
  }
  Append(body, ",\"datatype\":\"", DTypeName(tensor.dtype), "\"");
  AppendShape(tensor.shape, body);
  const std::vector<std::string>& keys = tensor.spec->keys;
  if (binary || !keys.empty()) {
    body->append(",\"parameters\":{");
    if (binary) Append(body, "\"binary_data_size\":", RawBytes(tensor));
    if (binary && !keys.empty()) body->push_back(',');
    if (!keys.empty()) {
      body->append("\"keys\":");
      AppendJsonString(body, KeysText(keys));
    }
    body->push_back('}');
  }
  if (binary) {
    AppendRaw(tensor, buffers);
    body->push_back('}');
    return;
  }
  body->append(",\"data\":[");
  for (size_t i = 0, n = tensor.elements(); i < n; ++i) {
    if (i != 0) body->push_back(',');
    AppendElement(tensor, i, body);
  }
  body->append("]}");
}

// {"model_name","model_version","id"?,"parameters":{"prediction_ids":"a,b"},"outputs":[{"name","datatype":"FP32","shape","data"}]}, binary
// outputs behind it.
void WriteInfer(PredictScratch& scratch, std::string* body) {
  const PredictResult& result = scratch.result;
  const OipRequest& request = scratch.oip_request;
  body->append("{\"model_name\":");
  AppendJsonString(body, scratch.target.model->name);
  body->append(",\"model_version\":");
  AppendJsonString(body, result.version);
  if (!request.id.empty()) {
    body->append(",\"id\":");
    AppendJsonString(body, request.id);
  }
  if (!result.prediction_ids.empty()) {  // parameters are scalars in this protocol, hence one text
    body->append(",\"parameters\":{\"prediction_ids\":\"");
    char text[PredictionId::kTextLength];
    for (size_t i = 0; i < result.prediction_ids.size(); ++i) {
      if (i != 0) body->push_back(',');
      result.prediction_ids[i].Format(text);
      body->append(text, sizeof(text));
    }
    body->append("\"}");
  }
  body->append(",\"outputs\":[");
  AnswerTensors(scratch.target.version->loaded->signature(), result, scratch.batch.rows, &scratch.answers);
  std::string buffers;
  bool first = true;
  for (const AnswerTensor& tensor : scratch.answers) {
    const OipOutput* const wanted = FindWanted(request, tensor.spec->name);
    if (wanted == nullptr && !request.outputs.empty()) continue;
    if (!first) body->push_back(',');
    first = false;
    const bool binary = wanted != nullptr && wanted->binary.has_value() ? *wanted->binary : request.binary_outputs;
    AppendOutput(tensor, wanted, binary, body, &buffers);
  }
  body->append("]}");
  if (buffers.empty()) return;
  scratch.extra_text = Concat(body->size());
  scratch.extra = {kJsonBytes, scratch.extra_text};
  scratch.content_type = "application/octet-stream";
  body->append(buffers);
}

// How many bytes of the body are JSON; nothing: all of them.
Status ReadJsonBytes(std::string_view header, std::optional<size_t>* bytes) {
  header = StripBlanks(header);
  if (header.empty()) return absl::OkStatus();
  size_t value = 0;
  const auto [stop, error] = std::from_chars(header.data(), header.data() + header.size(), value);
  if (error != std::errc() || stop != header.data() + header.size()) {
    return Failure(ErrorCode::kInvalid, Concat("\"", header.substr(0, 40), "\" is no number of bytes"), kJsonBytes);
  }
  *bytes = value;
  return absl::OkStatus();
}

// A body without any JSON is the one input, of one row; every output comes back as bytes.
Status ReadRawBody(std::string_view body, const Signature& signature, PredictScratch* scratch) {
  if (signature.inputs.size() != 1) {
    return Failure(ErrorCode::kInvalid,
                   Concat("a body of bytes alone is for models with one input; this one has ", signature.inputs.size()), kJsonBytes);
  }
  const TensorSpec& spec = signature.inputs[0];
  TensorView tensor{spec.name, spec.dtype, {1}, nullptr};
  const size_t width = spec.dtype == DType::kString ? 1 : body.size() / DTypeBytes(spec.dtype);
  tensor.shape.push_back(static_cast<int64_t>(width));
  scratch->oip_request.binary_outputs = true;
  if (spec.dtype == DType::kString) {
    scratch->memory.Release();
    const absl::Span<std::string_view> text = scratch->memory.Texts(1);
    text[0] = body;
    tensor.data = text.data();
  } else {
    VIGIL_RETURN_IF_ERROR(ReadBinaryTensor(body, width, &scratch->memory, &tensor));
  }
  scratch->oip_request.tensors.push_back(std::move(tensor));
  return absl::OkStatus();
}

Status CheckOutputs(const OipRequest& request, const Signature& signature) {
  for (const OipOutput& wanted : request.outputs) {
    const std::vector<TensorSpec>& outputs = signature.outputs;
    const auto found = std::find_if(outputs.begin(), outputs.end(), [&](const TensorSpec& spec) { return spec.name == wanted.name; });
    if (found == outputs.end()) {
      std::string choices;
      for (const TensorSpec& spec : outputs) Append(&choices, choices.empty() ? "\"" : ", \"", spec.name, "\"");
      return Failure(ErrorCode::kInvalid, Concat("unexpected output \"", wanted.name, "\": the model gives ", choices), "outputs");
    }
    if (wanted.classes == 0 || found->dtype != DType::kString) continue;
    return Failure(ErrorCode::kInvalid, Concat("output \"", wanted.name, "\" is of texts: only numbers have classes"), "outputs");
  }
  return absl::OkStatus();
}

Status ReadInfer(RestHandler& handler, const Call& call, PredictScratch* scratch) {
  const ServedVersion& version = *scratch->target.version;
  const Signature& signature = version.loaded->signature();
  std::optional<size_t> json_bytes;
  VIGIL_RETURN_IF_ERROR(ReadJsonBytes(call.request.header(kJsonBytes), &json_bytes));
  OipRequest& request = scratch->oip_request;
  if (json_bytes.has_value() && *json_bytes == 0) {
    VIGIL_RETURN_IF_ERROR(ReadRawBody(call.body, signature, scratch));
  } else {
    VIGIL_RETURN_IF_ERROR(scratch->oip.Read(call.body, json_bytes, &scratch->memory, &request));
  }
  VIGIL_RETURN_IF_ERROR(CheckOutputs(request, signature));
  if (request.timeout_us > 0) {
    const int64_t deadline = scratch->context.arrived_ns + std::min<int64_t>(request.timeout_us, kTimeoutUsMax) * 1000;
    scratch->context.deadline_ns = std::min(scratch->context.deadline_ns, deadline);
  }
  VIGIL_RETURN_IF_ERROR(FillFromTensors(request.tensors, signature, handler.Columns(scratch->target), &scratch->batch, &scratch->absent,
                                        &scratch->whole));
  return request.lists.Apply(&scratch->batch);
}

}  // namespace

void HandleOipInfer(RestHandler& handler, Call& call) {
  PredictScratch* scratch =
      handler.BeginPredict(call, call.params.values[0], call.params.size > 1 ? call.params.values[1] : "", WriteInfer);
  if (scratch != nullptr) handler.FinishPredict(call, scratch, ReadInfer(handler, call, scratch));
}

}  // namespace vigil
