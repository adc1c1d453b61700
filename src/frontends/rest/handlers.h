// Every route's handler, by the file it is in. routes.cc binds them to paths.
#pragma once

#include "frontends/rest/route.h"
#include "prediction/pipeline.h"

namespace vigil {

// api_predict.cc
void HandlePredict(RestHandler& handler, Call& call);
void HandlePredictLabel(RestHandler& handler, Call& call);  // {model}, {label}
void PredictRows(RestHandler& handler, Call& call, std::string_view model, const std::string& version);
// oip.cc
void HandleOipInfer(RestHandler& handler, Call& call);

// oip_models.cc
void HandleOipServer(RestHandler& handler, Call& call);
void HandleOipLive(RestHandler& handler, Call& call);
void HandleOipReady(RestHandler& handler, Call& call);
void HandleOipModels(RestHandler& handler, Call& call);
void HandleOipModel(RestHandler& handler, Call& call);  // {model}[, {version}]
void HandleOipModelReady(RestHandler& handler, Call& call);
void HandleOipConfig(RestHandler& handler, Call& call);
void HandleOipStatistics(RestHandler& handler, Call& call);  // [{model}[, {version}]]

// oip_repository.cc
StatusOr<Reply> OipRepositoryIndex(Operations& operations, const ApiRequest& request);
StatusOr<Reply> OipRepositoryLoad(Operations& operations, const ApiRequest& request);
StatusOr<Reply> OipRepositoryUnload(Operations& operations, const ApiRequest& request);

// tfs.cc: {model}[, {version} or {label}]
void HandleTfsPredict(RestHandler& handler, Call& call);
void HandleTfsClassify(RestHandler& handler, Call& call);
void HandleTfsRegress(RestHandler& handler, Call& call);
bool IsTfsLabel(const Route& route);  // the second is a label

// tfs_models.cc
void HandleTfsMetadata(RestHandler& handler, Call& call);
StatusOr<Reply> TfsModelStatus(Operations& operations, const ApiRequest& request);          // {model}[, {version}]
StatusOr<Reply> TfsLabelledModelStatus(Operations& operations, const ApiRequest& request);  // {model}, {label}

// mlflow.cc
void HandleMlflowPing(RestHandler& handler, Call& call);
void HandleMlflowVersion(RestHandler& handler, Call& call);
void HandleMlflowInvocations(RestHandler& handler, Call& call);

// sagemaker.cc
StatusOr<Reply> SagemakerLoadModel(Operations& operations, const ApiRequest& request);
StatusOr<Reply> SagemakerListModels(Operations& operations, const ApiRequest& request);
StatusOr<Reply> SagemakerGetModel(Operations& operations, const ApiRequest& request);
StatusOr<Reply> SagemakerUnloadModel(Operations& operations, const ApiRequest& request);
void HandleSagemakerInvoke(RestHandler& handler, Call& call);

// vertex.cc
void HandleVertexPredict(RestHandler& handler, Call& call);

// azureml.cc
void HandleAzureScore(RestHandler& handler, Call& call);
// azureml_swagger.cc
void HandleAzureSwagger(RestHandler& handler, Call& call);

// graphql/endpoint.cc, graphql/graphiql.cc
void HandleGraphql(RestHandler& handler, Call& call);
void HandleGraphiqlFile(RestHandler& handler, Call& call);  // {path...}

// platform.cc
void HandleRoot(RestHandler& handler, Call& call);
void HandleMetrics(RestHandler& handler, Call& call);
void HandleOpenApi(RestHandler& handler, Call& call);
void HandleDocs(RestHandler& handler, Call& call);
void HandleUi(RestHandler& handler, Call& call);

// api_labels.cc
StatusOr<Reply> ImportLabels(Operations& operations, const ApiRequest& request);

// api_models.cc
StatusOr<Reply> ListModels(Operations& operations, const ApiRequest& request);
StatusOr<Reply> GetModel(Operations& operations, const ApiRequest& request);
StatusOr<Reply> ListVersions(Operations& operations, const ApiRequest& request);
StatusOr<Reply> GetVersion(Operations& operations, const ApiRequest& request);
StatusOr<Reply> RegisterVersion(Operations& operations, const ApiRequest& request);
StatusOr<Reply> SetRole(Operations& operations, const ApiRequest& request);
StatusOr<Reply> ListLabels(Operations& operations, const ApiRequest& request);
StatusOr<Reply> SetLabel(Operations& operations, const ApiRequest& request);
StatusOr<Reply> ClearLabel(Operations& operations, const ApiRequest& request);
StatusOr<Reply> GetServedAt(Operations& operations, const ApiRequest& request);
StatusOr<Reply> RollbackModel(Operations& operations, const ApiRequest& request);

// api_monitoring.cc
StatusOr<Reply> GetSeries(Operations& operations, const ApiRequest& request);

// api_alerts.cc
StatusOr<Reply> ListAlerts(Operations& operations, const ApiRequest& request);
StatusOr<Reply> AcknowledgeAlert(Operations& operations, const ApiRequest& request);
StatusOr<Reply> SilenceAlert(Operations& operations, const ApiRequest& request);

// api_rollouts.cc
StatusOr<Reply> ListRollouts(Operations& operations, const ApiRequest& request);
StatusOr<Reply> GetRollout(Operations& operations, const ApiRequest& request);
StatusOr<Reply> CreateRollout(Operations& operations, const ApiRequest& request);
StatusOr<Reply> ChangeRollout(Operations& operations, const ApiRequest& request);

// api_jobs.cc
StatusOr<Reply> Retrain(Operations& operations, const ApiRequest& request);
StatusOr<Reply> ListJobs(Operations& operations, const ApiRequest& request);
StatusOr<Reply> GetJob(Operations& operations, const ApiRequest& request);

// api_timeline.cc
StatusOr<Reply> GetTimeline(Operations& operations, const ApiRequest& request);

// api_status.cc
StatusOr<Reply> GetStatus(Operations& operations, const ApiRequest& request);

}  // namespace vigil
