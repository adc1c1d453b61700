#include "frontends/rest/api_json.h"

#include <charconv>
#include <cmath>
#include <vector>

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/rest/request.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Text that holds JSON (a gate's report) as JSON; null when empty or broken.
Json Embedded(const std::string& text) {
  if (text.empty()) return nullptr;
  StatusOr<Json> value = ParseJson(text, "stored value");
  return value.ok() ? *std::move(value) : Json(nullptr);
}

Json FactsJson(const VersionFacts& facts) {
  Json out{{"model", facts.model},
           {"version", facts.version},
           {"uri", facts.uri},
           {"digest", facts.digest},
           {"format", facts.format},
           {"created", TimeJson(facts.created)},
           {"created_by", facts.created_by},
           {"parent", facts.parent},
           {"training_from", TimeJson(facts.training_from)},
           {"training_to", TimeJson(facts.training_to)},
           {"as_of", TimeJson(facts.as_of)},
           {"training_rows", facts.training_rows},
           {"dataset_digest", facts.dataset_digest},
           {"trigger", facts.trigger}};
  Json metrics = Json::object();
  for (const auto& [name, value] : facts.metrics) metrics[name] = NumberJson(value);
  out["metrics"] = std::move(metrics);
  out["gate_report"] = Embedded(facts.gate_report);
  return out;
}

Json SpecsJson(const std::vector<TensorSpec>& specs) {
  Json out = Json::array();
  for (const TensorSpec& spec : specs) out.push_back({{"name", spec.name}, {"datatype", DTypeName(spec.dtype)}, {"shape", spec.shape}});
  return out;
}

}  // namespace

