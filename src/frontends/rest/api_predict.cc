// Our own prediction API: JSON rows, CSV, NDJSON, Arrow; answers in JSON, NDJSON or Arrow.
#include "base/text.h"
#include "frontends/arrow/arrow_answer.h"
#include "frontends/arrow/arrow_rows.h"
#include "frontends/rest/accept.h"
#include "frontends/rest/answer_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/request.h"
#include "frontends/rest/rest_handler.h"
#include "frontends/rows/csv.h"
#include "frontends/rows/fast_rows.h"
#include "frontends/words.h"

namespace vigil {
namespace {

void AppendPredictionIds(absl::Span<const PredictionId> ids, std::string* out) {
  char text[PredictionId::kTextLength];
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i].Format(text);
    out->append(i == 0 ? "\"" : "\",\"");
    out->append(text, sizeof(text));
  }
  if (!ids.empty()) out->push_back('"');
}

// {"model":"fraud","version":"3","prediction_ids":[...],"predictions":[...],"warnings":[]}, with `versions` where arms differ, and
// `errors` and `error_count` where a partial answer has refused rows.
void WriteOurs(PredictScratch& scratch, std::string* body) {
  const PredictResult& result = scratch.result;
  body->append("{\"model\":");
  AppendJsonString(body, scratch.target.model->name);
  body->append(",\"version\":");
  AppendJsonString(body, result.version);
  body->append(",\"prediction_ids\":[");
  AppendPredictionIds(result.prediction_ids, body);
  body->append("],\"predictions\":[");
  AppendPredictions(result, scratch.target.version->loaded->signature(), scratch.batch.rows, body);
  body->append("],\"warnings\":[");
  for (size_t i = 0; i < result.warnings.size(); ++i) {
    if (i != 0) body->push_back(',');
    AppendJsonString(body, result.warnings[i]);
  }
  body->push_back(']');
  if (!result.versions.empty()) {
    body->append(",\"versions\":[");
    for (size_t i = 0; i < result.versions.size(); ++i) {
      if (i != 0) body->push_back(',');
      AppendJsonString(body, result.versions[i]);
    }
    body->push_back(']');
  }
  if (result.error_count > 0) {
    body->push_back(',');
    AppendRowErrors(body, {result.errors, result.error_count});
  }
  body->push_back('}');
}

constexpr std::string_view kLines = "application/x-ndjson";

// {"prediction_id":...,"prediction":...,"version":"3"} a row; a refused row has its `errors`, of those that are kept.
void WriteLines(PredictScratch& scratch, std::string* body) {
  const PredictResult& result = scratch.result;
  const Signature& signature = scratch.target.version->loaded->signature();
  size_t next = 0;  // errors are in the order of their rows
  for (size_t row = 0; row < scratch.batch.rows; ++row) {
    body->push_back('{');
    if (row < result.prediction_ids.size()) {
      body->append("\"prediction_id\":");
      AppendPredictionIds(result.prediction_ids.subspan(row, 1), body);
      body->push_back(',');
    }
    body->append("\"prediction\":");
    AppendPrediction(result, signature, row, scratch.batch.rows, body);
    body->append(",\"version\":");
    AppendJsonString(body, row < result.versions.size() ? result.versions[row] : result.version);
    const size_t first = next;
    while (next < result.errors.size() && result.errors[next].row == static_cast<int64_t>(row)) ++next;
    if (next > first) {
      body->push_back(',');
      AppendRowErrors(body, {result.errors.subspan(first, next - first), static_cast<int64_t>(next - first)});
    }
    body->append("}\n");
  }
  scratch.content_type = kLines;
}

void WriteArrow(PredictScratch& scratch, std::string* body) {
  AppendArrowAnswer(scratch.result, scratch.target.version->loaded->signature(), scratch.target.model->name, scratch.batch.rows, body);
  scratch.content_type = kArrowStreamType;
}

PredictWriter WriterFor(std::string_view accept) {
  if (accept.empty()) return WriteOurs;
  return AcceptPrefers(accept, kArrowStreamType) ? WriteArrow : AcceptPrefers(accept, kLines) ? WriteLines : WriteOurs;
}

}  // namespace

void PredictRows(RestHandler& handler, Call& call, std::string_view model, const std::string& version) {
  PredictScratch* scratch = handler.BeginPredict(call, model, version, WriterFor(call.request.header("Accept")));
  if (scratch == nullptr) return;
  const ColumnIndex& columns = handler.Columns(scratch->target);
  const MediaType media = ParseMediaType(call.request.header("Content-Type"));
  Status parsed = CheckCharset(media);
  if (!parsed.ok()) {
    // answered below
  } else if (media.IsJson()) {
    if (!ParseFastRows(call.body, columns, &scratch->batch)) {
      parsed = scratch->json.Parse(call.body, columns, {}, &scratch->batch, &scratch->absent);
    }
  } else if (media.Is("text/csv")) {
    CsvReader reader(call.body, &scratch->texts);
    parsed = ParseCsvRows(reader, columns, UnknownColumns::kWarn, &scratch->batch, &scratch->absent);
  } else if (media.Is(kLines) || media.Is("application/ndjson") || media.Is("application/jsonl")) {
    parsed = scratch->json.ParseLines(call.body, columns, {}, &scratch->batch, &scratch->absent);
  } else if (media.Is(kArrowStreamType)) {
    parsed = ParseArrowRows(call.body, columns, UnknownColumns::kWarn, &scratch->texts, &scratch->batch, &scratch->absent);
  } else {
    parsed = Failure(
        ErrorCode::kUnsupportedMediaType,
        Concat("\"", media.type, "\" is not served here; application/json, text/csv, application/x-ndjson and ", kArrowStreamType, " are"),
        "Content-Type");
  }
  if (const auto partial = QueryValue(call.request.query, "partial"); partial.has_value())
    scratch->batch.partial = *partial != "false" && *partial != "0";
  handler.FinishPredict(call, scratch, parsed);
}

void HandlePredict(RestHandler& handler, Call& call) {
  std::string version;
  if (!call.request.query.empty()) version = QueryValue(call.request.query, "version").value_or("");
  PredictRows(handler, call, call.params.values[0], version);
}

void HandlePredictLabel(RestHandler& handler, Call& call) {
  const StatusOr<std::string> version = handler.VersionOfLabel(call.params.values[0], call.params.values[1]);
  version.ok() ? PredictRows(handler, call, call.params.values[0], *version) : handler.AnswerError(call, version.status());
}

}  // namespace vigil
