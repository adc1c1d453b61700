// Open Inference Protocol over REST: infer, with JSON and binary tensors.
#include <charconv>

#include "base/text.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/oip_infer.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/tensors/oip_answer.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr std::string_view kJsonBytes = "Inference-Header-Content-Length";
constexpr std::string_view kJsonHeaderSize = ";json-header-size=";  // of SageMaker's media type

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
      Append(body, "\"", kOipKeys, "\":");
      AppendJsonString(body, OipKeysText(keys));
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
// outputs behind it. Returns how many bytes are JSON.
size_t AppendAnswer(PredictScratch& scratch, std::string* body) {
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
  if (!result.prediction_ids.empty()) {
    Append(body, ",\"parameters\":{\"", kOipPredictionIds, "\":\"");
    AppendPredictionIds(result, body);
    body->append("\"}");
  }
  body->append(",\"outputs\":[");
  AnswerTensors(scratch.target.version->loaded->signature(), result, scratch.batch.rows, &scratch.answers);
  std::string buffers;
  bool first = true;
  for (const AnswerTensor& tensor : scratch.answers) {
    const OipOutput* const wanted = FindOipOutput(request, tensor.spec->name);
    if (wanted == nullptr && !request.outputs.empty()) continue;
    if (!first) body->push_back(',');
    first = false;
    const bool binary = wanted != nullptr && wanted->binary.has_value() ? *wanted->binary : request.binary_outputs;
    AppendOutput(tensor, wanted, binary, body, &buffers);
  }
  body->append("]}");
  const size_t json_bytes = body->size();
  body->append(buffers);
  return json_bytes;
}

void WriteInfer(PredictScratch& scratch, std::string* body) {
  const size_t json_bytes = AppendAnswer(scratch, body);
  if (json_bytes == body->size()) return;
  scratch.extra_text = Concat(json_bytes);
  scratch.extra = {kJsonBytes, scratch.extra_text};
  scratch.content_type = "application/octet-stream";
}

void WriteSagemakerTriton(PredictScratch& scratch, std::string* body) {
  scratch.extra_text = Concat(kSagemakerTriton, kJsonHeaderSize, AppendAnswer(scratch, body));
  scratch.content_type = scratch.extra_text;
}

// How many bytes of the body are JSON; nothing: all of them.
Status ReadJsonBytes(std::string_view text, std::string_view where, std::optional<size_t>* bytes) {
  text = StripBlanks(text);
  if (text.empty()) return absl::OkStatus();
  size_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) {
    return Failure(ErrorCode::kInvalid, Concat("\"", text.substr(0, 40), "\" is no number of bytes"), where);
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

// `json_size` is how much of the body is JSON, as `where` said it.
Status ReadInfer(RestHandler& handler, const Call& call, std::string_view json_size, std::string_view where, PredictScratch* scratch) {
  const ServedVersion& version = *scratch->target.version;
  const Signature& signature = version.loaded->signature();
  std::optional<size_t> json_bytes;
  VIGIL_RETURN_IF_ERROR(ReadJsonBytes(json_size, where, &json_bytes));
  OipRequest& request = scratch->oip_request;
  if (json_bytes.has_value() && *json_bytes == 0) {
    VIGIL_RETURN_IF_ERROR(ReadRawBody(call.body, signature, scratch));
  } else {
    VIGIL_RETURN_IF_ERROR(scratch->oip.Read(call.body, json_bytes, &scratch->memory, &request));
  }
  return FillFromOip(request, signature, handler.Columns(scratch->target), &scratch->context, &scratch->batch, &scratch->absent,
                     &scratch->whole);
}

}  // namespace

void HandleOipInfer(RestHandler& handler, Call& call) {
  PredictScratch* scratch =
      handler.BeginPredict(call, call.params.values[0], call.params.size > 1 ? call.params.values[1] : "", WriteInfer);
  if (scratch == nullptr) return;
  handler.FinishPredict(call, scratch, ReadInfer(handler, call, call.request.header(kJsonBytes), kJsonBytes, scratch));
}

void InferSagemakerTriton(RestHandler& handler, Call& call, std::string_view model, std::string_view json_size) {
  PredictScratch* scratch = handler.BeginPredict(call, model, "", WriteSagemakerTriton);
  if (scratch == nullptr) return;
  handler.FinishPredict(call, scratch, ReadInfer(handler, call, json_size, "json-header-size", scratch));
}

}  // namespace vigil
