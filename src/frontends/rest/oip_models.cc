// Open Inference Protocol over REST: the server, its health, its models, their configurations and statistics.
#include <algorithm>
#include <utility>

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

// Triton's spelling of an element type.
std::string_view TritonType(DType dtype) { return dtype == DType::kString ? std::string_view("STRING") : DTypeName(dtype); }

bool IsBatched(const std::vector<TensorSpec>& specs) {
  return std::all_of(specs.begin(), specs.end(), [](const TensorSpec& spec) { return !spec.shape.empty() && spec.shape[0] < 0; });
}

// Tensors in the form of config.pbtxt. Of a batched model the first dimension is not told; one without any other has the dimension 1, which
// is no part of its shape.
void AppendConfigTensors(const std::vector<TensorSpec>& specs, bool batched, std::string* out) {
  out->push_back('[');
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorSpec& spec = specs[i];
    Append(out, i == 0 ? "" : ",", "{\"name\":");
    AppendJsonString(out, spec.name);
    Append(out, ",\"data_type\":\"TYPE_", TritonType(spec.dtype), "\",\"dims\":[");
    const size_t first = batched ? 1 : 0;
    for (size_t d = first; d < spec.shape.size(); ++d) Append(out, d == first ? "" : ",", spec.shape[d]);
    out->append(spec.shape.size() == first ? "1],\"reshape\":{\"shape\":[]}}" : "]}");
  }
  out->push_back(']');
}

void AppendDuration(std::string_view name, int64_t count, int64_t ns, std::string* out) {
  Append(out, "\"", name, "\":{\"count\":", count, ",\"ns\":", ns, "}");
}

void AppendStatistics(const std::string& model, const std::string& version, const InferSums& sums, std::string* out) {
  out->append("{\"name\":");
  AppendJsonString(out, model);
  out->append(",\"version\":");
  AppendJsonString(out, version);
  // Requests are scored as they come, so each is one execution; nothing waits in a queue of ours.
  Append(out, ",\"last_inference\":", sums.last / 1000, ",\"inference_count\":", sums.rows, ",\"execution_count\":", sums.success,
         ",\"inference_stats\":{");
  AppendDuration("success", sums.success, sums.success_ns, out);
  out->push_back(',');
  AppendDuration("fail", sums.fail, sums.fail_ns, out);
  out->push_back(',');
  AppendDuration("queue", sums.success, 0, out);
  out->push_back(',');
  AppendDuration("compute_input", sums.success, sums.input_ns, out);
  out->push_back(',');
  AppendDuration("compute_infer", sums.success, sums.infer_ns, out);
  out->push_back(',');
  AppendDuration("compute_output", sums.success, sums.output_ns, out);
  out->append(",\"cache_hit\":{\"count\":0,\"ns\":0},\"cache_miss\":{\"count\":0,\"ns\":0}},\"batch_stats\":[]}");
}

std::string_view VersionOf(const Call& call) { return call.params.size > 1 ? call.params.values[1] : std::string_view(); }

StatusOr<PredictTarget> TargetOf(RestHandler& handler, const Call& call) {
  return handler.predict().Resolve(call.params.values[0], VersionOf(call));
}

// The model's signature is asked for: where it is not loaded, that waits for it.
void AnswerUnresolved(RestHandler& handler, Call& call, const Status& status) {
  handler.AnswerUnresolved(call, call.params.values[0], VersionOf(call), status);
}

// The version that is meant, not loaded now and loaded for the first request that asks: such a model is ready. Empty: there is none.
std::string_view VersionOnDemand(const ServedModel& model, std::string_view version) {
  if (!model.on_demand || model.unloaded) return "";
  return version.empty() || version == model.champion_version ? std::string_view(model.champion_version) : std::string_view();
}

}  // namespace

