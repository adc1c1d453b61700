// MLflow's scoring protocol, which SageMaker's single-model containers share: /ping, /health, /version, /invocations.
#include "frontends/rest/answer_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/request.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/rest/row_headers.h"
#include "frontends/rows/csv.h"
#include "frontends/words.h"

namespace vigil {
namespace {

void WriteInvocations(PredictScratch& scratch, std::string* body) {
  body->append("{\"predictions\":[");
  AppendPredictions(scratch.result, scratch.target.version->loaded->signature(), scratch.batch.rows, body);
  body->append("]}");
}

Status Parse(const Call& call, const ColumnIndex& columns, PredictScratch* scratch) {
  const MediaType media = ParseMediaType(call.request.header("Content-Type"));
  VIGIL_RETURN_IF_ERROR(CheckCharset(media));
  if (media.Is("text/csv")) {
    CsvReader reader(call.body, &scratch->texts);
    return ParseCsvRows(reader, columns, UnknownColumns::kIgnore, &scratch->batch, &scratch->absent);
  }
  if (!media.Is("application/json")) {
    return Failure(ErrorCode::kUnsupportedMediaType,
                   Concat("the content type must be application/json or text/csv, not \"", media.type, "\""), "Content-Type");
  }
  if (!media.format.empty()) {
    return Failure(
        ErrorCode::kUnsupportedMediaType,
        Concat("the parameter format=", media.format, " is MLflow 1's: send \"dataframe_split\" or \"dataframe_records\" instead"),
        "Content-Type");
  }
  JsonRowsOptions options;
  options.form = JsonForm::kMlflow;
  options.unknown = UnknownColumns::kIgnore;
  return scratch->json.Parse(call.body, columns, options, &scratch->batch, &scratch->absent);
}

}  // namespace

void HandleMlflowPing(RestHandler& handler, Call& call) {
  const bool ready = handler.Ready();
  handler.Answer(call, ready ? 200 : 503, "application/json", "\n", ready ? net::ReplyHeader{} : net::ReplyHeader{"Retry-After", "1"});
}

void HandleMlflowVersion(RestHandler& handler, Call& call) {
  handler.Answer(call, 200, "text/plain; charset=utf-8", handler.shared().options.version);
}

void HandleMlflowInvocations(RestHandler& handler, Call& call) {
  PredictScratch* scratch = handler.BeginPredict(call, call.request.header("X-Vigil-Model"), "", WriteInvocations);
  if (scratch == nullptr) return;
  Status parsed = Parse(call, handler.Columns(scratch->target), scratch);
  if (parsed.ok()) parsed = FillFromHeaders(call.request, &scratch->batch);
  handler.FinishPredict(call, scratch, parsed);
}

}  // namespace vigil