Json TimeJson(TimeUs time) { return time == 0 ? Json(nullptr) : Json(FormatTime(time)); }
Json NumberJson(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json ToJson(const RoleAssignment& role) {
  return {{"version", role.version}, {"epoch", role.epoch}, {"since", TimeJson(role.since)}, {"by", role.by}, {"reason", role.reason}};
}

Json ToJson(const VersionRecord& version) {
  Json out = FactsJson(version.facts);
  out["state"] = VersionStateName(version.state);
  out["epoch"] = version.epoch;
  out["loaded"] = version.loaded;
  out["memory_bytes"] = version.memory_bytes;
  if (version.loaded) {
    Json facts = Json::object();
    for (const auto& [name, value] : version.info.facts) facts[name] = value;
    out["engine"] = {{"name", version.info.engine},
                     {"reason", version.info.engine_reason},
                     {"library", version.info.library},
                     {"memory_bytes", version.info.memory_bytes},
                     {"facts", std::move(facts)}};
  }
  return out;
}

Json ToJson(const ModelView& model) {
  Json roles = Json::object();
  for (const auto& [role, assignment] : model.roles) roles[std::string(RoleName(role))] = ToJson(assignment);
  Json arms = Json::array();
  for (const TrafficArm& arm : model.plan.arms) {
    arms.push_back({{"version", arm.version}, {"arm", arm.arm}, {"begin", arm.begin}, {"end", arm.end}});
  }
  Json out{{"name", model.name}, {"ready", model.ready}, {"roles", std::move(roles)}, {"versions", model.versions}};
  out["loaded"] = model.loaded;
  out["memory_bytes"] = model.memory_bytes;
  out["labels"] = model.labels;
  out["traffic"] = {
      {"epoch", model.plan.epoch}, {"experiment", model.plan.experiment}, {"arms", std::move(arms)}, {"shadows", model.plan.shadows}};
  if (model.signature.has_value()) {
    const TableShape shape = TableShapeOf(*model.signature);
    Json types = Json::array();
    for (const ModelColumn& column : shape.columns) types.push_back(DTypeName(column.dtype));
    out["signature"] = {{"task", TaskName(model.signature->task)},
                        {"columns", shape.names},
                        {"column_types", std::move(types)},
                        {"columns_are_named", shape.named},
                        {"output_width", model.signature->output_width},
                        {"inputs", SpecsJson(model.signature->inputs)},
                        {"outputs", SpecsJson(model.signature->outputs)}};
  } else {
    out["signature"] = nullptr;
  }
  return out;
}

Json ToJson(const Alert& alert) {
  return {{"id", alert.id},
          {"rule", alert.rule},
          {"model", alert.model},
          {"version", alert.version},
          {"state", AlertStateName(alert.state)},
          {"severity", SeverityName(alert.severity)},
          {"labels", alert.labels},
          {"annotations", alert.annotations},
          {"columns", alert.columns},
          {"value", NumberJson(alert.value)},
          {"threshold", NumberJson(alert.threshold)},
          {"started", TimeJson(alert.started)},
          {"fired", TimeJson(alert.fired)},
          {"ended", TimeJson(alert.ended)},
          {"acknowledged", TimeJson(alert.acknowledged)},
          {"acknowledged_by", alert.acknowledged_by},
          {"silenced_until", TimeJson(alert.silenced_until)}};
}

Json ToJson(const Job& job) {
  return {{"id", job.id},
          {"model", job.model},
          {"trigger", job.trigger},
          {"reason", job.reason},
          {"state", JobStateName(job.state)},
          {"parent", job.parent},
          {"champion_epoch", job.champion_epoch},
          {"created", TimeJson(job.created)},
          {"started", TimeJson(job.started)},
          {"ended", TimeJson(job.ended)},
          {"window_from", TimeJson(job.window_from)},
          {"window_to", TimeJson(job.window_to)},
          {"as_of", TimeJson(job.as_of)},
          {"attempts", job.attempts},
          {"candidate", job.candidate},
          {"message", job.message},
          {"gate_report", Embedded(job.gate_report)}};
}

Json ToJson(const TimelineEvent& event) {
  return {{"sequence", event.sequence}, {"time", TimeJson(event.time)}, {"model", event.model}, {"kind", event.kind},
          {"subject", event.subject},   {"summary", event.summary},     {"by", event.by},       {"detail", Embedded(event.detail)}};
}

Json ToJson(const Rollout& rollout) {
  Json steps = Json::array();
  for (const RolloutStep& step : rollout.options.steps) {
    steps.push_back({{"share", step.share}, {"duration_min_s", step.duration_min_us / 1'000'000}, {"entities_min", step.entities_min}});
  }
  Json out{{"id", rollout.id},
           {"model", rollout.model},
           {"candidate", rollout.candidate},
           {"champion", rollout.champion},
           {"champion_epoch", rollout.champion_epoch},
           {"state", RolloutStateName(rollout.state)},
           {"step", rollout.step},
           {"steps", std::move(steps)},
           {"ab_test", rollout.options.ab_test},
           {"guardrail", rollout.options.guardrail},
           {"alpha", rollout.options.alpha},
           {"started", TimeJson(rollout.started)},
           {"step_started", TimeJson(rollout.step_started)},
           {"ended", TimeJson(rollout.ended)},
           {"paused", rollout.paused},
           {"reason", rollout.reason}};
  if (rollout.low_high_known) {
    out["evidence"] = {{"difference", NumberJson(rollout.difference)},
                       {"low", NumberJson(rollout.low)},
                       {"high", NumberJson(rollout.high)},
                       {"p_value", NumberJson(rollout.p_value)}};
  } else {
    out["evidence"] = nullptr;
  }
  return out;
}

Json ToJson(const ServerStatus& status) {
  Json out{{"version", status.version},
           {"clock", status.clock},
           {"started", TimeJson(status.started)},
           {"uptime_s", static_cast<double>(status.uptime_us) / 1e6},
           {"now", TimeJson(status.now)},
           {"event_time", TimeJson(status.event_time)},
           {"control_time", TimeJson(status.control_time)},
           {"alerts_firing", status.alerts_firing},
           {"jobs_running", status.jobs_running},
           {"rollouts_running", status.rollouts_running}};
  out["log"] = {{"records", status.log.records}, {"bytes", status.log.bytes},       {"dropped", status.log.dropped},
                {"syncs", status.log.syncs},     {"segments", status.log.segments}, {"torn_bytes_cut", status.log.torn_bytes_cut}};
  const PipelineCounters& p = status.predictions;
  out["predictions"] = {{"requests", p.requests},
                        {"rows", p.rows},
                        {"refused_rows", p.refused_rows},
                        {"failed_rows", p.failed_rows},
                        {"cleaned_cells", p.cleaned_cells},
                        {"shadow_rows", p.shadow_rows},
                        {"shadow_skipped", p.shadow_skipped},
                        {"log_dropped", p.log_dropped}};
  const net::ServerCounters& n = status.net;
  out["net"] = {{"connections_open", n.connections_open},
                {"connections_total", n.connections_total},
                {"connections_refused", n.connections_refused},
                {"requests_total", n.requests_total},
                {"bytes_in", n.bytes_in},
                {"bytes_out", n.bytes_out},
                {"timeouts", n.timeouts},
                {"protocol_errors", n.protocol_errors}};
  Json counters = Json::object();
  for (const auto& [name, value] : status.counters) counters[name] = value;
  out["counters"] = std::move(counters);
  return out;
}

Reply JsonReply(const Json& value, int status) { return {status, "application/json", DumpJson(value)}; }

StatusOr<JsonBody> JsonBody::ReadAny(const ApiRequest& request) {
  JsonBody body;
  body.value_ = Json::object();
  if (StripBlanks(request.body).empty()) return body;
  StatusOr<Json> value = ParseJson(request.body, "the body");
  if (!value.ok()) return Failure(ErrorCode::kMalformed, MessageOf(value.status()));
  if (!value->is_object()) return Failure(ErrorCode::kMalformed, "the body must be a JSON object");
  body.value_ = *std::move(value);
  return body;
}

StatusOr<JsonBody> JsonBody::Read(const ApiRequest& request, std::string_view known) {
  const MediaType media = ParseMediaType(request.content_type);
  if (!StripBlanks(request.body).empty() && !media.IsJson()) {
    return Failure(ErrorCode::kUnsupportedMediaType, Concat("\"", media.type, "\" is not served here; application/json is"),
                   "Content-Type");
  }
  VIGIL_ASSIGN_OR_RETURN(JsonBody body, ReadAny(request));
  std::vector<std::string> names;
  while (!known.empty()) names.emplace_back(TakeUntil(known, ' '));
  for (const auto& [key, member] : body.value_.items()) {
    bool found = false;
    for (const std::string& name : names) found = found || name == key;
    if (!found) return Failure(ErrorCode::kInvalid, Concat("unknown member \"", key, "\"", DidYouMean(key, names)), key);
  }
  return body;
}

const Json* JsonBody::Find(std::string_view name) const {
  const auto found = value_.find(std::string(name));
  return found == value_.end() || found->is_null() ? nullptr : &*found;
}

StatusOr<std::string> JsonBody::Text(std::string_view name) const {
  const Json* member = Find(name);
  if (member == nullptr) return std::string();
  if (member->is_number_integer()) return member->dump();  // versions are often written as numbers
  if (!member->is_string()) return Failure(ErrorCode::kInvalid, "must be a string", name);
  return member->get<std::string>();
}

StatusOr<std::string> JsonBody::Required(std::string_view name) const {
  VIGIL_ASSIGN_OR_RETURN(std::string text, Text(name));
  if (text.empty()) return Failure(ErrorCode::kInvalid, "is required", name);
  return text;
}

StatusOr<std::optional<int64_t>> JsonBody::Whole(std::string_view name) const {
  const Json* member = Find(name);
  if (member == nullptr) return std::optional<int64_t>();
  if (!member->is_number_integer() || (member->is_number_unsigned() && member->get<uint64_t>() > INT64_MAX)) {
    return Failure(ErrorCode::kInvalid, "must be a whole number", name);
  }
  return std::optional<int64_t>(member->get<int64_t>());
}

StatusOr<std::optional<double>> JsonBody::Number(std::string_view name) const {
  const Json* member = Find(name);
  if (member == nullptr) return std::optional<double>();
  if (!member->is_number()) return Failure(ErrorCode::kInvalid, "must be a number", name);
  return std::optional<double>(member->get<double>());
}

StatusOr<bool> JsonBody::Flag(std::string_view name, bool absent) const {
  const Json* member = Find(name);
  if (member == nullptr) return absent;
  if (!member->is_boolean()) return Failure(ErrorCode::kInvalid, "must be true or false", name);
  return member->get<bool>();
}

std::string QueryText(const ApiRequest& request, std::string_view name) { return QueryValue(request.query, name).value_or(""); }

StatusOr<TimeUs> QueryTime(const ApiRequest& request, std::string_view name, TimeUs absent) {
  const std::string text = QueryText(request, name);
  if (text.empty()) return absent;
  StatusOr<TimeUs> time = ParseTime(text);
  if (!time.ok()) return Failure(ErrorCode::kInvalid, MessageOf(time.status()), name);
  return time;
}

StatusOr<size_t> QueryLimit(const ApiRequest& request, size_t absent, size_t maximum) {
  const std::string text = QueryText(request, "limit");
  if (text.empty()) return absent;
  size_t limit = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || stop != text.data() + text.size() || limit == 0 || limit > maximum) {
    return Failure(ErrorCode::kInvalid, Concat("must be a whole number from 1 to ", maximum), "limit");
  }
  return limit;
}

}  // namespace vigil
