// inference.GRPCInferenceService: the Open Inference Protocol over gRPC as Triton has it, with what KServe and MLServer send where that
// differs. api/proto/inference/grpc_service.proto describes it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "frontends/rest/rest_handler.h"
#include "net/grpc.h"

namespace vigil {

class InferStream;

// One loop's.
class OipService {
 public:
  // `handler` outlives it, and answers its calls.
  explicit OipService(RestHandler& handler) : handler_(handler) {}
  ~OipService();

  // The methods refer to this.
  void AddTo(net::GrpcMethods* methods);
  // Streams end as soon as nothing waits in them.
  void Stop();

 private:
  RestHandler& handler_;
  std::vector<std::weak_ptr<InferStream>> streams_;
  bool stopped_ = false;
};

// ---- for the service's own sources ----

// oip_infer.cc: ModelInfer, and a message of ModelStreamInfer, which is answered by the same ModelInferResponse with the parameter
// triton_final_response.
void HandleModelInfer(RestHandler& handler, Call& call);
void HandleModelStreamInfer(RestHandler& handler, Call& call);

// oip_models.cc
void HandleServerLive(RestHandler& handler, Call& call);
void HandleServerReady(RestHandler& handler, Call& call);
void HandleModelReady(RestHandler& handler, Call& call);
void HandleServerMetadata(RestHandler& handler, Call& call);
void HandleModelMetadata(RestHandler& handler, Call& call);
void HandleModelConfig(RestHandler& handler, Call& call);
void HandleModelStatistics(RestHandler& handler, Call& call);

// oip_control.cc: the repository, and what cannot be changed here.
StatusOr<Reply> RepositoryIndex(Operations& operations, const ApiRequest& request);
StatusOr<Reply> RepositoryModelLoad(Operations& operations, const ApiRequest& request);
StatusOr<Reply> RepositoryModelUnload(Operations& operations, const ApiRequest& request);
void HandleSharedMemoryStatus(RestHandler& handler, Call& call);
void HandleSharedMemoryRegister(RestHandler& handler, Call& call);
void HandleSharedMemoryUnregister(RestHandler& handler, Call& call);
void HandleTraceSetting(RestHandler& handler, Call& call);
void HandleLogSettings(RestHandler& handler, Call& call);

inline constexpr std::string_view kGrpcMessage = "application/grpc";

}  // namespace vigil
