// tensorflow.serving.PredictionService and ModelService.
#pragma once

#include "frontends/rest/route.h"
#include "net/grpc.h"

namespace vigil {

// The methods refer to the handler.
void AddTfsServices(RestHandler& handler, net::GrpcMethods* methods);

// tfs_predict.cc
void HandleTfsGrpcPredict(RestHandler& handler, Call& call);
void HandleTfsGrpcClassify(RestHandler& handler, Call& call);
void HandleTfsGrpcRegress(RestHandler& handler, Call& call);
void HandleTfsGrpcMultiInference(RestHandler& handler, Call& call);

// tfs_models.cc
void HandleTfsGrpcMetadata(RestHandler& handler, Call& call);
StatusOr<Reply> TfsGrpcModelStatus(Operations& operations, const ApiRequest& request);
StatusOr<Reply> TfsGrpcReloadConfig(Operations& operations, const ApiRequest& request);

}  // namespace vigil
