// GetModelMetadata, GetModelStatus and HandleReloadConfigRequest.
#include <utility>

#include "base/proto_wire.h"
#include "frontends/grpc/tfs.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/tensors/tensor_proto.h"
#include "frontends/tensors/tfs_config.h"
#include "frontends/tensors/tfs_messages.h"
#include "frontends/tensors/tfs_model.h"
#include "frontends/tensors/tfs_status.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Of a map's entry, of Any, of TensorInfo, of SignatureDef and of GetModelMetadata's messages.
constexpr uint32_t kKey = 1, kValue = 2;
constexpr uint32_t kTypeUrl = 1, kAnyValue = 2;
constexpr uint32_t kInfoName = 1, kInfoDtype = 2, kInfoShape = 3;
constexpr uint32_t kInputs = 1, kOutputs = 2, kMethodName = 3, kSignatures = 1;
constexpr uint32_t kMetadataField = 2, kSpec = 1, kMetadata = 2;
// Of GetModelStatusResponse, ModelVersionStatus and StatusProto; of ReloadConfigRequest, its response and Metric.
constexpr uint32_t kStatuses = 1, kVersion = 1, kState = 2, kStatus = 3, kErrorCode = 1, kErrorMessage = 2;
constexpr uint32_t kMetricNames = 2, kReloadStatus = 1, kMetrics = 2, kMetricName = 1, kIncrease = 2;

constexpr std::string_view kSignatureDef = "signature_def";

void WriteInfos(uint32_t field, const std::vector<TensorSpec>& specs, ProtoWriter* signature) {
  for (const TensorSpec& spec : specs) {
    signature->Message(field, [&](ProtoWriter& entry) {
      entry.Bytes(kKey, spec.name);
      entry.Message(kValue, [&](ProtoWriter& info) {
        info.Bytes(kInfoName, Concat(spec.name, ":0"));
        info.Varint(kInfoDtype, TensorProtoType(spec.dtype));
        info.Message(kInfoShape, [&](ProtoWriter& shape) { WriteTensorShape(spec.shape, &shape); });
      });
    });
  }
}

std::string SignatureMap(const LoadedModel& model) {
  std::string bytes;
  ProtoWriter(&bytes).Message(kSignatures, [&](ProtoWriter& entry) {
    entry.Bytes(kKey, TfsSignatureName(model));
    entry.Message(kValue, [&](ProtoWriter& signature) {
      WriteInfos(kInputs, model.signature().inputs, &signature);
      WriteInfos(kOutputs, model.signature().outputs, &signature);
      signature.Bytes(kMethodName, kTfsPredictMethod);
    });
  });
  return bytes;
}

Status CheckFields(std::string_view message) {
  std::vector<std::string_view> fields;
  VIGIL_RETURN_IF_ERROR(ReadTfsTexts(message, kMetadataField, &fields));
  if (fields.empty()) {
    return Failure(ErrorCode::kInvalid, "GetModelMetadataRequest must specify at least one metadata_field");
  }
  for (const std::string_view field : fields) {
    if (field == kSignatureDef) continue;
    return Failure(ErrorCode::kInvalid, Concat("Metadata field ", field.substr(0, 128), " is not supported; ", kSignatureDef, " is"));
  }
  return absl::OkStatus();
}

Reply ProtoReply(std::string body) { return {200, "application/grpc+proto", std::move(body)}; }

}  // namespace

void HandleTfsGrpcMetadata(RestHandler& handler, Call& call) {
  TfsModelSpec spec;
  Status status = ReadTfsModelSpec(call.body, &spec);
  if (status.ok() && !spec.is_there) status = CheckTfsModelSpec(spec);
  if (status.ok()) status = CheckFields(call.body);
  if (status.ok()) status = CheckTfsModelSpec(spec);
  if (!status.ok()) return handler.AnswerError(call, status);
  const StatusOr<std::string> version = TfsVersionOf(spec, *handler.predict().Models());
  if (!version.ok()) return handler.AnswerError(call, version.status());
  const StatusOr<PredictTarget> target = handler.predict().Resolve(spec.name, *version);
  if (!target.ok()) return handler.AnswerUnresolved(call, spec.name, *version, target.status());
  std::string body;
  ProtoWriter response(&body);
  response.Message(kSpec, [&](ProtoWriter& out) { WriteTfsModelSpec(target->model->name, target->version->facts.version, "", &out); });
  response.Message(kMetadata, [&](ProtoWriter& entry) {
    entry.Bytes(kKey, kSignatureDef);
    entry.Message(kValue, [&](ProtoWriter& any) {
      any.Bytes(kTypeUrl, "type.googleapis.com/tensorflow.serving.SignatureDefMap");
      any.Bytes(kAnyValue, SignatureMap(*target->version->loaded));
    });
  });
  handler.Answer(call, 200, "application/grpc+proto", body);
}

// A version that is no number has none here; TensorFlow Serving knows no such.
StatusOr<Reply> TfsGrpcModelStatus(Operations& operations, const ApiRequest& request) {
  TfsModelSpec spec;
  VIGIL_RETURN_IF_ERROR(ReadTfsModelSpec(request.body, &spec));
  if (!spec.is_there) return CheckTfsModelSpec(spec);
  std::optional<std::string> version, label;
  if (spec.version.has_value()) version = Concat(*spec.version);
  if (spec.label.has_value()) label = std::string(*spec.label);
  VIGIL_ASSIGN_OR_RETURN(const std::vector<TfsVersion> versions, TfsVersions(operations, std::string(spec.name), version, label));
  std::string body;
  ProtoWriter response(&body);
  for (const TfsVersion& record : versions) {
    response.Message(kStatuses, [&](ProtoWriter& one) {
      if (const auto number = TfsVersionNumber(record.version)) one.Int(kVersion, *number);
      one.Int(kState, static_cast<int64_t>(record.state));
      one.Message(kStatus, [](ProtoWriter& ok) { ok.Int(kErrorCode, 0); });
    });
  }
  return ProtoReply(std::move(body));
}

// The answer of one that failed is the call's status; of one that did not, StatusProto's OK. Metrics that it asks for are TensorFlow
// Serving's own, which do not exist here and so did not increase.
StatusOr<Reply> TfsGrpcReloadConfig(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<BasePathModel> models, ReadReloadConfig(request.body));
  std::vector<std::string_view> metrics;
  VIGIL_RETURN_IF_ERROR(ReadTfsTexts(request.body, kMetricNames, &metrics));
  VIGIL_RETURN_IF_ERROR(operations.ServeBasePaths(models, request.principal));
  std::string body;
  ProtoWriter response(&body);
  response.Message(kReloadStatus, [](ProtoWriter& ok) { ok.Int(kErrorCode, 0); });
  for (const std::string_view name : metrics) {
    response.Message(kMetrics, [name](ProtoWriter& metric) {
      metric.Bytes(kMetricName, name);
      metric.Int(kIncrease, 0);
    });
  }
  return ProtoReply(std::move(body));
}

}  // namespace vigil
