// Open Inference Protocol over REST, JSON tensors: health, metadata, infer.
#include "base/text.h"
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

std::string_view OutputName(const ServedVersion& version) {
  const auto& outputs = version.loaded->signature().outputs;
  return outputs.empty() ? std::string_view("prediction") : std::string_view(outputs[0].name);
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
  body->append(",\"outputs\":[{\"name\":");
  AppendJsonString(body, OutputName(version));
  Append(body, ",\"datatype\":\"FP32\",\"shape\":[", scratch.batch.rows);
  // A model whose output has a second dimension answers with one, if it is 1 wide too.
  const auto& outputs = version.loaded->signature().outputs;
  if (result.width > 1 || (!outputs.empty() && outputs[0].shape.size() > 1)) Append(body, ',', result.width);
  body->append("],\"data\":[");
  for (size_t i = 0; i < result.outputs.size(); ++i) {
    if (i != 0) body->push_back(',');
    AppendJsonNumber(body, result.outputs[i]);
  }
  body->append("]}]}");
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
  if (!target.ok()) return handler.AnswerError(call, target.status());
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
  std::string body = "{\"name\":";
  AppendJsonString(&body, call.params.values[0]);
  Append(&body, ",\"ready\":", target.ok() ? "true" : "false", ",\"live\":true}");
  handler.Answer(call, target.ok() ? 200 : 503, kJson, body, target.ok() ? net::ReplyHeader{} : net::ReplyHeader{"Retry-After", "1"});
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
  const std::string_view output = OutputName(*scratch->target.version);
  for (const std::string& name : scratch->oip_request.outputs) {
    if (parsed.ok() && name != output) {
      parsed = Failure(ErrorCode::kInvalid, Concat("unexpected output \"", name, "\": the model gives \"", output, "\""), "outputs");
    }
  }
  handler.FinishPredict(call, scratch, parsed);
}

}  // namespace vigil
