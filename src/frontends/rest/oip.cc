// Open Inference Protocol over REST, JSON tensors: health, metadata, infer.
#include <algorithm>

#include "base/text.h"
#include "frontends/rest/answer_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr std::string_view kJson = "application/json";

// Clients read either field of a health answer: some the protocol's own `live`, some `ready`.
std::string HealthBody(bool live, bool ready) {
  return Concat("{\"live\":", live ? "true" : "false", ",\"ready\":", ready ? "true" : "false", "}");
}

void AppendTensorSpecs(const std::vector<TensorSpec>& specs, std::string* out) {
  out->push_back('[');
  for (size_t i = 0; i < specs.size(); ++i) {
    Append(out, i == 0 ? "" : ",", "{\"name\":");
    AppendJsonString(out, specs[i].name);
    Append(out, ",\"datatype\":\"", DTypeName(specs[i].dtype), "\",\"shape\":[");
    for (size_t d = 0; d < specs[i].shape.size(); ++d) Append(out, d == 0 ? "" : ",", specs[i].shape[d]);
    out->append("]}");
  }
  out->push_back(']');
}

bool IsWanted(const OipRequest& request, std::string_view output) {
  return request.outputs.empty() || std::find(request.outputs.begin(), request.outputs.end(), output) != request.outputs.end();
}

// `"data":[...]}` of one output, with its name, type and shape.
void AppendOutput(const TensorSpec& spec, const OwnedTensor* tensor, const PredictResult& result, size_t rows, std::string* body) {
  body->append("{\"name\":");
  AppendJsonString(body, spec.name);
  Append(body, ",\"datatype\":\"", DTypeName(spec.dtype), "\",\"shape\":[", rows);
  if (tensor == nullptr) {
    // A model whose output has a second dimension answers with one, if it is 1 wide too.
    if (result.width > 1 || spec.shape.size() > 1) Append(body, ',', result.width);
  } else {
    for (size_t d = 1; d < tensor->shape.size(); ++d) Append(body, ',', tensor->shape[d]);
  }
  body->push_back(']');
  if (!spec.keys.empty()) {  // a map's keys, as the text of a JSON list: parameters are scalars in this protocol
    std::string keys;
    for (const std::string& key : spec.keys) {
      keys.push_back(keys.empty() ? '[' : ',');
      AppendJsonString(&keys, key);
    }
    keys.push_back(']');
    body->append(",\"parameters\":{\"keys\":");
    AppendJsonString(body, keys);
    body->push_back('}');
  }
  body->append(",\"data\":[");
  const size_t elements = tensor == nullptr ? result.outputs.size() : tensor->size();
  for (size_t i = 0; i < elements; ++i) {
    if (i != 0) body->push_back(',');
    tensor == nullptr ? AppendJsonNumber(body, result.outputs[i]) : AppendElement(*tensor, i, body);
  }
  body->append("]}");
}

// {"model_name","model_version","id"?,"parameters":{"prediction_ids":"a,b"},"outputs":[{"name","datatype":"FP32","shape","data"}]}
void WriteInfer(const PredictScratch& scratch, std::string* body) {
  const PredictResult& result = scratch.result;
  const ServedVersion& version = *scratch.target.version;
  body->append("{\"model_name\":");
  AppendJsonString(body, scratch.target.model->name);
  body->append(",\"model_version\":");
  AppendJsonString(body, result.version);
  if (!scratch.oip_request.id.empty()) {
    body->append(",\"id\":");
    AppendJsonString(body, scratch.oip_request.id);
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
  const std::vector<TensorSpec>& outputs = version.loaded->signature().outputs;
  bool first = true;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!IsWanted(scratch.oip_request, outputs[i].name)) continue;
    if (!first) body->push_back(',');
    first = false;
    AppendOutput(outputs[i], result.tensors.empty() ? nullptr : &result.tensors[i], result, scratch.batch.rows, body);
  }
  body->append("]}");
}

}  // namespace

void HandleOipServer(RestHandler& handler, Call& call) {
  std::string body = "{\"name\":\"vigil\",\"version\":";
  AppendJsonString(&body, handler.shared().options.version);
  body.append(",\"extensions\":[]}");
  handler.Answer(call, 200, kJson, body);
}

