// The server, its health, its models, their configurations and statistics.
#include "base/proto_wire.h"
#include "frontends/grpc/oip.h"
#include "frontends/tensors/oip_model.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr uint32_t kReady = 1;               // of every health answer
constexpr uint32_t kName = 1, kVersion = 2;  // of every question about a model, and of tensors
constexpr uint32_t kServerExtensions = 3;    // of ServerMetadataResponse
constexpr uint32_t kModelVersions = 2, kModelPlatform = 3, kModelInputs = 4, kModelOutputs = 5;  // of ModelMetadataResponse
constexpr uint32_t kTensorDatatype = 2, kTensorShape = 3;
// Of ModelConfig (model_config.proto).
constexpr uint32_t kConfigPlatform = 2, kConfigVersionPolicy = 3, kConfigMaxBatchSize = 4, kConfigInput = 5, kConfigOutput = 6,
                   kConfigBackend = 17;
constexpr uint32_t kPolicySpecific = 3, kSpecificVersions = 1;
constexpr uint32_t kConfigDataType = 2, kConfigInputDims = 4, kConfigOutputDims = 3, kConfigReshape = 5;
// Of ModelStatistics.
constexpr uint32_t kModelStats = 1, kLastInference = 3, kInferenceCount = 4, kExecutionCount = 5, kInferenceStats = 6;
constexpr uint32_t kDurationCount = 1, kDurationNs = 2;

struct Asked {
  std::string_view model, version;
};
StatusOr<Asked> ReadAsked(std::string_view message) {
  Asked asked;
  ProtoFields fields(message);
  while (fields.Next()) {
    if (fields.is(kName, ProtoType::kBytes)) asked.model = fields.bytes();
    if (fields.is(kVersion, ProtoType::kBytes)) asked.version = fields.bytes();
  }
  if (!fields.ok()) return Failure(ErrorCode::kMalformed, "the message does not name a model and a version");
  return asked;
}

void AnswerFlag(RestHandler& handler, Call& call, bool value) {
  std::string message;
  ProtoWriter(&message).Bool(kReady, value);
  handler.Answer(call, 200, kGrpcMessage, message);
}

void WriteTensors(ProtoWriter& writer, uint32_t field, const std::vector<TensorSpec>& specs) {
  for (const TensorSpec& spec : specs) {
    writer.Message(field, [&](ProtoWriter& tensor) {
      tensor.Bytes(kName, spec.name);
      tensor.Bytes(kTensorDatatype, DTypeName(spec.dtype));
      for (const int64_t dimension : spec.shape) tensor.Int(kTensorShape, dimension);
    });
  }
}

void WriteConfigTensors(ProtoWriter& writer, uint32_t field, uint32_t dims_field, const std::vector<TensorSpec>& specs, bool batched) {
  for (const TensorSpec& spec : specs) {
    writer.Message(field, [&](ProtoWriter& tensor) {
      tensor.Bytes(kName, spec.name);
      tensor.Int(kConfigDataType, TritonTypeNumber(spec.dtype));
      const TritonDims dims = TritonDimsOf(spec, batched);
      for (const int64_t dimension : dims.dims) tensor.Int(dims_field, dimension);
      if (dims.reshape) tensor.Bytes(kConfigReshape, "");
    });
  }
}

// The target of a question, or nothing: then it has been answered, or will be when the model is loaded.
std::optional<PredictTarget> Resolve(RestHandler& handler, Call& call) {
  const StatusOr<Asked> asked = ReadAsked(call.body);
  if (!asked.ok()) {
    handler.AnswerError(call, asked.status());
    return std::nullopt;
  }
  StatusOr<PredictTarget> target = handler.predict().Resolve(asked->model, asked->version);
  if (target.ok()) return *std::move(target);
  handler.AnswerUnresolved(call, asked->model, asked->version, target.status());
  return std::nullopt;
}

}  // namespace

void HandleServerLive(RestHandler& handler, Call& call) { AnswerFlag(handler, call, true); }
void HandleServerReady(RestHandler& handler, Call& call) { AnswerFlag(handler, call, handler.Ready()); }

