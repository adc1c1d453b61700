// TensorFlow Serving over REST: predict, classify and regress.
#include "base/text.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/rest/row_headers.h"
#include "frontends/tensors/tfs_answer.h"
#include "frontends/tensors/tfs_model.h"
#include "frontends/tensors/whole_tensors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// {"predictions":[...]} of rows, {"outputs":...} of columns.
void WriteTfsPredict(PredictScratch& scratch, std::string* body) {
  AnswerTensors(scratch.target.version->loaded->signature(), scratch.result, scratch.batch.rows, &scratch.answers);
  if (scratch.tfs_request.form == TfsForm::kRows) {
    body->append("{\"predictions\":[");
    AppendTfsRows(scratch.answers, scratch.batch.rows, body);
    body->append("]}");
  } else {
    body->append("{\"outputs\":");
    AppendTfsColumns(scratch.answers, body);
    body->push_back('}');
  }
}

// {"results":[[["label",score],...],...]}
void WriteTfsClasses(PredictScratch& scratch, std::string* body) {
  const TfsClasses* const classes = *scratch.tfs_classes.Get(scratch.target.version->loaded);  // checked before anything was scored
  body->append("{\"results\":[");
  for (size_t row = 0; row < scratch.batch.rows; ++row) {
    body->append(row == 0 ? "[" : ",[");
    for (size_t k = 0; k < classes->size(); ++k) {
      body->append(k == 0 ? "[" : ",[");
      AppendJsonString(body, classes->label(scratch.result, row, k));
      body->push_back(',');
      AppendTfsNumber(classes->score(scratch.result, row, k), body);
      body->push_back(']');
    }
    body->push_back(']');
  }
  body->append("]}");
}

// {"results":[value,...]}
void WriteTfsValues(PredictScratch& scratch, std::string* body) {
  body->append("{\"results\":[");
  for (size_t row = 0; row < scratch.batch.rows; ++row) {
    if (row != 0) body->push_back(',');
    AppendTfsNumber(scratch.result.outputs[row], body);
  }
  body->append("]}");
}

using TfsRead = Status (TfsReader::*)(std::string_view body, const InputNames& names, RequestMemory* memory, TfsRequest* request);

Status ReadRows(RestHandler& handler, const Call& call, TfsRead read, PredictScratch* scratch) {
  const ServedVersion& version = *scratch->target.version;
  const Signature& signature = version.loaded->signature();
  const ColumnIndex& columns = handler.Columns(scratch->target);
  const InputNames names(signature, columns);
  TfsRequest& request = scratch->tfs_request;
  VIGIL_RETURN_IF_ERROR((scratch->tfs.*read)(call.body, names, &scratch->memory, &request));
  VIGIL_RETURN_IF_ERROR(CheckTfsSignature(request.signature_name, *version.loaded));
  VIGIL_RETURN_IF_ERROR(FillFromTensors(request.tensors, signature, columns, &scratch->batch, &scratch->absent, &scratch->whole));
  return FillFromHeaders(call.request, &scratch->batch);
}

PredictScratch* Begin(RestHandler& handler, Call& call, PredictWriter writer) {
  const std::string_view model = call.params.values[0];
  if (call.params.size == 1) return handler.BeginPredict(call, model, "", writer);
  if (!IsTfsLabel(*call.route)) return handler.BeginPredict(call, model, call.params.values[1], writer);
  const StatusOr<std::string> version = TfsLabelledVersion(*handler.predict().Models(), model, call.params.values[1]);
  if (version.ok()) return handler.BeginPredict(call, model, *version, writer);
  handler.AnswerError(call, version.status());
  return nullptr;
}

}  // namespace

bool IsTfsLabel(const Route& route) { return route.pattern.find("{label}") != std::string_view::npos; }

void HandleTfsPredict(RestHandler& handler, Call& call) {
  PredictScratch* scratch = Begin(handler, call, WriteTfsPredict);
  if (scratch != nullptr) handler.FinishPredict(call, scratch, ReadRows(handler, call, &TfsReader::ReadPredict, scratch));
}

void HandleTfsClassify(RestHandler& handler, Call& call) {
  PredictScratch* scratch = Begin(handler, call, WriteTfsClasses);
  if (scratch == nullptr) return;
  Status parsed = scratch->tfs_classes.Get(scratch->target.version->loaded).status();
  if (parsed.ok()) parsed = ReadRows(handler, call, &TfsReader::ReadExamples, scratch);
  handler.FinishPredict(call, scratch, parsed);
}

void HandleTfsRegress(RestHandler& handler, Call& call) {
  PredictScratch* scratch = Begin(handler, call, WriteTfsValues);
  if (scratch == nullptr) return;
  Status parsed = CheckTfsRegression(*scratch->target.version->loaded);
  if (parsed.ok()) parsed = ReadRows(handler, call, &TfsReader::ReadExamples, scratch);
  handler.FinishPredict(call, scratch, parsed);
}

}  // namespace vigil
