// ModelInfer: the message in place → rows → ModelInferResponse, whose data is always raw_output_contents: some clients read nothing else.
#include "base/proto_wire.h"
#include "frontends/grpc/oip.h"
#include "frontends/tensors/oip_answer.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Of ModelInferResponse.
constexpr uint32_t kModelName = 1, kModelVersion = 2, kId = 3, kParameters = 4, kOutputs = 5, kRawOutputContents = 6;
// Of InferOutputTensor.
constexpr uint32_t kName = 1, kDatatype = 2, kShape = 3, kOutputParameters = 4;
// Of an entry of a map, and of InferParameter.
constexpr uint32_t kKey = 1, kValue = 2, kBoolParam = 1, kStringParam = 3;

constexpr std::string_view kFinalResponse = "triton_final_response";

void TextParameter(ProtoWriter& writer, uint32_t field, std::string_view key, std::string_view text) {
  writer.Message(field, [&](ProtoWriter& entry) {
    entry.Bytes(kKey, key);
    entry.Message(kValue, [&](ProtoWriter& value) { value.Bytes(kStringParam, text); });
  });
}

void WriteShape(ProtoWriter& writer, absl::Span<const int64_t> shape) {
  // Dimensions are written one by one, which every parser of packed fields takes too.
  for (const int64_t dimension : shape) writer.Int(kShape, dimension);
}

// An output that is wanted, and its classes where it is wanted as these.
template <typename Use>
void EachOutput(const PredictScratch& scratch, Use use) {
  for (const AnswerTensor& tensor : scratch.answers) {
    const OipOutput* const wanted = FindOipOutput(scratch.oip_request, tensor.spec->name);
    if (wanted == nullptr && !scratch.oip_request.outputs.empty()) continue;
    use(tensor, wanted == nullptr ? 0 : static_cast<size_t>(wanted->classes));
  }
}

// The tensor's elements as they are, behind their length.
void WriteRaw(ProtoWriter& writer, const AnswerTensor& tensor, std::string* message) {
  if (tensor.dtype == DType::kString) {
    writer.Message(kRawOutputContents, [&](ProtoWriter&) { AppendRaw(tensor, message); });
    return;
  }
  const void* data = tensor.floats;
  if (tensor.owned != nullptr) {
    data = tensor.dtype == DType::kFloat32 ? static_cast<const void*>(tensor.owned->floats.data()) : tensor.owned->bytes.data();
  }
  writer.PackedRaw(kRawOutputContents, data, RawBytes(tensor));
}

void WriteAnswer(PredictScratch& scratch, bool final_response, std::string* message) {
  const PredictResult& result = scratch.result;
  const OipRequest& request = scratch.oip_request;
  ProtoWriter writer(message);
  writer.Bytes(kModelName, scratch.target.model->name);
  writer.Bytes(kModelVersion, result.version);
  if (!request.id.empty()) writer.Bytes(kId, request.id);
  if (!result.prediction_ids.empty()) {
    scratch.extra_text.clear();
    AppendPredictionIds(result, &scratch.extra_text);
    TextParameter(writer, kParameters, kOipPredictionIds, scratch.extra_text);
  }
  if (final_response) {
    writer.Message(kParameters, [&](ProtoWriter& entry) {
      entry.Bytes(kKey, kFinalResponse);
      entry.Message(kValue, [&](ProtoWriter& value) { value.Bool(kBoolParam, true); });
    });
  }
  AnswerTensors(scratch.target.version->loaded->signature(), result, scratch.batch.rows, &scratch.answers);
  std::vector<std::vector<std::string>> classes;  // of the outputs that are wanted so, in order
  EachOutput(scratch, [&](const AnswerTensor& tensor, size_t count) {
    writer.Message(kOutputs, [&](ProtoWriter& output) {
      output.Bytes(kName, tensor.spec->name);
      if (count > 0) {
        size_t width = 0;
        classes.push_back(Classify(tensor, count, &width));
        output.Bytes(kDatatype, DTypeName(DType::kString));
        return WriteShape(output, {tensor.shape[0], static_cast<int64_t>(width)});
      }
      output.Bytes(kDatatype, DTypeName(tensor.dtype));
      WriteShape(output, tensor.shape);
      if (!tensor.spec->keys.empty()) TextParameter(output, kOutputParameters, kOipKeys, OipKeysText(tensor.spec->keys));
    });
  });
  size_t classified = 0;
  EachOutput(scratch, [&](const AnswerTensor& tensor, size_t count) {
    if (count == 0) return WriteRaw(writer, tensor, message);
    writer.Message(kRawOutputContents, [&](ProtoWriter&) {
      for (const std::string& text : classes[classified]) AppendRawText(text, message);
    });
    ++classified;
  });
}

void WriteInfer(PredictScratch& scratch, std::string* message) { WriteAnswer(scratch, false, message); }
void WriteStreamInfer(PredictScratch& scratch, std::string* message) { WriteAnswer(scratch, true, message); }

Status ReadInfer(RestHandler& handler, const Call& call, PredictScratch* scratch) {
  VIGIL_RETURN_IF_ERROR(scratch->oip_message.Read(call.body, &scratch->memory, &scratch->oip_request));
  return FillFromOip(scratch->oip_request, scratch->target.version->loaded->signature(), handler.Columns(scratch->target),
                     &scratch->context, &scratch->batch, &scratch->absent, &scratch->whole);
}

void Infer(RestHandler& handler, Call& call, PredictWriter writer) {
  std::string_view model, version;
  if (const Status status = ReadOipTarget(call.body, &model, &version); !status.ok()) return handler.AnswerError(call, status);
  PredictScratch* const scratch = handler.BeginPredict(call, model, version, writer);
  if (scratch == nullptr) return;
  scratch->content_type = kGrpcMessage;
  handler.FinishPredict(call, scratch, ReadInfer(handler, call, scratch));
}

}  // namespace

void HandleModelInfer(RestHandler& handler, Call& call) { Infer(handler, call, WriteInfer); }
void HandleModelStreamInfer(RestHandler& handler, Call& call) { Infer(handler, call, WriteStreamInfer); }

}  // namespace vigil
