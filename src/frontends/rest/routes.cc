// Every route of the server. One line to add one: everything else about it (document, page, `Allow`, hints, metrics) follows.
#include <iterator>

#include "frontends/rest/handlers.h"
#include "frontends/rest/route.h"

namespace vigil {
namespace {

using net::Method;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kRowTypes = "application/json text/csv application/x-ndjson";
constexpr std::string_view kPredictTypes = "application/json text/csv application/x-ndjson application/vnd.apache.arrow.stream";
constexpr std::string_view kPredictAnswers = "application/json application/x-ndjson application/vnd.apache.arrow.stream";

constexpr std::string_view kFrameTypes = "application/json text/csv application/jsonlines application/vnd.sagemaker-triton.binary+json";

constexpr std::string_view kGraphqlTypes = "application/json application/graphql-response+json text/event-stream text/html";

constexpr std::string_view kOipTypes = "application/json application/octet-stream";

constexpr Route Inline(Method method, std::string_view pattern, Dialect dialect, Permission permission, InlineHandler handler,
                       std::string_view id, std::string_view summary, std::string_view response_schema) {
  constexpr std::string_view kTags[] = {"platform",
                                        "predictions",
                                        "open inference protocol",
                                        "mlflow",
                                        "tensorflow serving",
                                        "sagemaker",
                                        "vertex ai",
                                        "azure ml",
                                        "open inference protocol",
                                        "tensorflow serving",
                                        "graphql"};
  static_assert(std::size(kTags) == kDialects);
  Route route;
  route.method = method;
  route.pattern = pattern;
  route.dialect = dialect;
  route.permission = permission;
  route.inline_handler = handler;
  route.id = id;
  route.tag = kTags[static_cast<size_t>(dialect)];
  route.summary = summary;
  route.response_schema = response_schema;
  return route;
}

constexpr Route Api(Method method, std::string_view pattern, Permission permission, OperationHandler handler, std::string_view id,
                    std::string_view tag, std::string_view summary, std::string_view response_schema, int success = 200) {
  Route route;
  route.method = method;
  route.pattern = pattern;
  route.permission = permission;
  route.operation = handler;
  route.id = id;
  route.tag = tag;
  route.summary = summary;
  route.response_schema = response_schema;
  route.success = success;
  return route;
}

constexpr Route Taking(Route route, std::string_view types, std::string_view schema) {
  route.request_types = types;
  route.request_schema = schema;
  return route;
}
constexpr Route Asking(Route route, std::string_view query) {
  route.query = query;
  return route;
}
constexpr Route Giving(Route route, std::string_view type, int success = 200) {
  route.response_type = type;
  route.success = success;
  return route;
}

constexpr Route OfOip(Route route) {
  route.dialect = Dialect::kOip;
  route.tag = "open inference protocol";
  return route;
}

constexpr Route OfTfs(Route route) {
  route.dialect = Dialect::kTfs;
  route.tag = "tensorflow serving";
  return route;
}

constexpr Route TfsPost(std::string_view pattern, InlineHandler handler, std::string_view id, std::string_view summary,
                        std::string_view request_schema, std::string_view response_schema) {
  return Taking(Inline(Method::kPost, pattern, Dialect::kTfs, Permission::kPredict, handler, id, summary, response_schema),
                "application/json", request_schema);
}

constexpr Route OfSagemaker(Route route) {
  route.dialect = Dialect::kSagemaker;
  route.tag = "sagemaker";
  return route;
}

constexpr Permission kNone = Permission::kNone, kPredict = Permission::kPredict, kRead = Permission::kRead, kLabel = Permission::kLabel,
                     kOperate = Permission::kOperate;
constexpr Dialect kPlatform = Dialect::kPlatform, kOurs = Dialect::kOurs, kOip = Dialect::kOip, kMlflow = Dialect::kMlflow,
                  kTfs = Dialect::kTfs, kSagemaker = Dialect::kSagemaker, kAzure = Dialect::kAzure, kGraphql = Dialect::kGraphql;

const Route kRoutes[] = {
    // Our own API.
    Giving(Asking(Taking(Inline(Method::kPost, "/api/v1/models/{model}/predict", kOurs, kPredict, HandlePredict, "predict", "Score rows.",
                                "PredictResponse"),
                         kPredictTypes, "PredictRequest"),
                  "version partial"),
           kPredictAnswers),
    Taking(Api(Method::kPost, "/api/v1/labels", kLabel, ImportLabels, "importLabels", "labels", "Join late labels to their predictions.",
               "LabelCounts"),
           kRowTypes, "LabelsRequest"),
    Api(Method::kGet, "/api/v1/models", kRead, ListModels, "listModels", "models", "Every model.", "ModelList"),
    Api(Method::kGet, "/api/v1/models/{model}", kRead, GetModel, "getModel", "models", "One model: roles, traffic, signature.", "Model"),
    Api(Method::kGet, "/api/v1/models/{model}/versions", kRead, ListVersions, "listVersions", "models", "A model's versions.",
        "VersionList"),
    Taking(Api(Method::kPost, "/api/v1/models/{model}/versions", kOperate, RegisterVersion, "registerVersion", "models",
               "Register an artefact.", "Version", 201),
           kJson, "RegisterVersion"),
    Api(Method::kGet, "/api/v1/models/{model}/versions/{version}", kRead, GetVersion, "getVersion", "models", "One version.", "Version"),
    Taking(Api(Method::kPut, "/api/v1/models/{model}/roles/{role}", kOperate, SetRole, "setRole", "models",
               "Point a role at a version, by compare-and-set on its epoch.", "RoleAssignment"),
           kJson, "SetRole"),
    Giving(Taking(Inline(Method::kPost, "/api/v1/models/{model}/labels/{label}/predict", kOurs, kPredict, HandlePredictLabel,
                         "predictLabel", "Score rows by the version that a label points to.", "PredictResponse"),
                  kPredictTypes, "PredictRequest"),
           kPredictAnswers),
    Api(Method::kGet, "/api/v1/models/{model}/labels", kRead, ListLabels, "listLabels", "models", "A model's version labels.", "LabelList"),
    Taking(Api(Method::kPut, "/api/v1/models/{model}/labels/{label}", kOperate, SetLabel, "setLabel", "models",
               "Point a label at a version, by compare-and-set on its epoch.", "RoleAssignment"),
           kJson, "SetRole"),
    Api(Method::kDelete, "/api/v1/models/{model}/labels/{label}", kOperate, ClearLabel, "clearLabel", "models", "Take a label away.",
        "RoleAssignment"),
    Asking(Api(Method::kGet, "/api/v1/models/{model}/served", kRead, GetServedAt, "getServedAt", "timeline",
               "What served at a time, and who decided.", "ServedAt"),
           "at"),
    Taking(Api(Method::kPost, "/api/v1/models/{model}/rollback", kOperate, RollbackModel, "rollbackModel", "models",
               "Champion back to the version before.", "RoleAssignment"),
           kJson, "Reason"),
    Asking(Api(Method::kGet, "/api/v1/models/{model}/monitoring/{kind}", kRead, GetSeries, "getSeries", "monitoring",
               "Monitored series: traffic, quality, drift, performance, concept.", "SeriesList"),
           "from to window segment version column metric limit"),
    Asking(Api(Method::kGet, "/api/v1/alerts", kRead, ListAlerts, "listAlerts", "alerts", "Alerts, newest first.", "AlertList"),
           "model state limit"),
    Taking(Api(Method::kPost, "/api/v1/alerts/{alert}/ack", kOperate, AcknowledgeAlert, "acknowledgeAlert", "alerts",
               "Somebody has seen it.", "Alert"),
           kJson, "Acknowledge"),
    Taking(Api(Method::kPost, "/api/v1/alerts/{alert}/silence", kOperate, SilenceAlert, "silenceAlert", "alerts",
               "Do not notify until then.", "Alert"),
           kJson, "Silence"),
    Api(Method::kGet, "/api/v1/models/{model}/rollouts", kRead, ListRollouts, "listRollouts", "rollouts", "A model's rollouts.",
        "RolloutList"),
    Taking(Api(Method::kPost, "/api/v1/models/{model}/rollouts", kOperate, CreateRollout, "createRollout", "rollouts", "Begin a rollout.",
               "Rollout", 201),
           kJson, "CreateRollout"),
    Api(Method::kGet, "/api/v1/models/{model}/rollouts/{rollout}", kRead, GetRollout, "getRollout", "rollouts", "One rollout.", "Rollout"),
    Api(Method::kPost, "/api/v1/models/{model}/rollouts/{rollout}/{action}", kOperate, ChangeRollout, "changeRollout", "rollouts",
        "pause, resume, abort or promote.", "Rollout"),
    Taking(Api(Method::kPost, "/api/v1/models/{model}/retrain", kOperate, Retrain, "retrain", "jobs", "Ask for a retraining.", "Job", 202),
           kJson, "Reason"),
    Asking(Api(Method::kGet, "/api/v1/jobs", kRead, ListJobs, "listJobs", "jobs", "Retraining jobs, newest first.", "JobList"),
           "model state limit"),
    Api(Method::kGet, "/api/v1/jobs/{job}", kRead, GetJob, "getJob", "jobs", "One job.", "Job"),
    Asking(Api(Method::kGet, "/api/v1/timeline", kRead, GetTimeline, "getTimeline", "timeline", "What happened, newest first.", "Timeline"),
           "model cursor limit"),
    Api(Method::kGet, "/api/v1/status", kRead, GetStatus, "getStatus", "platform", "How the server is.", "Status"),

    // Open Inference Protocol.
    Inline(Method::kGet, "/v2", kOip, kRead, HandleOipServer, "oipServer", "Server metadata.", "OipServer"),
    Inline(Method::kGet, "/v2/health/live", kOip, kNone, HandleOipLive, "oipLive", "Is the server alive?", "OipHealth"),
    Inline(Method::kGet, "/v2/health/ready", kOip, kNone, HandleOipReady, "oipReady", "Are its models ready?", "OipHealth"),
    Inline(Method::kGet, "/v2/models", kOip, kRead, HandleOipModels, "oipModels", "Names of the models.", "OipModels"),
    Inline(Method::kGet, "/v2/models/{model}", kOip, kRead, HandleOipModel, "oipModel", "Model metadata.", "OipModel"),
    Inline(Method::kGet, "/v2/models/{model}/ready", kOip, kRead, HandleOipModelReady, "oipModelReady", "Is the model ready?",
           "OipModelReady"),
    Inline(Method::kGet, "/v2/models/{model}/versions/{version}", kOip, kRead, HandleOipModel, "oipModelVersion", "Version metadata.",
           "OipModel"),
    Inline(Method::kGet, "/v2/models/{model}/versions/{version}/ready", kOip, kRead, HandleOipModelReady, "oipModelVersionReady",
           "Is the version ready?", "OipModelReady"),
    Inline(Method::kGet, "/v2/models/{model}/config", kOip, kRead, HandleOipConfig, "oipConfig", "Configuration, in Triton's form.",
           "OipConfig"),
    Inline(Method::kGet, "/v2/models/{model}/versions/{version}/config", kOip, kRead, HandleOipConfig, "oipConfigVersion",
           "Configuration, in Triton's form.", "OipConfig"),
    Inline(Method::kGet, "/v2/models/stats", kOip, kRead, HandleOipStatistics, "oipStatistics", "Statistics of every model.",
           "OipStatistics"),
    Inline(Method::kGet, "/v2/models/{model}/stats", kOip, kRead, HandleOipStatistics, "oipModelStatistics", "Counts and times.",
           "OipStatistics"),
    Inline(Method::kGet, "/v2/models/{model}/versions/{version}/stats", kOip, kRead, HandleOipStatistics, "oipVersionStatistics",
           "Counts and times of a version.", "OipStatistics"),
    OfOip(Taking(
        Api(Method::kPost, "/v2/repository/index", kRead, OipRepositoryIndex, "oipIndex", "", "Every model and its state.", "OipIndex"),
        kJson, "OipIndexRequest")),
    OfOip(Taking(Api(Method::kPost, "/v2/repository/models/{model}/load", kOperate, OipRepositoryLoad, "oipLoad", "",
                     "Bring a model into memory.", "OipLoaded"),
                 kJson, "OipLoadRequest")),
    OfOip(Taking(Api(Method::kPost, "/v2/repository/models/{model}/unload", kOperate, OipRepositoryUnload, "oipUnload", "",
                     "Take a model out of memory; its roles stay.", "OipLoaded"),
                 kJson, "OipLoadRequest")),
    Taking(
        Inline(Method::kPost, "/v2/models/{model}/infer", kOip, kPredict, HandleOipInfer, "oipInfer", "Score tensors.", "OipInferResponse"),
        kOipTypes, "OipInferRequest"),
    Taking(Inline(Method::kPost, "/v2/models/{model}/versions/{version}/infer", kOip, kPredict, HandleOipInfer, "oipInferVersion",
                  "Score tensors with one version.", "OipInferResponse"),
           kOipTypes, "OipInferRequest"),

    // TensorFlow Serving.
    OfTfs(Api(Method::kGet, "/v1/models/{model}", kRead, TfsModelStatus, "tfsStatus", "", "Status of a model's versions.", "TfsStatus")),
    OfTfs(Api(Method::kGet, "/v1/models/{model}/versions/{version}", kRead, TfsModelStatus, "tfsStatusVersion", "", "Status of a version.",
              "TfsStatus")),
    OfTfs(Api(Method::kGet, "/v1/models/{model}/labels/{label}", kRead, TfsLabelledModelStatus, "tfsStatusLabel", "",
              "Status of a labelled version.", "TfsStatus")),
    Inline(Method::kGet, "/v1/models/{model}/metadata", kTfs, kRead, HandleTfsMetadata, "tfsMetadata", "Signature.", "TfsMetadata"),
    Inline(Method::kGet, "/v1/models/{model}/versions/{version}/metadata", kTfs, kRead, HandleTfsMetadata, "tfsMetadataVersion",
           "Signature of a version.", "TfsMetadata"),
    Inline(Method::kGet, "/v1/models/{model}/labels/{label}/metadata", kTfs, kRead, HandleTfsMetadata, "tfsMetadataLabel",
           "Signature of a labelled version.", "TfsMetadata"),
    TfsPost("/v1/models/{model}:predict", HandleTfsPredict, "tfsPredict", "Score rows or columns.", "TfsPredictRequest",
            "TfsPredictResponse"),
    TfsPost("/v1/models/{model}/versions/{version}:predict", HandleTfsPredict, "tfsPredictVersion", "Score with one version.",
            "TfsPredictRequest", "TfsPredictResponse"),
    TfsPost("/v1/models/{model}/labels/{label}:predict", HandleTfsPredict, "tfsPredictLabel", "Score with a labelled version.",
            "TfsPredictRequest", "TfsPredictResponse"),
    TfsPost("/v1/models/{model}:classify", HandleTfsClassify, "tfsClassify", "Classes and scores of examples.", "TfsExamples",
            "TfsResults"),
    TfsPost("/v1/models/{model}/versions/{version}:classify", HandleTfsClassify, "tfsClassifyVersion", "Classify with one version.",
            "TfsExamples", "TfsResults"),
    TfsPost("/v1/models/{model}/labels/{label}:classify", HandleTfsClassify, "tfsClassifyLabel", "Classify with a labelled version.",
            "TfsExamples", "TfsResults"),
    TfsPost("/v1/models/{model}:regress", HandleTfsRegress, "tfsRegress", "A value of each example.", "TfsExamples", "TfsResults"),
    TfsPost("/v1/models/{model}/versions/{version}:regress", HandleTfsRegress, "tfsRegressVersion", "Regress with one version.",
            "TfsExamples", "TfsResults"),
    TfsPost("/v1/models/{model}/labels/{label}:regress", HandleTfsRegress, "tfsRegressLabel", "Regress with a labelled version.",
            "TfsExamples", "TfsResults"),

    // MLflow.
    Inline(Method::kGet, "/ping", kMlflow, kNone, HandleMlflowPing, "mlflowPing", "Is the server ready?", ""),
    Inline(Method::kGet, "/health", kMlflow, kNone, HandleMlflowPing, "mlflowHealth", "Is the server ready?", ""),
    Giving(Inline(Method::kGet, "/version", kMlflow, kRead, HandleMlflowVersion, "mlflowVersion", "Version of the server.", ""),
           "text/plain"),
    Giving(Taking(Inline(Method::kPost, "/invocations", kMlflow, kPredict, HandleMlflowInvocations, "mlflowInvocations",
                         "Score a data frame.", "MlflowResponse"),
                  kFrameTypes, "MlflowRequest"),
           kFrameTypes),

    // SageMaker, several models. One model: MLflow's routes.
    OfSagemaker(Taking(
        Api(Method::kPost, "/models", kOperate, SagemakerLoadModel, "sagemakerLoad", "", "Load a model and serve it.", "SagemakerStatus"),
        kJson, "SagemakerLoad")),
    OfSagemaker(Asking(
        Api(Method::kGet, "/models", kRead, SagemakerListModels, "sagemakerList", "", "Loaded models, page by page.", "SagemakerModels"),
        "next_page_token limit")),
    OfSagemaker(Api(Method::kGet, "/models/{model}", kRead, SagemakerGetModel, "sagemakerModel", "", "A loaded model.", "SagemakerModel")),
    OfSagemaker(Api(Method::kDelete, "/models/{model}", kOperate, SagemakerUnloadModel, "sagemakerUnload", "",
                    "Unload a model; its name may be loaded again.", "SagemakerStatus")),
    Giving(Taking(Inline(Method::kPost, "/models/{model}/invoke", kSagemaker, kPredict, HandleSagemakerInvoke, "sagemakerInvoke",
                         "Score a data frame with one model.", "MlflowResponse"),
                  kFrameTypes, "MlflowRequest"),
           kFrameTypes),

    // Azure ML. Vertex AI's routes are in vertex.cc: the platform chooses their paths.
    Taking(Inline(Method::kPost, "/score", kAzure, kPredict, HandleAzureScore, "azureScore", "Score rows.", "AzureScores"), kJson,
           "AzureScoreRequest"),
    Inline(Method::kGet, "/score", kAzure, kPredict, HandleAzureScore, "azureScoreRow", "Score the row whose columns are in the query.",
           "AzureScores"),
    Asking(Inline(Method::kGet, "/swagger.json", kAzure, kRead, HandleAzureSwagger, "azureSwagger",
                  "What /score takes and gives: Swagger 2, or OpenAPI 3.", ""),
           "version"),

    // GraphQL.
    Giving(Taking(Inline(Method::kPost, "/graphql", kGraphql, kRead, HandleGraphql, "graphql",
                         "Queries and mutations; subscriptions as server-sent events. Fields that change something need more permissions.",
                         "GraphqlResponse"),
                  kJson, "GraphqlRequest"),
           kGraphqlTypes),
    Giving(Asking(Inline(Method::kGet, "/graphql", kGraphql, kRead, HandleGraphql, "graphqlGet",
                         "Queries, and subscriptions as server-sent events. A browser gets GraphiQL.", "GraphqlResponse"),
                  "query operationName variables extensions"),
           kGraphqlTypes),
    Giving(Inline(Method::kGet, "/graphql/{path...}", kGraphql, kRead, HandleGraphiqlFile, "graphiqlFile", "GraphiQL's files.", ""),
           "text/html text/javascript text/css font/ttf"),

    // The server itself.
    Giving(Inline(Method::kGet, "/", kPlatform, kNone, HandleRoot, "root", "Alive; a browser is sent to the page.", ""), "text/plain"),
    Giving(Inline(Method::kGet, "/metrics", kPlatform, kRead, HandleMetrics, "metrics", "Prometheus text or OpenMetrics, by Accept.", ""),
           "text/plain application/openmetrics-text"),
    Inline(Method::kGet, "/openapi.json", kPlatform, kRead, HandleOpenApi, "openapi", "This document.", ""),
    Giving(Inline(Method::kGet, "/docs", kPlatform, kRead, HandleDocs, "docs", "Documentation to click through.", ""), "text/html"),
    Giving(Inline(Method::kGet, "/ui", kPlatform, kRead, HandleUi, "ui", "The page.", ""), "text/html"),
    Giving(Inline(Method::kGet, "/ui/", kPlatform, kRead, HandleUi, "uiIndex", "The page.", ""), "text/html"),
    Giving(Inline(Method::kGet, "/ui/{path...}", kPlatform, kRead, HandleUi, "uiFile", "The page's files.", ""),
           "text/html text/javascript text/css image/svg+xml application/json"),
};

}  // namespace

absl::Span<const Route> AllRoutes() { return kRoutes; }

}  // namespace vigil
