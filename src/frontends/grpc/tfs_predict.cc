// Predict, Classify, Regress and MultiInference.
#include "base/proto_wire.h"
#include "base/text.h"
#include "frontends/grpc/tfs.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/rest/row_headers.h"
#include "frontends/tensors/tensor_proto.h"
#include "frontends/tensors/tfs_messages.h"
#include "frontends/tensors/tfs_model.h"
#include "frontends/tensors/whole_tensors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// Of PredictResponse; of ClassificationResponse and RegressionResponse; of MultiInferenceResponse and its InferenceResult.
constexpr uint32_t kOutputs = 1, kKey = 1, kValue = 2, kOutputsSpec = 2;
constexpr uint32_t kResult = 1, kResultSpec = 2;
constexpr uint32_t kResults = 1, kTaskSpec = 1, kTaskClasses = 2, kTaskValues = 3;
// Of ClassificationResult, Classifications and Class; of RegressionResult and Regression.
constexpr uint32_t kClassifications = 1, kClasses = 1, kLabel = 1, kScore = 2, kRegressions = 1, kNumber = 1;

void WriteSpec(const PredictScratch& scratch, uint32_t field, ProtoWriter* message) {
  const std::string_view version =
      scratch.result.version.empty() ? std::string_view(scratch.target.version->facts.version) : scratch.result.version;
  message->Message(field, [&](ProtoWriter& spec) {
    WriteTfsModelSpec(scratch.target.model->name, version, TfsSignatureName(*scratch.target.version->loaded), &spec);
  });
}

bool IsWanted(const TfsRequest& request, std::string_view output) {
  for (const std::string_view name : request.output_filter) {
    if (name == output) return true;
  }
  return request.output_filter.empty();
}

void WritePredict(PredictScratch& scratch, std::string* body) {
  AnswerTensors(scratch.target.version->loaded->signature(), scratch.result, scratch.batch.rows, &scratch.answers);
  ProtoWriter response(body);
  for (const AnswerTensor& tensor : scratch.answers) {
    if (!IsWanted(scratch.tfs_request, tensor.spec->name)) continue;
    response.Message(kOutputs, [&](ProtoWriter& entry) {
      entry.Bytes(kKey, tensor.spec->name);
      entry.Message(kValue, [&](ProtoWriter& value) { WriteTensorProto(tensor, &value); });
    });
  }
  WriteSpec(scratch, kOutputsSpec, &response);
}

void WriteClasses(PredictScratch& scratch, ProtoWriter* result) {
  const TfsClasses* const classes = *scratch.tfs_classes.Get(scratch.target.version->loaded);  // checked before anything was scored
  for (size_t row = 0; row < scratch.batch.rows; ++row) {
    result->Message(kClassifications, [&](ProtoWriter& of_row) {
      for (size_t k = 0; k < classes->size(); ++k) {
        of_row.Message(kClasses, [&](ProtoWriter& one) {
          one.Bytes(kLabel, classes->label(scratch.result, row, k));
          one.Float(kScore, classes->score(scratch.result, row, k));
        });
      }
    });
  }
}

void WriteValues(const PredictScratch& scratch, ProtoWriter* result) {
  for (size_t row = 0; row < scratch.batch.rows; ++row) {
    result->Message(kRegressions, [&](ProtoWriter& one) { one.Float(kNumber, scratch.result.outputs[row]); });
  }
}

void WriteClassify(PredictScratch& scratch, std::string* body) {
  ProtoWriter response(body);
  response.Message(kResult, [&](ProtoWriter& result) { WriteClasses(scratch, &result); });
  WriteSpec(scratch, kResultSpec, &response);
}

void WriteRegress(PredictScratch& scratch, std::string* body) {
  ProtoWriter response(body);
  response.Message(kResult, [&](ProtoWriter& result) { WriteValues(scratch, &result); });
  WriteSpec(scratch, kResultSpec, &response);
}

void WriteMultiInference(PredictScratch& scratch, std::string* body) {
  const bool classify = scratch.tfs_request.method == kTfsClassifyMethod;
  ProtoWriter(body).Message(kResults, [&](ProtoWriter& one) {
    WriteSpec(scratch, kTaskSpec, &one);
    one.Message(classify ? kTaskClasses : kTaskValues,
                [&](ProtoWriter& result) { classify ? WriteClasses(scratch, &result) : WriteValues(scratch, &result); });
  });
}

// Takes a scratch for the model that the request names; null when that failed, and then it has been answered.
PredictScratch* Begin(RestHandler& handler, Call& call, const TfsModelSpec& spec, PredictWriter writer) {
  const StatusOr<std::string> version = TfsVersionOf(spec, *handler.predict().Models());
  if (version.ok()) return handler.BeginPredict(call, spec.name, *version, writer);
  handler.AnswerError(call, version.status());
  return nullptr;
}

