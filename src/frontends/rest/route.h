// Routes are data: what is served, by whom, for whom, and how it is described. The OpenAPI document, the documentation page, the `Allow`
// header and the nearest-route hint are all made from this one table (routes.cc).
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "net/http.h"
#include "service/operations.h"

namespace vigil {

class RestHandler;
struct Call;

// Whose error shape and metrics label a route has.
enum class Dialect : uint8_t { kPlatform, kOurs, kOip, kMlflow, kTfs, kSagemaker, kVertex, kAzure, kOipGrpc, kTfsGrpc, kGraphql };
std::string_view DialectName(Dialect dialect);
inline constexpr size_t kDialects = 11;
// Bodies are gRPC's messages, a failure's is its text; its header kGrpcStatus says which it is.
constexpr bool IsGrpc(Dialect dialect) { return dialect == Dialect::kOipGrpc || dialect == Dialect::kTfsGrpc; }
inline constexpr std::string_view kGrpcStatus = "grpc-status";

// Bit number in Principal::permissions that a caller needs; kNone: open to everyone.
enum class Permission : uint8_t { kNone, kPredict, kRead, kLabel, kOperate };
std::string_view PermissionName(Permission permission);
Status LacksPermission(std::string_view principal, Permission permission);

// A request of the control plane: owns everything, so that it can be answered on another thread.
struct ApiRequest {
  std::vector<std::string> params;  // of the pattern, decoded, in order
  std::string query;
  std::string content_type;
  std::string body;
  std::string principal;
  std::string request_id;
};

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::pair<std::string_view, std::string_view> header;  // one more; views of constants
  // Instead: takes the answer over, on the serving thread, to write it in frames.
  std::function<void(std::shared_ptr<net::Deferred> answer, std::string_view request_id)> stream;
};

// Answers at once on the serving thread: must not block.
using InlineHandler = void (*)(RestHandler& handler, Call& call);
// Answers on a worker thread. Pure but for `operations`.
using OperationHandler = StatusOr<Reply> (*)(Operations& operations, const ApiRequest& request);

struct Route {
  net::Method method = net::Method::kGet;
  std::string_view
      pattern;  // "/api/v1/models/{model}/predict"; "{model}:predict" is a parameter before a word, a last "{path...}" takes the rest
  Dialect dialect = Dialect::kOurs;
  Permission permission = Permission::kRead;
  InlineHandler inline_handler = nullptr;  // one of the two
  OperationHandler operation = nullptr;
  std::string_view id;  // operationId
  std::string_view tag;
  std::string_view summary;
  std::string_view query;           // names of query parameters, blank-separated (openapi.cc describes each)
  std::string_view request_types;   // media types, blank-separated; empty: takes no body
  std::string_view request_schema;  // name in the document's components
  std::string_view response_type = "application/json";
  std::string_view response_schema;
  int success = 200;
  bool step = false;  // a part of another request: not counted as a request, and in no table
};

// Every route that a server always has.
absl::Span<const Route> AllRoutes();

}  // namespace vigil