void HandleOipServer(RestHandler& handler, Call& call) {
  std::string body = "{\"name\":\"vigil\",\"version\":";
  AppendJsonString(&body, handler.shared().options.version);
  body.append(
      ",\"extensions\":[\"binary_tensor_data\",\"classification\",\"model_configuration\",\"model_repository\",\"parameters\","
      "\"statistics\"]}");
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
  const StatusOr<PredictTarget> target = TargetOf(handler, call);
  bool ready = target.ok();
  if (!ready) {
    const ServedModels& models = handler.predict().Models()->models;
    const auto model = models.find(call.params.values[0]);
    ready = model != models.end() && !VersionOnDemand(*model->second, VersionOf(call)).empty();
  }
  if (!ready && CodeOf(target.status()) != ErrorCode::kUnavailable) return handler.AnswerError(call, target.status());
  std::string body = "{\"name\":";
  AppendJsonString(&body, call.params.values[0]);
  Append(&body, ",\"ready\":", ready ? "true" : "false", ",\"live\":true}");
  handler.Answer(call, ready ? 200 : 503, kJson, body, ready ? net::ReplyHeader{} : net::ReplyHeader{"Retry-After", "1"});
}

void HandleOipConfig(RestHandler& handler, Call& call) {
  const StatusOr<PredictTarget> target = TargetOf(handler, call);
  if (!target.ok()) return AnswerUnresolved(handler, call, target.status());
  const Signature& signature = target->version->loaded->signature();
  const bool batched = IsBatched(signature.inputs) && IsBatched(signature.outputs);
  std::string body = "{\"name\":";
  AppendJsonString(&body, target->model->name);
  body.append(",\"platform\":");
  AppendJsonString(&body, target->version->loaded->info().format);
  body.append(",\"backend\":\"vigil\",\"runtime\":\"\",\"version_policy\":{\"specific\":{\"versions\":[");
  bool first = true;
  for (const auto& [version, served] : target->model->versions) {
    if (version.find_first_not_of("0123456789") != std::string::npos) continue;  // Triton's versions are numbers
    Append(&body, first ? "" : ",", version);
    first = false;
  }
  Append(&body, "]}},\"max_batch_size\":", batched ? kRowsMax : 0, ",\"input\":");
  AppendConfigTensors(signature.inputs, batched, &body);
  body.append(",\"output\":");
  AppendConfigTensors(signature.outputs, batched, &body);
  body.append(",\"instance_group\":[],\"default_model_filename\":\"\",\"parameters\":{},\"model_warmup\":[]}");
  handler.Answer(call, 200, kJson, body);
}

void HandleOipStatistics(RestHandler& handler, Call& call) {
  const InferStatistics& statistics = *handler.shared().statistics;
  std::string body = "{\"model_stats\":[";
  bool first = true;
  const auto add = [&](const ServedModel& model, std::string_view only) {
    const auto add_one = [&](const std::string& version) {
      if (!only.empty() && version != only) return;
      if (!std::exchange(first, false)) body.push_back(',');
      AppendStatistics(model.name, version, statistics.Sum(model.name, version), &body);
    };
    for (const auto& [version, served] : model.versions) add_one(version);
    // What was answered before the model made room for others counts on.
    if (model.champion == nullptr && !VersionOnDemand(model, only).empty()) add_one(model.champion_version);
  };
  if (call.params.size == 0) {
    for (const auto& [name, model] : handler.predict().Models()->models) add(*model, "");
  } else {
    const StatusOr<PredictTarget> target = TargetOf(handler, call);
    const ServedModels& models = handler.predict().Models()->models;
    const auto model = models.find(call.params.values[0]);
    const bool known = target.ok() || (model != models.end() && !VersionOnDemand(*model->second, VersionOf(call)).empty());
    if (!known) return handler.AnswerError(call, target.status());
    add(*model->second, VersionOf(call));
  }
  body.append("]}");
  handler.Answer(call, 200, kJson, body);
}

}  // namespace vigil