void HandleModelReady(RestHandler& handler, Call& call) {
  const StatusOr<Asked> asked = ReadAsked(call.body);
  if (!asked.ok()) return handler.AnswerError(call, asked.status());
  // As Triton has it, a model that is not known is not ready, without more ado.
  AnswerFlag(handler, call, OipModelReady(handler.predict(), asked->model, asked->version).ok());
}

void HandleServerMetadata(RestHandler& handler, Call& call) {
  std::string message;
  ProtoWriter writer(&message);
  writer.Bytes(kName, kOipServerName);
  writer.Bytes(kVersion, handler.shared().options.version);
  for (const std::string_view extension : kOipExtensions) writer.Bytes(kServerExtensions, extension);
  handler.Answer(call, 200, kGrpcMessage, message);
}

void HandleModelMetadata(RestHandler& handler, Call& call) {
  const std::optional<PredictTarget> target = Resolve(handler, call);
  if (!target) return;
  const Signature& signature = target->version->loaded->signature();
  std::string message;
  ProtoWriter writer(&message);
  writer.Bytes(kName, target->model->name);
  for (const auto& [version, served] : target->model->versions) writer.Bytes(kModelVersions, version);
  writer.Bytes(kModelPlatform, target->version->loaded->info().format);
  WriteTensors(writer, kModelInputs, signature.inputs);
  WriteTensors(writer, kModelOutputs, signature.outputs);
  handler.Answer(call, 200, kGrpcMessage, message);
}

void HandleModelConfig(RestHandler& handler, Call& call) {
  const std::optional<PredictTarget> target = Resolve(handler, call);
  if (!target) return;
  const Signature& signature = target->version->loaded->signature();
  const bool batched = IsTritonBatched(signature);
  std::string message;
  ProtoWriter(&message).Message(1, [&](ProtoWriter& config) {
    config.Bytes(kName, target->model->name);
    config.Bytes(kConfigPlatform, target->version->loaded->info().format);
    config.Message(kConfigVersionPolicy, [&](ProtoWriter& policy) {
      policy.Message(kPolicySpecific, [&](ProtoWriter& specific) {
        for (const int64_t version : TritonVersions(*target->model)) specific.Int(kSpecificVersions, version);
      });
    });
    config.Int(kConfigMaxBatchSize, batched ? static_cast<int64_t>(kRowsMax) : 0);
    WriteConfigTensors(config, kConfigInput, kConfigInputDims, signature.inputs, batched);
    WriteConfigTensors(config, kConfigOutput, kConfigOutputDims, signature.outputs, batched);
    config.Bytes(kConfigBackend, kOipServerName);
  });
  handler.Answer(call, 200, kGrpcMessage, message);
}

void HandleModelStatistics(RestHandler& handler, Call& call) {
  const StatusOr<Asked> asked = ReadAsked(call.body);
  if (!asked.ok()) return handler.AnswerError(call, asked.status());
  std::string message;
  ProtoWriter writer(&message);
  const auto tell = [&](const std::string& model, const std::string& version, const InferSums& sums) {
    writer.Message(kModelStats, [&](ProtoWriter& stats) {
      stats.Bytes(kName, model);
      stats.Bytes(kVersion, version);
      stats.Int(kLastInference, sums.last / 1000);
      stats.Int(kInferenceCount, sums.rows);
      stats.Int(kExecutionCount, sums.success);
      stats.Message(kInferenceStats, [&](ProtoWriter& inference) {
        uint32_t field = 0;  // InferStatistics has them in this order
        for (const OipDuration& duration : OipDurations(sums)) {
          inference.Message(++field, [&](ProtoWriter& to) {
            to.Int(kDurationCount, duration.count);
            to.Int(kDurationNs, duration.ns);
          });
        }
      });
    });
  };
  const Status status = OipStatistics(handler.predict(), *handler.shared().statistics, asked->model, asked->version, tell);
  status.ok() ? handler.Answer(call, 200, kGrpcMessage, message) : handler.AnswerError(call, status);
}

}  // namespace vigil