bool ReadSpec(RestHandler& handler, Call& call, TfsModelSpec* spec) {
  Status status = ReadTfsModelSpec(call.body, spec);
  if (status.ok()) status = CheckTfsModelSpec(*spec);
  if (!status.ok()) handler.AnswerError(call, status);
  return status.ok();
}

Status Fill(RestHandler& handler, const Call& call, PredictScratch* scratch) {
  const Signature& signature = scratch->target.version->loaded->signature();
  VIGIL_RETURN_IF_ERROR(FillFromTensors(scratch->tfs_request.tensors, signature, handler.Columns(scratch->target), &scratch->batch,
                                        &scratch->absent, &scratch->whole));
  return FillFromHeaders(call.request, &scratch->batch);
}

Status ReadPredict(RestHandler& handler, const Call& call, std::string_view signature_name, PredictScratch* scratch) {
  const LoadedModel& model = *scratch->target.version->loaded;
  if (!IsTfsSignature(signature_name, model)) {
    return Failure(ErrorCode::kConflict, Concat("Serving signature key \"", signature_name.substr(0, 128), "\" not found.",
                                                DidYouMean(signature_name, {std::string(TfsSignatureName(model))})));
  }
  TfsRequest& request = scratch->tfs_request;
  const InputNames names(model.signature(), handler.Columns(scratch->target));
  VIGIL_RETURN_IF_ERROR(scratch->tfs_messages.ReadPredict(call.body, model.signature(), names, &scratch->memory, &request));
  VIGIL_RETURN_IF_ERROR(CheckTfsOutputs(model.signature(), request.output_filter));
  return Fill(handler, call, scratch);
}

Status ReadExamples(RestHandler& handler, const Call& call, std::string_view signature_name, PredictScratch* scratch) {
  const LoadedModel& model = *scratch->target.version->loaded;
  if (!IsTfsSignature(signature_name, model)) {
    return Failure(ErrorCode::kInvalid, Concat("No signature was found with the name: ", signature_name.substr(0, 128),
                                               DidYouMean(signature_name, {std::string(TfsSignatureName(model))})));
  }
  const InputNames names(model.signature(), handler.Columns(scratch->target));
  VIGIL_RETURN_IF_ERROR(scratch->tfs_messages.ReadExamples(call.body, names, &scratch->memory, &scratch->tfs_request));
  return Fill(handler, call, scratch);
}

}  // namespace

void HandleTfsGrpcPredict(RestHandler& handler, Call& call) {
  TfsModelSpec spec;
  if (!ReadSpec(handler, call, &spec)) return;
  PredictScratch* scratch = Begin(handler, call, spec, WritePredict);
  if (scratch != nullptr) handler.FinishPredict(call, scratch, ReadPredict(handler, call, spec.signature_name, scratch));
}

void HandleTfsGrpcClassify(RestHandler& handler, Call& call) {
  TfsModelSpec spec;
  if (!ReadSpec(handler, call, &spec)) return;
  PredictScratch* scratch = Begin(handler, call, spec, WriteClassify);
  if (scratch == nullptr) return;
  Status parsed = scratch->tfs_classes.Get(scratch->target.version->loaded).status();
  if (parsed.ok()) parsed = ReadExamples(handler, call, spec.signature_name, scratch);
  handler.FinishPredict(call, scratch, parsed);
}

void HandleTfsGrpcRegress(RestHandler& handler, Call& call) {
  TfsModelSpec spec;
  if (!ReadSpec(handler, call, &spec)) return;
  PredictScratch* scratch = Begin(handler, call, spec, WriteRegress);
  if (scratch == nullptr) return;
  Status parsed = CheckTfsRegression(*scratch->target.version->loaded);
  if (parsed.ok()) parsed = ReadExamples(handler, call, spec.signature_name, scratch);
  handler.FinishPredict(call, scratch, parsed);
}

// Tasks name one model and each another signature of it: of a model that is served with one, that is one task.
void HandleTfsGrpcMultiInference(RestHandler& handler, Call& call) {
  std::vector<TfsTask> tasks;
  Status status = ReadTfsTasks(call.body, &tasks);
  if (status.ok() && tasks.empty()) status = CheckTfsModelSpec({.is_there = true});
  if (status.ok()) status = CheckTfsModelSpec(tasks[0].spec);
  if (!status.ok()) return handler.AnswerError(call, status);
  PredictScratch* scratch = Begin(handler, call, tasks[0].spec, WriteMultiInference);
  if (scratch == nullptr) return;
  const LoadedModel& model = *scratch->target.version->loaded;
  status = CheckTfsTasks(tasks, model);
  const bool classify = tasks[0].method == kTfsClassifyMethod;
  if (status.ok()) status = classify ? scratch->tfs_classes.Get(scratch->target.version->loaded).status() : CheckTfsRegression(model);
  if (status.ok()) status = ReadExamples(handler, call, tasks[0].spec.signature_name, scratch);
  scratch->tfs_request.method = tasks[0].method;
  handler.FinishPredict(call, scratch, status);
}

}  // namespace vigil
