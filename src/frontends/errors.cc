#include "frontends/errors.h"

#include <array>

#include "absl/strings/cord.h"
#include "base/text.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr const char* kCodeUrl = "vigil/code";
constexpr const char* kPathUrl = "vigil/path";

// In the order of the enumeration.
constexpr std::array<ErrorRow, 21> kTable{{
    {ErrorCode::kMalformed, 400, "malformed", "The request could not be read", "BAD_REQUEST"},
    {ErrorCode::kInvalid, 400, "invalid", "The request makes no sense here", "INVALID_PARAMETER_VALUE"},
    {ErrorCode::kUnauthenticated, 401, "unauthenticated", "Who are you?", "UNAUTHENTICATED"},
    {ErrorCode::kForbidden, 403, "forbidden", "Not allowed", "PERMISSION_DENIED"},
    {ErrorCode::kNotFound, 404, "not_found", "Not found", "RESOURCE_DOES_NOT_EXIST"},
    {ErrorCode::kMethodNotAllowed, 405, "method_not_allowed", "Method not allowed", "ENDPOINT_NOT_FOUND"},
    {ErrorCode::kRequestTimeout, 408, "request_timeout", "The request came too slowly", "REQUEST_LIMIT_EXCEEDED"},
    {ErrorCode::kConflict, 409, "conflict", "Against the present state", "INVALID_STATE"},
    {ErrorCode::kStaleEpoch, 409, "stale_epoch", "Somebody changed it meanwhile", "RESOURCE_CONFLICT"},
    {ErrorCode::kTooLarge, 413, "too_large", "The request is too large", "REQUEST_LIMIT_EXCEEDED"},
    {ErrorCode::kUriTooLong, 414, "uri_too_long", "The URI is too long", "REQUEST_LIMIT_EXCEEDED"},
    {ErrorCode::kUnsupportedMediaType, 415, "unsupported_media_type", "Unsupported media type", "BAD_REQUEST"},
    {ErrorCode::kSchemaViolation, 422, "schema_violation", "Rows break the model's schema", "INVALID_PARAMETER_VALUE"},
    {ErrorCode::kTooManyRequests, 429, "too_many_requests", "Too many requests", "REQUEST_LIMIT_EXCEEDED"},
    {ErrorCode::kHeadersTooLarge, 431, "headers_too_large", "The headers are too large", "REQUEST_LIMIT_EXCEEDED"},
    {ErrorCode::kInternal, 500, "internal", "Our fault", "INTERNAL_ERROR"},
    {ErrorCode::kNotImplemented, 501, "not_implemented", "Not implemented", "NOT_IMPLEMENTED"},
    {ErrorCode::kUnavailable, 503, "unavailable", "Not now", "TEMPORARILY_UNAVAILABLE"},
    {ErrorCode::kDeadlineExceeded, 504, "deadline_exceeded", "Past the deadline", "DEADLINE_EXCEEDED"},
    {ErrorCode::kHttpVersion, 505, "http_version", "HTTP version not supported", "BAD_REQUEST"},
    {ErrorCode::kOutOfMemory, 507, "out_of_memory", "Not enough memory is left", "REQUEST_LIMIT_EXCEEDED"},
}};

// What `DidYouMean` put at the end of a message: ... (did you mean "amount"?).
std::string_view NearestOf(std::string_view message) {
  constexpr std::string_view kLead = "(did you mean \"";
  const size_t at = message.rfind(kLead);
  if (at == std::string_view::npos) return {};
  const size_t begin = at + kLead.size();
  const size_t end = message.find("\"?)", begin);
  return end == std::string_view::npos ? std::string_view{} : message.substr(begin, end - begin);
}

