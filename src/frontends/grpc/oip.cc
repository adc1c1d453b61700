#include "frontends/grpc/oip.h"

#include <algorithm>
#include <utility>

#include "frontends/grpc/call_exchange.h"
#include "frontends/grpc/infer_stream.h"

namespace vigil {
namespace {

constexpr Route Inline(std::string_view path, Permission permission, InlineHandler handler) {
  Route route;
  route.method = net::Method::kPost;
  route.pattern = path;
  route.dialect = Dialect::kOipGrpc;
  route.permission = permission;
  route.inline_handler = handler;
  return route;
}

constexpr Route Control(std::string_view path, Permission permission, OperationHandler operation) {
  Route route = Inline(path, permission, nullptr);
  route.operation = operation;
  return route;
}

constexpr Permission kNone = Permission::kNone, kRead = Permission::kRead, kOperate = Permission::kOperate;

constexpr Route kMethods[] = {
    Inline("/inference.GRPCInferenceService/ModelInfer", Permission::kPredict, HandleModelInfer),
    Inline("/inference.GRPCInferenceService/ServerLive", kNone, HandleServerLive),
    Inline("/inference.GRPCInferenceService/ServerReady", kNone, HandleServerReady),
    Inline("/inference.GRPCInferenceService/ModelReady", kRead, HandleModelReady),
    Inline("/inference.GRPCInferenceService/ServerMetadata", kRead, HandleServerMetadata),
    Inline("/inference.GRPCInferenceService/ModelMetadata", kRead, HandleModelMetadata),
    Inline("/inference.GRPCInferenceService/ModelConfig", kRead, HandleModelConfig),
    Inline("/inference.GRPCInferenceService/ModelStatistics", kRead, HandleModelStatistics),
    Control("/inference.GRPCInferenceService/RepositoryIndex", kRead, RepositoryIndex),
    Control("/inference.GRPCInferenceService/RepositoryModelLoad", kOperate, RepositoryModelLoad),
    Control("/inference.GRPCInferenceService/RepositoryModelUnload", kOperate, RepositoryModelUnload),
    Inline("/inference.GRPCInferenceService/SystemSharedMemoryStatus", kRead, HandleSharedMemoryStatus),
    Inline("/inference.GRPCInferenceService/SystemSharedMemoryRegister", kOperate, HandleSharedMemoryRegister),
    Inline("/inference.GRPCInferenceService/SystemSharedMemoryUnregister", kOperate, HandleSharedMemoryUnregister),
    Inline("/inference.GRPCInferenceService/CudaSharedMemoryStatus", kRead, HandleSharedMemoryStatus),
    Inline("/inference.GRPCInferenceService/CudaSharedMemoryRegister", kOperate, HandleSharedMemoryRegister),
    Inline("/inference.GRPCInferenceService/CudaSharedMemoryUnregister", kOperate, HandleSharedMemoryUnregister),
    Inline("/inference.GRPCInferenceService/TraceSetting", kOperate, HandleTraceSetting),
    Inline("/inference.GRPCInferenceService/LogSettings", kOperate, HandleLogSettings),
};
constexpr Route kStream = Inline("/inference.GRPCInferenceService/ModelStreamInfer", Permission::kPredict, HandleModelStreamInfer);

}  // namespace

OipService::~OipService() = default;

void OipService::AddTo(net::GrpcMethods* methods) {
  for (const Route& route : kMethods) {
    methods->Add(
        {std::string(route.pattern),
         [this, &route](const net::GrpcRequest& request, net::GrpcExchange& exchange) { ServeCall(handler_, route, request, exchange); },
         nullptr});
  }
  methods->Add({std::string(kStream.pattern), nullptr, [this](const net::GrpcRequest& request, std::shared_ptr<net::GrpcCall> call) {
                  const auto stream = std::make_shared<InferStream>(handler_, kStream, request, std::move(call));
                  if (stopped_) stream->Stop();
                  std::erase_if(streams_, [](const std::weak_ptr<InferStream>& known) { return known.expired(); });
                  streams_.push_back(stream);
                  return std::make_unique<InferStreamReader>(stream);
                }});
}

void OipService::Stop() {
  stopped_ = true;
  for (const std::weak_ptr<InferStream>& known : streams_) {
    if (const std::shared_ptr<InferStream> stream = known.lock()) stream->Stop();
  }
}

}  // namespace vigil
