#include "frontends/rest/frame.h"

#include <cmath>

#include "frontends/rest/accept.h"
#include "frontends/rest/answer_json.h"
#include "frontends/rest/oip_infer.h"
#include "frontends/rest/request.h"
#include "frontends/rest/row_headers.h"
#include "frontends/rows/csv.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr std::string_view kJson = "application/json", kCsv = "text/csv", kLines = "application/jsonlines";

// RFC 4180: quoted where it must be.
void AppendCsvText(std::string_view text, std::string* out) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return Append(out, text);
  out->push_back('"');
  for (const char c : text) out->append(c == '"' ? 2 : 1, c);
  out->push_back('"');
}

void AppendCsvElement(const AnswerTensor& tensor, size_t i, std::string* out) {
  if (tensor.dtype == DType::kString) return AppendCsvText(tensor.text(i), out);
  const double value = tensor.number(i);
  if (std::isfinite(value)) return AppendElement(tensor, i, out);
  out->append(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

// A row a line, without a header, its outputs' elements in their order.
void WriteCsv(PredictScratch& scratch, std::string* body) {
  const size_t rows = scratch.batch.rows;
  AnswerTensors(scratch.target.version->loaded->signature(), scratch.result, rows, &scratch.answers);
  for (size_t row = 0; row < rows; ++row) {
    bool first = true;
    for (const AnswerTensor& tensor : scratch.answers) {
      const size_t width = tensor.elements() / rows;
      for (size_t k = 0; k < width; ++k) {
        if (!first) body->push_back(',');
        first = false;
        AppendCsvElement(tensor, row * width + k, body);
      }
    }
    body->push_back('\n');
  }
  scratch.content_type = "text/csv; charset=utf-8";
}

// {"predictions":...} a row.
void WriteLines(PredictScratch& scratch, std::string* body) {
  const Signature& signature = scratch.target.version->loaded->signature();
  for (size_t row = 0; row < scratch.batch.rows; ++row) {
    body->append("{\"predictions\":");
    AppendPrediction(scratch.result, signature, row, scratch.batch.rows, body);
    body->append("}\n");
  }
  scratch.content_type = kLines;
}

PredictWriter WriterFor(std::string_view accept) {
  if (accept.empty()) return WritePredictions;
  return AcceptPrefers(accept, kCsv) ? WriteCsv : AcceptPrefers(accept, kLines) ? WriteLines : WritePredictions;
}

StatusOr<CsvHeader> HeaderOf(const MediaType& media) {
  if (media.header.empty()) return CsvHeader::kByLook;
  if (EqualsIgnoreCase(media.header, "present")) return CsvHeader::kPresent;
  if (EqualsIgnoreCase(media.header, "absent")) return CsvHeader::kAbsent;
  return Failure(ErrorCode::kUnsupportedMediaType, Concat("header=", media.header, " is neither present nor absent"), "Content-Type");
}

Status ReadFrame(const Call& call, const MediaType& media, const ColumnIndex& columns, PredictScratch* scratch) {
  if (media.Is(kCsv)) {
    VIGIL_RETURN_IF_ERROR(CheckCharset(media));
    VIGIL_ASSIGN_OR_RETURN(const CsvHeader header, HeaderOf(media));
    CsvReader reader(call.body, &scratch->texts);
    return ParseCsvRows(reader, columns, UnknownColumns::kIgnore, &scratch->batch, &scratch->absent, header);
  }
  if (media.Is(kLines) || media.Is("application/jsonl") || media.Is("application/x-ndjson")) {
    VIGIL_RETURN_IF_ERROR(CheckCharset(media));
    return scratch->json.ParseLines(call.body, columns, {}, &scratch->batch, &scratch->absent);
  }
  if (!media.Is(kJson)) {
    return Failure(ErrorCode::kUnsupportedMediaType,
                   Concat("the content type must be application/json, text/csv or application/jsonlines, not \"", media.type, "\""),
                   "Content-Type");
  }
  return ReadJsonFrame(call, JsonForm::kMlflow, columns, scratch);
}

}  // namespace

Status ReadJsonFrame(const Call& call, JsonForm form, const ColumnIndex& columns, PredictScratch* scratch) {
  const MediaType media = ParseMediaType(call.request.header("Content-Type"));
  VIGIL_RETURN_IF_ERROR(CheckCharset(media));
  if (!media.Is(kJson)) {
    return Failure(ErrorCode::kUnsupportedMediaType, Concat("the content type must be application/json, not \"", media.type, "\""),
                   "Content-Type");
  }
  if (!media.format.empty()) {
    return Failure(
        ErrorCode::kUnsupportedMediaType,
        Concat("the parameter format=", media.format, " is MLflow 1's: send \"dataframe_split\" or \"dataframe_records\" instead"),
        "Content-Type");
  }
  JsonRowsOptions options;
  options.form = form;
  options.unknown = UnknownColumns::kIgnore;
  return scratch->json.Parse(call.body, columns, options, &scratch->batch, &scratch->absent);
}

void WritePredictions(PredictScratch& scratch, std::string* body) {
  body->append("{\"predictions\":[");
  AppendPredictions(scratch.result, scratch.target.version->loaded->signature(), scratch.batch.rows, body);
  body->append("]}");
}

void InvokeFrame(RestHandler& handler, Call& call, std::string_view model) {
  if (model.empty()) model = call.request.header("X-Vigil-Model");
  const MediaType media = ParseMediaType(call.request.header("Content-Type"));
  if (media.Is(kSagemakerTriton)) return InferSagemakerTriton(handler, call, model, media.json_header_size);
  PredictScratch* scratch = handler.BeginPredict(call, model, "", WriterFor(call.request.header("Accept")));
  if (scratch == nullptr) return;
  Status parsed = ReadFrame(call, media, handler.Columns(scratch->target), scratch);
  if (parsed.ok()) parsed = FillFromHeaders(call.request, &scratch->batch);
  handler.FinishPredict(call, scratch, parsed);
}

}  // namespace vigil