// One sentence for dialects whose errors are a single text.
std::string MessageWithRows(const Status& status, const RefusedRows& refused) {
  constexpr size_t kNamedMax = 3;
  std::string out(MessageOf(status));
  const std::string path = PathOf(status);
  if (!path.empty() && out.find(path) == std::string::npos) out = Concat(path, ": ", out);
  for (size_t i = 0; i < refused.errors.size() && i < kNamedMax; ++i) {
    const RowError& error = refused.errors[i];
    Append(&out, i == 0 ? ": " : "; ", "row ", error.row);
    if (!error.column.empty()) Append(&out, ", column \"", error.column, "\"");
    Append(&out, ", value ", error.value.empty() ? "null" : error.value, " breaks \"", error.rule, "\"");
  }
  if (refused.count > static_cast<int64_t>(kNamedMax)) Append(&out, "; ", refused.count, " in all");
  return out;
}

void AppendMember(std::string* out, std::string_view name, std::string_view value) {
  Append(out, ",\"", name, "\":");
  AppendJsonString(out, value);
}

}  // namespace

absl::StatusCode GrpcCode(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthenticated: return absl::StatusCode::kUnauthenticated;
    case ErrorCode::kForbidden: return absl::StatusCode::kPermissionDenied;
    case ErrorCode::kNotFound: return absl::StatusCode::kNotFound;
    case ErrorCode::kConflict: return absl::StatusCode::kFailedPrecondition;
    case ErrorCode::kStaleEpoch: return absl::StatusCode::kAborted;
    case ErrorCode::kTooLarge:
    case ErrorCode::kTooManyRequests:
    case ErrorCode::kOutOfMemory: return absl::StatusCode::kResourceExhausted;
    case ErrorCode::kInternal: return absl::StatusCode::kInternal;
    case ErrorCode::kMethodNotAllowed:
    case ErrorCode::kNotImplemented: return absl::StatusCode::kUnimplemented;
    case ErrorCode::kUnavailable: return absl::StatusCode::kUnavailable;
    case ErrorCode::kRequestTimeout:
    case ErrorCode::kDeadlineExceeded: return absl::StatusCode::kDeadlineExceeded;
    default: return absl::StatusCode::kInvalidArgument;
  }
}

const ErrorRow& ErrorInfo(ErrorCode code) { return kTable[static_cast<size_t>(code)]; }
absl::Span<const ErrorRow> ErrorTable() { return kTable; }

Status Failure(ErrorCode code, std::string_view message, std::string_view path) {
  Status status(GrpcCode(code), absl::string_view(message.data(), message.size()));
  status.SetPayload(kCodeUrl, absl::Cord(std::string(1, static_cast<char>(code))));
  if (!path.empty()) status.SetPayload(kPathUrl, absl::Cord(std::string(path)));
  return status;
}

ErrorCode CodeOf(const Status& status) {
  if (const auto payload = status.GetPayload(kCodeUrl); payload.has_value() && payload->size() == 1) {
    const auto code = static_cast<unsigned char>((*payload)[0]);
    if (code < kTable.size()) return static_cast<ErrorCode>(code);
  }
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange: return ErrorCode::kInvalid;
    case absl::StatusCode::kUnauthenticated: return ErrorCode::kUnauthenticated;
    case absl::StatusCode::kPermissionDenied: return ErrorCode::kForbidden;
    case absl::StatusCode::kNotFound: return ErrorCode::kNotFound;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition: return ErrorCode::kConflict;
    case absl::StatusCode::kAborted: return ErrorCode::kStaleEpoch;
    case absl::StatusCode::kResourceExhausted: return ErrorCode::kTooManyRequests;
    case absl::StatusCode::kUnimplemented: return ErrorCode::kNotImplemented;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kCancelled: return ErrorCode::kUnavailable;
    case absl::StatusCode::kDeadlineExceeded: return ErrorCode::kDeadlineExceeded;
    default: return ErrorCode::kInternal;
  }
}

std::string PathOf(const Status& status) {
  const auto payload = status.GetPayload(kPathUrl);
  return payload.has_value() ? std::string(*payload) : std::string();
}

ErrorCode CodeOfHttp(int http) {
  for (const ErrorRow& row : kTable) {
    if (row.http == http) return row.code;
  }
  return http < 500 ? ErrorCode::kMalformed : ErrorCode::kInternal;
}

