// Calls of gRPC as requests of the handler that also answers HTTP: one place then makes contexts, waits for models, hands work to workers,
// scores, counts and logs, whoever asks.
//
// A route of gRPC (IsGrpc) answers 200 with the message as its body, or a failure whose body is the text of the status and whose header
// kGrpcStatus is its number. The request's id comes back as metadata.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/status.h"
#include "frontends/rest/rest_handler.h"
#include "net/grpc.h"

namespace vigil {

// Answers a unary call by `route`, which outlives the answer.
void ServeCall(RestHandler& handler, const Route& route, const net::GrpcRequest& request, net::GrpcExchange& exchange);

// A call as the request that it is; the views are those of `request`.
net::HttpRequest HttpRequestOf(const net::GrpcRequest& request);

// How such an answer reads.
struct CallAnswer {
  Status status;                // not OK: with the body as its message
  std::string_view request_id;  // a view of the headers
};
CallAnswer ReadCallAnswer(int status, std::string_view body, std::initializer_list<net::ReplyHeader> headers);
inline constexpr std::string_view kRequestIdMetadata = "x-request-id";

}  // namespace vigil
