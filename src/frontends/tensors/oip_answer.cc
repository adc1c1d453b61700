#include "frontends/tensors/oip_answer.h"

#include <algorithm>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/tensors/whole_tensors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

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

}  // namespace

Status FillFromOip(const OipRequest& request, const Signature& signature, const ColumnIndex& columns, RequestContext* context,
                   RowBatch* batch, std::vector<uint32_t>* absent, Batch* whole) {
  VIGIL_RETURN_IF_ERROR(CheckOutputs(request, signature));
  if (request.timeout_us > 0) {
    const int64_t deadline = context->arrived_ns + std::min(request.timeout_us, kOipTimeoutUsMax) * 1000;
    context->deadline_ns = std::min(context->deadline_ns, deadline);
  }
  VIGIL_RETURN_IF_ERROR(FillFromTensors(request.tensors, signature, columns, batch, absent, whole));
  return request.lists.Apply(batch);
}

const OipOutput* FindOipOutput(const OipRequest& request, std::string_view output) {
  const auto found = std::find_if(request.outputs.begin(), request.outputs.end(), [&](const OipOutput& o) { return o.name == output; });
  return found == request.outputs.end() ? nullptr : &*found;
}

void AppendPredictionIds(const PredictResult& result, std::string* out) {
  char text[PredictionId::kTextLength];
  for (size_t i = 0; i < result.prediction_ids.size(); ++i) {
    if (i != 0) out->push_back(',');
    result.prediction_ids[i].Format(text);
    out->append(text, sizeof(text));
  }
}

std::string OipKeysText(const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) {
    text.push_back(text.empty() ? '[' : ',');
    AppendJsonString(&text, key);
  }
  text.push_back(']');
  return text;
}

}  // namespace vigil
