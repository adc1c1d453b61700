#include "frontends/grpc/tfs.h"

#include <string>

#include "frontends/grpc/call_exchange.h"

namespace vigil {
namespace {

constexpr Route Method(std::string_view path, Permission permission, InlineHandler handler, OperationHandler operation = nullptr) {
  Route route;
  route.method = net::Method::kPost;
  route.pattern = path;
  route.dialect = Dialect::kTfsGrpc;
  route.permission = permission;
  route.inline_handler = handler;
  route.operation = operation;
  return route;
}

constexpr Route kRoutes[] = {
    Method("/tensorflow.serving.PredictionService/Predict", Permission::kPredict, HandleTfsGrpcPredict),
    Method("/tensorflow.serving.PredictionService/Classify", Permission::kPredict, HandleTfsGrpcClassify),
    Method("/tensorflow.serving.PredictionService/Regress", Permission::kPredict, HandleTfsGrpcRegress),
    Method("/tensorflow.serving.PredictionService/MultiInference", Permission::kPredict, HandleTfsGrpcMultiInference),
    Method("/tensorflow.serving.PredictionService/GetModelMetadata", Permission::kRead, HandleTfsGrpcMetadata),
    Method("/tensorflow.serving.ModelService/GetModelStatus", Permission::kRead, nullptr, TfsGrpcModelStatus),
    Method("/tensorflow.serving.ModelService/HandleReloadConfigRequest", Permission::kOperate, nullptr, TfsGrpcReloadConfig),
};

}  // namespace

void AddTfsServices(RestHandler& handler, net::GrpcMethods* methods) {
  for (const Route& route : kRoutes) {
    methods->Add(
        {std::string(route.pattern),
         [&route, &handler](const net::GrpcRequest& request, net::GrpcExchange& exchange) { ServeCall(handler, route, request, exchange); },
         nullptr});
  }
}

}  // namespace vigil
