// What the layers above see of gRPC: methods by path, a call with its message, and an answer now, later or in many messages. Messages are
// bytes; whoever owns the method reads and writes them (base/proto_wire.h). The protocol: grpc.io, PROTOCOL-HTTP2.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "net/http.h"

namespace vigil::net {

// The payload of a Status that goes out as grpc-status-details-bin: a serialized google.rpc.Status.
inline constexpr std::string_view kGrpcDetails = "grpc-status-details-bin";

// Views are valid until the call is answered.
struct GrpcRequest {
  std::string_view path;              // "/grpc.health.v1.Health/Check"
  std::string_view message;           // the one message of a unary or server-streaming call, decompressed
  absl::Span<const Header> metadata;  // names in lower case; values of "-bin" names as they came, in base64
  int64_t deadline_ns = 0;            // monotonic; 0: none

  // Empty when absent. The first of several.
  std::string_view Metadata(std::string_view name) const;
};

// An answer in progress. Only on the loop's own thread. Safe to use after the client has gone: everything is then ignored. Dropped
// without Finish, the call ends with INTERNAL.
class GrpcCall {
 public:
  virtual ~GrpcCall() = default;
  // `metadata` leaves with the first of the answer's parts and is ignored with later ones. Names in lower case.
  virtual void Send(std::string_view message, std::initializer_list<ReplyHeader> metadata = {}) = 0;
  virtual void Finish(const Status& status, std::initializer_list<ReplyHeader> metadata = {}) = 0;
  // The client gave up, its deadline passed, or its connection is gone: nobody waits for the answer.
  virtual bool cancelled() const = 0;
  // Sent but still here. A handler that makes messages faster than they leave looks at it; beyond HttpLimits::output_bytes_max the
  // connection is cut.
  virtual size_t unsent_bytes() const = 0;
  // Called once when the call is cancelled; not after Finish.
  virtual void OnCancel(std::function<void()> tell) = 0;
};

// Answers one call; exists during its method only. Exactly one of Reply, Fail or Defer.
class GrpcExchange {
 public:
  virtual ~GrpcExchange() = default;
  // One message and OK. Names of metadata in lower case.
  virtual void Reply(std::string_view message, std::initializer_list<ReplyHeader> metadata = {}) = 0;
  virtual void Fail(const Status& status, std::initializer_list<ReplyHeader> metadata = {}) = 0;
  virtual std::shared_ptr<GrpcCall> Defer() = 0;
  // The other end as text; asks the kernel.
  virtual std::string PeerName() const = 0;
};

// Hears the messages of a client that streams. On the loop's thread. Destroyed when the call is over, whoever ended it.
class GrpcReader {
 public:
  virtual ~GrpcReader() = default;
  virtual void OnMessage(std::string_view message) = 0;
  // The client sends no more.
  virtual void OnEnd() = 0;
};

// One of the two is set.
struct GrpcMethod {
  std::string path;
  // Unary, and server-streaming through Defer.
  std::function<void(const GrpcRequest& request, GrpcExchange& exchange)> unary;
  // The client streams, or both do.
  std::function<std::unique_ptr<GrpcReader>(const GrpcRequest& request, std::shared_ptr<GrpcCall> call)> streaming;
};

// The methods of one loop; filled before it serves.
class GrpcMethods {
 public:
  void Add(GrpcMethod method) {
    std::string path = method.path;
    methods_.insert_or_assign(std::move(path), std::make_unique<GrpcMethod>(std::move(method)));
  }
  const GrpcMethod* Find(std::string_view path) const {
    const auto found = methods_.find(absl::string_view(path.data(), path.size()));
    return found == methods_.end() ? nullptr : found->second.get();
  }

 private:
  absl::flat_hash_map<std::string, std::unique_ptr<GrpcMethod>> methods_;
};

}  // namespace vigil::net