int PlainHttpStatus(ErrorCode code) { return code == ErrorCode::kSchemaViolation ? 400 : ErrorInfo(code).http; }

void AppendRowErrors(std::string* out, const RefusedRows& refused) {
  out->append("\"errors\":[");
  for (size_t i = 0; i < refused.errors.size() && i < kRowErrorsMax; ++i) {
    const RowError& error = refused.errors[i];
    Append(out, i == 0 ? "" : ",", "{\"row\":", error.row, ",\"column\":");
    AppendJsonString(out, error.column);
    out->append(",\"value\":");
    if (error.value.empty()) {
      out->append("null");
    } else {
      AppendJsonString(out, error.value);
    }
    AppendMember(out, "rule", error.rule);
    out->push_back('}');
  }
  Append(out, "],\"error_count\":", refused.count);
}

std::string ProblemBody(const Status& status, std::string_view request_id, const RefusedRows& refused) {
  const ErrorRow& row = ErrorInfo(CodeOf(status));
  std::string out = Concat("{\"type\":\"about:blank#", row.name, "\",\"title\":\"", row.title, "\",\"status\":", row.http, ",\"code\":\"",
                           row.name, "\"");
  AppendMember(&out, "detail", MessageOf(status));
  if (const std::string path = PathOf(status); !path.empty()) AppendMember(&out, "path", path);
  if (const std::string_view nearest = NearestOf(MessageOf(status)); !nearest.empty()) AppendMember(&out, "nearest", nearest);
  if (!request_id.empty()) AppendMember(&out, "request_id", request_id);
  if (refused.count > 0) {
    out.push_back(',');
    AppendRowErrors(&out, refused);
  }
  out.push_back('}');
  return out;
}

std::string OipErrorMessage(const Status& status, const RefusedRows& refused) {
  // Triton's clients look for these words, of a version that is not there as well.
  const bool unknown = status.code() == absl::StatusCode::kNotFound && !status.GetPayload(kCodeUrl).has_value();
  return Concat(unknown ? "Request for unknown model: " : "", MessageWithRows(status, refused));
}

std::string OipErrorBody(const Status& status, const RefusedRows& refused) {
  std::string out = "{\"error\":";
  AppendJsonString(&out, OipErrorMessage(status, refused));
  out.push_back('}');
  return out;
}

std::string TfsErrorMessage(const Status& status, const RefusedRows& refused) { return MessageWithRows(status, refused); }

std::string TfsErrorBody(const Status& status, const RefusedRows& refused) {
  std::string out = "{\"error\":";
  AppendJsonString(&out, MessageWithRows(status, refused));
  out.push_back('}');
  return out;
}

std::string MlflowErrorBody(const Status& status, const RefusedRows& refused) {
  std::string out = Concat("{\"error_code\":\"", ErrorInfo(CodeOf(status)).mlflow, "\",\"message\":");
  AppendJsonString(&out, MessageWithRows(status, refused));
  out.push_back('}');
  return out;
}

namespace {

std::string_view SagemakerType(int http) {
  switch (http) {
    case 404: return "ModelNotFoundException";
    case 405: return "MethodNotAllowedException";
    case 408:
    case 504: return "RequestTimeoutException";
    case 409: return "ConflictStatusException";
    case 503: return "ServiceUnavailableException";
    case 507: return "InsufficientStorageException";
    default: return http < 500 ? "BadRequestException" : "InternalServerException";
  }
}

}  // namespace

std::string SagemakerErrorBody(const Status& status, const RefusedRows& refused) {
  const int http = PlainHttpStatus(CodeOf(status));
  std::string out = Concat("{\"code\":", http, ",\"type\":\"", SagemakerType(http), "\",\"message\":");
  AppendJsonString(&out, MessageWithRows(status, refused));
  out.push_back('}');
  return out;
}

std::string AzureErrorBody(const Status& status, const RefusedRows& refused) {
  std::string out = "{\"message\":";
  AppendJsonString(&out, MessageWithRows(status, refused));
  out.push_back('}');
  return out;
}

}  // namespace vigil
