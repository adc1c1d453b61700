// The model repository, and the methods that would change what nobody may change here.
#include "base/proto_wire.h"
#include "frontends/grpc/oip.h"
#include "frontends/tensors/oip_repository.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr uint32_t kIndexReady = 2;                                           // of RepositoryIndexRequest
constexpr uint32_t kIndexModels = 1;                                          // of RepositoryIndexResponse
constexpr uint32_t kName = 1, kVersion = 2, kState = 3, kReason = 4;          // of ModelIndex
constexpr uint32_t kRepositoryName = 1, kModelName = 2, kLoadParameters = 3;  // of RepositoryModelLoadRequest, and to unload
constexpr uint32_t kKeyOfEntry = 1;                                           // of a map
constexpr uint32_t kAnsweredName = 1, kAnsweredFlag = 2;                      // of KServe's answers
constexpr uint32_t kRegionName = 1;                                           // of every question about shared memory

Reply MessageReply(std::string message) { return {200, std::string(kGrpcMessage), std::move(message)}; }

Status Malformed(std::string_view what) { return Failure(ErrorCode::kMalformed, Concat("the message is no ", what)); }

// The model to load or to unload. KServe's clients send its name where Triton's send that of a repository, and nothing else.
StatusOr<std::string> ReadModel(std::string_view message, bool check_parameters) {
  std::string_view repository, model;
  ProtoFields fields(message);
  while (fields.Next()) {
    if (fields.is(kRepositoryName, ProtoType::kBytes)) repository = fields.bytes();
    if (fields.is(kModelName, ProtoType::kBytes)) model = fields.bytes();
    if (!check_parameters || !fields.is(kLoadParameters, ProtoType::kBytes)) continue;
    ProtoFields entry(fields.bytes());
    while (entry.Next()) {
      if (entry.is(kKeyOfEntry, ProtoType::kBytes)) VIGIL_RETURN_IF_ERROR(CheckOipLoadParameter(entry.bytes()));
    }
    if (!entry.ok()) return Malformed("RepositoryModelLoadRequest");
  }
  if (!fields.ok()) return Malformed(check_parameters ? "RepositoryModelLoadRequest" : "RepositoryModelUnloadRequest");
  if (model.empty()) model = repository;
  if (model.empty()) return Failure(ErrorCode::kInvalid, "names no model", "model_name");
  return std::string(model);
}

// Fields that Triton's clients do not know and KServe's wait for.
Reply DoneReply(const std::string& model) {
  std::string message;
  ProtoWriter writer(&message);
  writer.Bytes(kAnsweredName, model);
  writer.Bool(kAnsweredFlag, true);
  return MessageReply(std::move(message));
}

}  // namespace

StatusOr<Reply> RepositoryIndex(Operations& operations, const ApiRequest& request) {
  bool ready_only = false;
  ProtoFields fields(request.body);
  while (fields.Next()) {
    if (fields.is(kIndexReady, ProtoType::kVarint)) ready_only = fields.boolean();
  }
  if (!fields.ok()) return Malformed("RepositoryIndexRequest");
  VIGIL_ASSIGN_OR_RETURN(const std::vector<OipIndexEntry> entries, OipIndex(operations, ready_only));
  std::string message;
  ProtoWriter writer(&message);
  for (const OipIndexEntry& entry : entries) {
    writer.Message(kIndexModels, [&](ProtoWriter& model) {
      model.Bytes(kName, entry.name);
      model.Bytes(kVersion, entry.version);
      model.Bytes(kState, entry.state);
      model.Bytes(kReason, entry.reason);
    });
  }
  return MessageReply(std::move(message));
}

StatusOr<Reply> RepositoryModelLoad(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const std::string model, ReadModel(request.body, true));
  VIGIL_RETURN_IF_ERROR(OipLoad(operations, model, request.principal));
  return DoneReply(model);
}

StatusOr<Reply> RepositoryModelUnload(Operations& operations, const ApiRequest& request) {
  VIGIL_ASSIGN_OR_RETURN(const std::string model, ReadModel(request.body, false));
  VIGIL_RETURN_IF_ERROR(OipUnload(operations, model, request.principal));
  return DoneReply(model);
}

// There are no regions, ever: all of them are none, and one by name is not found.
void HandleSharedMemoryStatus(RestHandler& handler, Call& call) {
  std::string_view name;
  ProtoFields fields(call.body);
  while (fields.Next()) {
    if (fields.is(kRegionName, ProtoType::kBytes)) name = fields.bytes();
  }
  if (!fields.ok()) return handler.AnswerError(call, Malformed("question about shared memory"));
  if (name.empty()) return handler.Answer(call, 200, kGrpcMessage, "");
  handler.AnswerError(call, Failure(ErrorCode::kNotFound, Concat("no shared memory region \"", name.substr(0, 200), "\" is registered")));
}

void HandleSharedMemoryRegister(RestHandler& handler, Call& call) {
  handler.AnswerError(call, Failure(ErrorCode::kNotImplemented,
                                    "shared memory is not offered: a client must not name memory of this server's machine; send tensors in "
                                    "raw_input_contents"));
}

// As Triton's, whatever is not registered is unregistered at once: its clients begin with that.
void HandleSharedMemoryUnregister(RestHandler& handler, Call& call) { handler.Answer(call, 200, kGrpcMessage, ""); }

void HandleTraceSetting(RestHandler& handler, Call& call) {
  handler.AnswerError(call, Failure(ErrorCode::kNotImplemented,
                                    "tracing has no settings of its own here: a request is traced when its traceparent says so"));
}

void HandleLogSettings(RestHandler& handler, Call& call) {
  handler.AnswerError(call,
                      Failure(ErrorCode::kNotImplemented, "logging is not changed by clients: it is configured where the server starts"));
}

}  // namespace vigil