void HandleOipLive(RestHandler& handler, Call& call) { handler.Answer(call, 200, kJson, HealthBody(true, handler.Ready())); }

void HandleOipReady(RestHandler& handler, Call& call) {
  const bool ready = handler.Ready();
  handler.Answer(call, ready ? 200 : 503, kJson, HealthBody(true, ready),
                 ready ? net::ReplyHeader{} : net::ReplyHeader{"Retry-After", "1"});
}

void HandleOipModels(RestHandler& handler, Call& call) {
  std::string body = "{\"models\":[";
  bool first = true;
  for (const auto& [name, model] : handler.predict().Models()->models) {
    if (!first) body.push_back(',');
    first = false;
    AppendJsonString(&body, name);
  }
  body.append("]}");
  handler.Answer(call, 200, kJson, body);
}

void HandleOipModel(RestHandler& handler, Call& call) {
  const StatusOr<PredictTarget> target =
      handler.predict().Resolve(call.params.values[0], call.params.size > 1 ? call.params.values[1] : "");
  if (!target.ok()) {
    return handler.AnswerUnresolved(call, call.params.values[0], call.params.size > 1 ? call.params.values[1] : "", target.status());
  }
  const Signature& signature = target->version->loaded->signature();
  std::string body = "{\"name\":";
  AppendJsonString(&body, target->model->name);
  body.append(",\"versions\":[");
  bool first = true;
  for (const auto& [version, served] : target->model->versions) {
    if (!first) body.push_back(',');
    first = false;
    AppendJsonString(&body, version);
  }
  body.append("],\"platform\":");
  AppendJsonString(&body, target->version->loaded->info().format);
  body.append(",\"inputs\":");
  AppendTensorSpecs(signature.inputs, &body);
  body.append(",\"outputs\":");
  AppendTensorSpecs(signature.outputs, &body);
  body.push_back('}');
  handler.Answer(call, 200, kJson, body);
}

void HandleOipModelReady(RestHandler& handler, Call& call) {
  const StatusOr<PredictTarget> target =
      handler.predict().Resolve(call.params.values[0], call.params.size > 1 ? call.params.values[1] : "");
  if (!target.ok() && CodeOf(target.status()) != ErrorCode::kUnavailable) return handler.AnswerError(call, target.status());
  bool ready = target.ok();
  const ServedModels& models = handler.predict().Models()->models;
  if (const auto model = models.find(call.params.values[0]); model != models.end()) ready |= model->second->ready();
  std::string body = "{\"name\":";
  AppendJsonString(&body, call.params.values[0]);
  Append(&body, ",\"ready\":", ready ? "true" : "false", ",\"live\":true}");
  handler.Answer(call, ready ? 200 : 503, kJson, body, ready ? net::ReplyHeader{} : net::ReplyHeader{"Retry-After", "1"});
}

void HandleOipInfer(RestHandler& handler, Call& call) {
  PredictScratch* scratch =
      handler.BeginPredict(call, call.params.values[0], call.params.size > 1 ? call.params.values[1] : "", WriteInfer);
  if (scratch == nullptr) return;
  Status parsed;
  if (!call.request.header("Inference-Header-Content-Length").empty()) {
    parsed = Failure(ErrorCode::kInvalid, "binary tensors are not served: send tensors as JSON", "Inference-Header-Content-Length");
  } else {
    parsed = scratch->oip.Parse(call.request.body, handler.Columns(*scratch->target.version), &scratch->oip_request, &scratch->batch,
                                &scratch->absent);
  }
  std::vector<std::string> given;
  for (const std::string& name : scratch->oip_request.outputs) {
    if (!parsed.ok()) break;
    if (given.empty()) {
      for (const TensorSpec& spec : scratch->target.version->loaded->signature().outputs) given.push_back(spec.name);
    }
    if (std::find(given.begin(), given.end(), name) != given.end()) continue;
    std::string choices;
    for (const std::string& choice : given) Append(&choices, choices.empty() ? "\"" : ", \"", choice, "\"");
    parsed = Failure(ErrorCode::kInvalid, Concat("unexpected output \"", name, "\": the model gives ", choices), "outputs");
  }
  handler.FinishPredict(call, scratch, parsed);
}

}  // namespace vigil
