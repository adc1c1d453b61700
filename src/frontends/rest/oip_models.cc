// Open Inference Protocol over REST: the server, its health, its models, their configurations and statistics.
#include <utility>

#include "base/text.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/tensors/oip_model.h"
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

void AppendConfigTensors(const std::vector<TensorSpec>& specs, bool batched, std::string* out) {
  out->push_back('[');
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorSpec& spec = specs[i];
    Append(out, i == 0 ? "" : ",", "{\"name\":");
    AppendJsonString(out, spec.name);
    Append(out, ",\"data_type\":\"", TritonTypeName(spec.dtype), "\",\"dims\":[");
    const TritonDims dims = TritonDimsOf(spec, batched);
    for (size_t d = 0; d < dims.dims.size(); ++d) Append(out, d == 0 ? "" : ",", dims.dims[d]);
    out->append(dims.reshape ? "],\"reshape\":{\"shape\":[]}}" : "]}");
  }
  out->push_back(']');
}

void AppendStatistics(const std::string& model, const std::string& version, const InferSums& sums, std::string* out) {
  out->append("{\"name\":");
  AppendJsonString(out, model);
  out->append(",\"version\":");
  AppendJsonString(out, version);
  Append(out, ",\"last_inference\":", sums.last / 1000, ",\"inference_count\":", sums.rows, ",\"execution_count\":", sums.success,
         ",\"inference_stats\":{");
  bool first = true;
  for (const OipDuration& duration : OipDurations(sums)) {
    Append(out, std::exchange(first, false) ? "\"" : ",\"", duration.name, "\":{\"count\":", duration.count, ",\"ns\":", duration.ns, "}");
  }
  out->append("},\"batch_stats\":[]}");
}

std::string_view VersionOf(const Call& call) { return call.params.size > 1 ? call.params.values[1] : std::string_view(); }

StatusOr<PredictTarget> TargetOf(RestHandler& handler, const Call& call) {
  return handler.predict().Resolve(call.params.values[0], VersionOf(call));
}

// The model's signature is asked for: where it is not loaded, that waits for it.
void AnswerUnresolved(RestHandler& handler, Call& call, const Status& status) {
  handler.AnswerUnresolved(call, call.params.values[0], VersionOf(call), status);
}

}  // namespace

void HandleOipServer(RestHandler& handler, Call& call) {
  std::string body = Concat("{\"name\":\"", kOipServerName, "\",\"version\":");
  AppendJsonString(&body, handler.shared().options.version);
  body.append(",\"extensions\":[");
  bool first = true;
  for (const std::string_view extension : kOipExtensions) Append(&body, std::exchange(first, false) ? "\"" : ",\"", extension, "\"");
  body.append("]}");
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
  const StatusOr<PredictTarget> target = TargetOf(handler, call);
  if (!target.ok()) return AnswerUnresolved(handler, call, target.status());
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
  const Status status = OipModelReady(handler.predict(), call.params.values[0], VersionOf(call));
  const bool ready = status.ok();
  if (!ready && CodeOf(status) != ErrorCode::kUnavailable) return handler.AnswerError(call, status);
  std::string body = "{\"name\":";
  AppendJsonString(&body, call.params.values[0]);
  Append(&body, ",\"ready\":", ready ? "true" : "false", ",\"live\":true}");
  handler.Answer(call, ready ? 200 : 503, kJson, body, ready ? net::ReplyHeader{} : net::ReplyHeader{"Retry-After", "1"});
}

void HandleOipConfig(RestHandler& handler, Call& call) {
  const StatusOr<PredictTarget> target = TargetOf(handler, call);
  if (!target.ok()) return AnswerUnresolved(handler, call, target.status());
  const Signature& signature = target->version->loaded->signature();
  const bool batched = IsTritonBatched(signature);
  std::string body = "{\"name\":";
  AppendJsonString(&body, target->model->name);
  body.append(",\"platform\":");
  AppendJsonString(&body, target->version->loaded->info().format);
  body.append(",\"backend\":\"vigil\",\"runtime\":\"\",\"version_policy\":{\"specific\":{\"versions\":[");
  bool first = true;
  for (const int64_t version : TritonVersions(*target->model)) Append(&body, std::exchange(first, false) ? "" : ",", version);
  Append(&body, "]}},\"max_batch_size\":", batched ? kRowsMax : 0, ",\"input\":");
  AppendConfigTensors(signature.inputs, batched, &body);
  body.append(",\"output\":");
  AppendConfigTensors(signature.outputs, batched, &body);
  body.append(",\"instance_group\":[],\"default_model_filename\":\"\",\"parameters\":{},\"model_warmup\":[]}");
  handler.Answer(call, 200, kJson, body);
}

void HandleOipStatistics(RestHandler& handler, Call& call) {
  std::string body = "{\"model_stats\":[";
  bool first = true;
  const Status status = OipStatistics(handler.predict(), *handler.shared().statistics, call.params.values[0], VersionOf(call),
                                      [&](const std::string& model, const std::string& version, const InferSums& sums) {
                                        if (!std::exchange(first, false)) body.push_back(',');
                                        AppendStatistics(model, version, sums, &body);
                                      });
  if (!status.ok()) return handler.AnswerError(call, status);
  body.append("]}");
  handler.Answer(call, 200, kJson, body);
}

}  // namespace vigil
