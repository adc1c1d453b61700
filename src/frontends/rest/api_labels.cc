// Late labels: JSON, NDJSON, CSV.
#include "frontends/errors.h"
#include "frontends/rest/api_json.h"
#include "frontends/rest/handlers.h"
#include "frontends/rest/request.h"
#include "frontends/rows/label_rows.h"
#include "frontends/words.h"

namespace vigil {
namespace {

StatusOr<std::vector<Label>> ParseLabels(const ApiRequest& request) {
  const MediaType media = ParseMediaType(request.content_type);
  VIGIL_RETURN_IF_ERROR(CheckCharset(media));
  if (media.IsJson()) return ParseJsonLabels(request.body);
  if (media.Is("text/csv")) return ParseCsvLabels(request.body);
  if (media.Is("application/x-ndjson") || media.Is("application/ndjson") || media.Is("application/jsonl"))
    return ParseNdjsonLabels(request.body);
  return Failure(ErrorCode::kUnsupportedMediaType,
                 Concat("\"", media.type, "\" is not served here; application/json, application/x-ndjson and text/csv are"),
                 "Content-Type");
}

}  // namespace

StatusOr<Reply> ImportLabels(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const std::vector<Label> labels, ParseLabels(request));
  VIGIL_ASSIGN_OR_RETURN(const LabelCounts counts, operations.ImportLabels(labels));
  return JsonReply({{"accepted", counts.accepted}, {"unmatched", counts.unmatched}, {"duplicate", counts.duplicate}});
}

}  // namespace vigil
