// Azure ML's inference server: /score. Its liveness route is the root (platform.cc); its description is in azureml_swagger.cc.
#include "frontends/rest/answer_json.h"
#include "frontends/rest/frame.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/request.h"
#include "frontends/rest/row_headers.h"
#include "frontends/rows/csv.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr std::string_view kRequestId = "x-ms-request-id", kClientRequestId = "x-ms-client-request-id";

// The platform's ids come back with the answer; its request id is ours where the caller gave none of our own.
Status TakeIds(Call& call) {
  const auto id_of = [&](std::string_view name) {
    const std::string_view id = call.request.header(name);
    return IsSaneRequestId(id) ? id : std::string_view{};
  };
  const std::string_view id = id_of(kRequestId), client = id_of(kClientRequestId);
  if (!id.empty() && id_of("X-Request-Id").empty()) call.context.request_id = id;
  call.echo.push_back({kRequestId, id});
  if (!client.empty()) call.echo.push_back({kClientRequestId, client});
  for (const std::string_view name : {kRequestId, kClientRequestId, std::string_view("x-request-id")}) {
    if (call.request.header(name).size() <= kRequestIdBytesMax) continue;
    return Failure(ErrorCode::kHeadersTooLarge, Concat("is longer than ", kRequestIdBytesMax, " bytes"), name);
  }
  return absl::OkStatus();
}

// A GET has no body: its query is one row, as a script's arguments are.
Status ReadQueryRow(std::string_view query, const ColumnIndex& columns, PredictScratch* scratch) {
  RowFiller filler(columns, UnknownColumns::kIgnore, &scratch->batch);
  if (query.empty()) {
    return Failure(ErrorCode::kInvalid, "a GET scores one row, whose columns are in the query: /score?NAME=VALUE&...; POST takes rows");
  }
  VIGIL_RETURN_IF_ERROR(filler.NextRow());
  while (!query.empty()) {
    std::string_view value = TakeUntil(query, '&');
    const int meaning = filler.Meaning(PercentDecode(TakeUntil(value, '='), true));
    if (meaning >= 0) filler.Seen(meaning);
    VIGIL_RETURN_IF_ERROR(ReadCsvCell(scratch->texts.emplace_back(PercentDecode(value, true)), meaning, columns, filler));
  }
  return filler.Finish(&scratch->absent);
}

// A bare list.
void WriteScores(PredictScratch& scratch, std::string* body) {
  body->push_back('[');
  AppendPredictions(scratch.result, scratch.target.version->loaded->signature(), scratch.batch.rows, body);
  body->push_back(']');
}

}  // namespace

void HandleAzureScore(RestHandler& handler, Call& call) {
  if (const Status ids = TakeIds(call); !ids.ok()) return handler.AnswerError(call, ids);
  PredictScratch* scratch = handler.BeginPredict(call, call.request.header("X-Vigil-Model"), "", WriteScores);
  if (scratch == nullptr) return;
  const ColumnIndex& columns = handler.Columns(scratch->target);
  Status parsed = call.request.method == net::Method::kPost ? ReadJsonFrame(call, JsonForm::kAzure, columns, scratch)
                                                            : ReadQueryRow(call.request.query, columns, scratch);
  if (parsed.ok()) parsed = FillFromHeaders(call.request, &scratch->batch);
  handler.FinishPredict(call, scratch, parsed);
}

}  // namespace vigil
