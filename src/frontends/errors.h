// The one table of failures: what went wrong → HTTP status, stable code, and the words that other dialects use for it. Lower layers
// speak absl::Status; a dialect turns one into its own body here and nowhere else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "base/status.h"
#include "domain/schema.h"

namespace vigil {

// Kinds of failure that answer differently. Their names on the wire (`code`) never change.
enum class ErrorCode : uint8_t {
  kMalformed,
  kInvalid,
  kUnauthenticated,
  kForbidden,
  kNotFound,
  kMethodNotAllowed,
  kRequestTimeout,
  kConflict,
  kStaleEpoch,
  kTooLarge,
  kUriTooLong,
  kUnsupportedMediaType,
  kSchemaViolation,
  kTooManyRequests,
  kHeadersTooLarge,
  kInternal,
  kNotImplemented,
  kUnavailable,
  kDeadlineExceeded,
  kHttpVersion,
  kOutOfMemory,
};

struct ErrorRow {
  ErrorCode code;
  int http;
  std::string_view name;  // `code` of our problem documents
  std::string_view title;
  std::string_view mlflow;  // `error_code` of MLflow
};
const ErrorRow& ErrorInfo(ErrorCode code);
absl::Span<const ErrorRow> ErrorTable();

// A status that carries which row of the table it is and the offending place in the request ("rows[3].amount", "X-Vigil-Times").
Status Failure(ErrorCode code, std::string_view message, std::string_view path = "");
// The row for a status from anywhere: the one it carries, else the one for its absl code.
ErrorCode CodeOf(const Status& status);
std::string PathOf(const Status& status);
// What gRPC calls it.
absl::StatusCode GrpcCode(ErrorCode code);
// The row for an HTTP status that the transport refused a request with.
ErrorCode CodeOfHttp(int http);

// Rows that were refused, beside the failure.
struct RefusedRows {
  absl::Span<const RowError> errors;
  int64_t count = 0;
};

// RFC 9457: {"type","title","status","code","detail","path"?,"nearest"?,"request_id"?,"errors"?,"error_count"?}; application/problem+json.
std::string ProblemBody(const Status& status, std::string_view request_id, const RefusedRows& refused = {});
inline constexpr std::string_view kProblemType = "application/problem+json";
// Appends `"errors":[...],"error_count":n`, at most kRowErrorsMax of them.
void AppendRowErrors(std::string* out, const RefusedRows& refused);

// Open Inference Protocol and Vertex AI: {"error": message}. Refused rows are named in the message.
std::string OipErrorBody(const Status& status, const RefusedRows& refused = {});
// That message, which is also the text of a gRPC status.
std::string OipErrorMessage(const Status& status, const RefusedRows& refused = {});
// TensorFlow Serving: the same shape.
std::string TfsErrorBody(const Status& status, const RefusedRows& refused = {});
// That message, which is also the text of a gRPC status.
std::string TfsErrorMessage(const Status& status, const RefusedRows& refused = {});
// MLflow: {"error_code","message"}.
std::string MlflowErrorBody(const Status& status, const RefusedRows& refused = {});

// SageMaker's multi-model protocol, as its own server has it: {"code": HTTP status, "type": "ModelNotFoundException", "message"}.
std::string SagemakerErrorBody(const Status& status, const RefusedRows& refused = {});
// Azure ML: {"message"}.
std::string AzureErrorBody(const Status& status, const RefusedRows& refused = {});

// HTTP status in ecosystems that know no 422: refused rows are 400.
int PlainHttpStatus(ErrorCode code);

}  // namespace vigil
