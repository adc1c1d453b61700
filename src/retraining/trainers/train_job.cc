// A retraining job from its document to result.json: the same contract that any other program may fulfil.
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/json_fields.h"
#include "retraining/retraining.h"
#include "storage/whole_file.h"

namespace vigil {
namespace {

constexpr int64_t kJobBytesMax = 16 << 20;
constexpr int64_t kModelBytesMax = int64_t{4} << 30;
constexpr char kArtefact[] = "model.json";
constexpr char kProfile[] = "reference.json";
constexpr char kPredictions[] = "holdout-predictions.parquet";

struct JobDocument {
  std::string id;
  int64_t token = 0;
  std::string dataset_digest;
  Json dataset;
  TrainConfig config;
};

StatusOr<JobDocument> ParseJob(const std::string& job_path) {
  VIGIL_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(job_path, kJobBytesMax));
  VIGIL_ASSIGN_OR_RETURN(const Json value, ParseJson(text, "job.json"));
  const std::string base = std::filesystem::path(job_path).parent_path().string();
  const auto here = [&](const std::string& path) { return (std::filesystem::path(base) / path).string(); };
  JobDocument job;
  std::string mode = "fit", train, holdout;
  JsonFields fields(value, "job.json");
  fields.Read("id", &job.id);
  fields.Read("token", &job.token);
  fields.Read("mode", &mode);
  fields.Read("label", &job.config.label);
  fields.Read("features", &job.config.features);
  fields.Read("rounds", &job.config.rounds);
  fields.Read("early_stopping_rounds", &job.config.early_stopping_rounds);
  if (const Json* params = fields.Find("params"); params != nullptr && params->is_object()) {
    for (const auto& [name, param] : params->items())
      job.config.params.emplace_back(name, param.is_string() ? param.get<std::string>() : DumpJson(param));
  }
  if (const Json* dataset = fields.Find("dataset"); dataset != nullptr) {
    job.dataset = *dataset;
    JsonFields parts(*dataset, "job.json.dataset");
    parts.Read("train", &train);
    parts.Read("holdout", &holdout);
    parts.Read("digest", &job.dataset_digest);
    VIGIL_RETURN_IF_ERROR(parts.error());
  }
  if (job.id.empty()) fields.Set("job.json.id: the job has no id");
  if (train.empty()) fields.Set("job.json.dataset.train: which rows?");
  if (mode != "fit") fields.Set(absl::StrCat("job.json.mode: \"", mode, "\": this trainer knows \"fit\""));
  VIGIL_RETURN_IF_ERROR(fields.error());
  job.config.rows = {here(train)};
  if (!holdout.empty()) job.config.holdout = {here(holdout)};
  job.config.output = here(kArtefact);
  job.config.profile_output = here(kProfile);
  if (!holdout.empty()) job.config.predictions_output = here(kPredictions);
  return job;
}

Status Run(const std::string& job_path) {
  VIGIL_ASSIGN_OR_RETURN(const JobDocument job, ParseJob(job_path));
  VIGIL_ASSIGN_OR_RETURN(const Json metrics, TrainXgboost(job.config));
  VIGIL_ASSIGN_OR_RETURN(const std::string model, ReadWholeFile(job.config.output, kModelBytesMax));
  const Json result = {{"job_id", job.id},
                       {"token", job.token},
                       {"status", "done"},
                       {"artefact", kArtefact},
                       {"digest", Sha256Hex(model)},
                       {"reference_profile", kProfile},
                       {"predictions", job.config.predictions_output.empty() ? Json(nullptr) : Json(kPredictions)},
                       {"metrics", metrics},
                       {"dataset_digest", job.dataset_digest},
                       {"rows_read", metrics.value("rows", int64_t{0}) + metrics.value("holdout.rows", int64_t{0})},
                       {"immature_rows", job.dataset.value("immature_rows", int64_t{0})},
                       {"environment", {{"trainer", "vigil"}, {"xgboost", metrics.value("xgboost", "")}}}};
  return WriteFileAtomically((std::filesystem::path(job_path).parent_path() / "result.json").string(), DumpJson(result, 1));
}

int ExitCode(const Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk: return kTrainerDone;
    case absl::StatusCode::kUnavailable: return kTrainerNotReady;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound: return kTrainerPermanent;
    default: return 1;
  }
}

}  // namespace

Json TrainJob::ToJson() const {
  Json parameters = Json::object();
  for (const auto& [name, value] : params) parameters[name] = value;
  return {{"id", id},
          {"token", attempt},
          {"model", model},
          {"mode", "fit"},
          {"parent", parent},
          {"trigger", trigger},
          {"label", "_label"},
          {"features", features},
          {"params", std::move(parameters)},
          {"rounds", rounds},
          {"early_stopping_rounds", early_stopping_rounds},
          {"dataset", dataset.ToJson()},
          {"deadline", deadline == 0 ? Json(nullptr) : Json(FormatTime(deadline))}};
}

int RunTrainJob(const std::string& job_path, std::string* error) {
  const Status status = Run(job_path);
  error->assign(status.message().data(), status.message().size());
  return ExitCode(status);
}

}  // namespace vigil
