// The built-in trainer. XGBoost does the learning; what is ours is what surrounds it: which rows, when to stop, what is measured, and
// files that are whole or absent.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/json_fields.h"
#include "domain/profile_json.h"
#include "monitoring/monitor.h"
#include "retraining/retraining.h"
#include "retraining/trainers/training_rows.h"
#include "retraining/trainers/xgboost_api.h"
#include "stats/metrics.h"
#include "storage/tables.h"
#include "storage/whole_file.h"

namespace vigil {
namespace {

constexpr double kEarlyStoppingShare = 0.1;

std::string ArrayInterface(const float* data, size_t rows, size_t columns) {
  const std::string shape = columns == 0 ? absl::StrCat(rows, ",") : absl::StrCat(rows, ",", columns);
  // XGBoost reads NumPy's array interface, version 3, as JSON.
  return absl::StrCat(R"({"data":[)", reinterpret_cast<uintptr_t>(data), R"(,true],"shape":[)", columns == 0 ? absl::StrCat(rows) : shape,
                      R"(],"typestr":"<f4","version":3})");
}

class Matrix {
 public:
  Matrix(const XgboostApi& api, XgboostApi::Handle handle) : api_(&api), handle_(handle) {}
  Matrix(Matrix&& other) noexcept : api_(other.api_), handle_(std::exchange(other.handle_, nullptr)) {}
  Matrix& operator=(Matrix&&) = delete;
  ~Matrix() {
    if (handle_ != nullptr) api_->DMatrixFree(handle_);
  }
  XgboostApi::Handle get() const { return handle_; }

  // XGBoost copies the numbers.
  static StatusOr<Matrix> Of(const XgboostApi& api, const TrainingRows& rows, int threads) {
    XgboostApi::Handle handle = nullptr;
    const std::string data = ArrayInterface(rows.features.data(), rows.rows(), rows.columns.size());
    VIGIL_RETURN_IF_ERROR(api.Check(
        api.DMatrixCreateFromDense(data.c_str(), absl::StrCat(R"({"missing":NaN,"nthread":)", threads, "}").c_str(), &handle), "the rows"));
    Matrix matrix(api, handle);
    const std::string labels = ArrayInterface(rows.labels.data(), rows.rows(), 0);
    VIGIL_RETURN_IF_ERROR(api.Check(api.DMatrixSetInfoFromInterface(handle, "label", labels.c_str()), "the labels"));
    std::vector<const char*> names;
    for (const std::string& column : rows.columns) names.push_back(column.c_str());
    VIGIL_RETURN_IF_ERROR(api.Check(api.DMatrixSetStrFeatureInfo(handle, "feature_name", names.data(), names.size()), "the column names"));
    return matrix;
  }

 private:
  const XgboostApi* api_;
  XgboostApi::Handle handle_;
};

class Booster {
 public:
  Booster(const XgboostApi& api, XgboostApi::Handle handle) : api_(&api), handle_(handle) {}
  Booster(Booster&& other) noexcept : api_(other.api_), handle_(std::exchange(other.handle_, nullptr)) {}
  Booster& operator=(Booster&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Booster() {
    if (handle_ != nullptr) api_->BoosterFree(handle_);
  }
  XgboostApi::Handle get() const { return handle_; }

 private:
  const XgboostApi* api_;
  XgboostApi::Handle handle_;
};

const std::string* FindParam(const std::vector<std::pair<std::string, std::string>>& params, std::string_view name) {
  for (const auto& [key, value] : params) {
    if (key == name) return &value;
  }
  return nullptr;
}

using Params = std::vector<std::pair<std::string, std::string>>;

// What was asked for, and defaults for the rest.
Params CompleteParams(const TrainConfig& config, int threads) {
  Params params = config.params;
  const auto otherwise = [&](const char* name, std::string value) {
    if (FindParam(params, name) == nullptr) params.emplace_back(name, std::move(value));
  };
  otherwise("objective", "binary:logistic");
  otherwise("tree_method", "hist");
  if (FindParam(params, "learning_rate") == nullptr) otherwise("eta", "0.1");
  otherwise("max_depth", "6");
  if (FindParam(params, "n_jobs") == nullptr) otherwise("nthread", absl::StrCat(threads));
  if (config.early_stopping_rounds > 0 && FindParam(params, "objective")->starts_with("binary:")) otherwise("eval_metric", "aucpr");
  return params;
}

// "[7]\tvalid-auc:0.91\tvalid-aucpr:0.71": the last metric decides, as in XGBoost's own early stopping.
struct Evaluation {
  std::string metric;
  double value = 0;
};
std::optional<Evaluation> LastMetric(std::string_view line) {
  const size_t colon = line.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const size_t dash = line.rfind("valid-", colon);
  if (dash == std::string_view::npos) return std::nullopt;
  Evaluation evaluation;
  evaluation.metric = std::string(line.substr(dash + 6, colon - dash - 6));
  const std::string_view number = line.substr(colon + 1);
  if (std::from_chars(number.data(), number.data() + number.size(), evaluation.value).ec != std::errc()) return std::nullopt;
  return evaluation;
}

bool IsBetterWhenLarger(const std::string& metric) {
  for (const char* name : {"auc", "aucpr", "pre", "map", "ndcg"}) {
    if (metric == name || metric.starts_with(absl::StrCat(name, "@"))) return true;
  }
  return false;
}

struct Fitted {
  Booster booster;
  int trees_rounds = 0;
  std::optional<Evaluation> best;
};

StatusOr<Fitted> Fit(const XgboostApi& api, const TrainConfig& config, const Params& params, const Matrix& train, const Matrix* valid) {
  std::vector<XgboostApi::Handle> cached{train.get()};
  if (valid != nullptr) cached.push_back(valid->get());
  XgboostApi::Handle handle = nullptr;
  VIGIL_RETURN_IF_ERROR(api.Check(api.BoosterCreate(cached.data(), cached.size(), &handle), "the booster"));
  Fitted fitted{Booster(api, handle), config.rounds, std::nullopt};
  for (const auto& [name, value] : params) {
    VIGIL_RETURN_IF_ERROR(api.Check(api.BoosterSetParam(handle, name.c_str(), value.c_str()), absl::StrCat("parameter ", name).c_str()));
  }
  int best_round = 0;
  for (int round = 0; round < config.rounds; ++round) {
    VIGIL_RETURN_IF_ERROR(api.Check(api.BoosterUpdateOneIter(handle, round, train.get()), "training"));
    if (valid == nullptr) continue;
    XgboostApi::Handle watched[] = {valid->get()};
    const char* names[] = {"valid"};
    const char* line = nullptr;
    VIGIL_RETURN_IF_ERROR(api.Check(api.BoosterEvalOneIter(handle, round, watched, names, 1, &line), "evaluation"));
    const std::optional<Evaluation> now = LastMetric(line);
    if (!now.has_value())
      return absl::InvalidArgumentError(absl::StrCat("early stopping: cannot read XGBoost's evaluation \"", line, "\""));
    const bool larger = IsBetterWhenLarger(now->metric);
    if (!fitted.best.has_value() || (larger ? now->value > fitted.best->value : now->value < fitted.best->value)) {
      fitted.best = now;
      best_round = round;
    }
    if (round - best_round >= config.early_stopping_rounds) break;
  }
  if (valid == nullptr) return fitted;
  // The file holds the best trees only: every server then scores alike, whether or not it knows of early stopping.
  fitted.trees_rounds = best_round + 1;
  XgboostApi::Handle sliced = nullptr;
  VIGIL_RETURN_IF_ERROR(api.Check(api.BoosterSlice(handle, 0, best_round + 1, 1, &sliced), "keeping the best trees"));
  fitted.booster = Booster(api, sliced);
  VIGIL_RETURN_IF_ERROR(api.Check(api.BoosterSetAttr(sliced, "best_iteration", absl::StrCat(best_round).c_str()), "an attribute"));
  VIGIL_RETURN_IF_ERROR(api.Check(api.BoosterSetAttr(sliced, "best_score", NumberText(fitted.best->value).c_str()), "an attribute"));
  return fitted;
}

StatusOr<std::vector<double>> Predict(const XgboostApi& api, const Booster& booster, const Matrix& matrix) {
  XgboostApi::Size const* shape = nullptr;
  XgboostApi::Size dimensions = 0;
  const float* values = nullptr;
  const char* config = R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false})";
  VIGIL_RETURN_IF_ERROR(
      api.Check(api.BoosterPredictFromDMatrix(booster.get(), matrix.get(), config, &shape, &dimensions, &values), "prediction"));
  size_t count = 1;
  for (XgboostApi::Size i = 0; i < dimensions; ++i) count *= shape[i];
  return std::vector<double>(values, values + count);
}

void Put(Json* metrics, const std::string& name, double value) {
  if (std::isfinite(value)) (*metrics)[name] = value;
}

// By objective: what its predictions are decides what can be measured.
Status Measure(const std::string& objective, const TrainingRows& rows, const std::vector<double>& predictions, const std::string& prefix,
               Json* metrics) {
  const std::vector<double> labels(rows.labels.begin(), rows.labels.end());
  (*metrics)[prefix + "rows"] = rows.rows();
  if (objective.starts_with("binary:") && predictions.size() == labels.size()) {
    VIGIL_ASSIGN_OR_RETURN(const stats::BinaryMetrics m, stats::ComputeBinaryMetrics(labels, predictions, 0.5));
    (*metrics)[prefix + "positives"] = std::count_if(labels.begin(), labels.end(), [](double l) { return l > 0.5; });
    Put(metrics, prefix + "average_precision", m.average_precision);
    Put(metrics, prefix + "roc_auc", m.roc_auc);
    Put(metrics, prefix + "log_loss", m.log_loss);
    Put(metrics, prefix + "brier", m.brier);
  } else if (objective == "multi:softprob" && !labels.empty()) {
    const std::vector<int32_t> classes(labels.begin(), labels.end());
    VIGIL_ASSIGN_OR_RETURN(const stats::MulticlassMetrics m,
                           stats::ComputeMulticlassMetrics(classes, predictions, predictions.size() / labels.size()));
    Put(metrics, prefix + "accuracy", m.accuracy);
    Put(metrics, prefix + "log_loss", m.log_loss);
    Put(metrics, prefix + "f1_macro", m.macro.f1);
  } else if (objective.starts_with("reg:") && predictions.size() == labels.size()) {
    VIGIL_ASSIGN_OR_RETURN(const stats::RegressionMetrics m, stats::ComputeRegressionMetrics(labels, predictions));
    Put(metrics, prefix + "rmse", m.rmse);
    Put(metrics, prefix + "mae", m.mae);
    Put(metrics, prefix + "r2", m.r2);
  }
  return absl::OkStatus();
}

// What cannot be learned from yet, rather than a model of nothing.
Status CheckLearnable(const TrainingRows& rows, const std::string& objective) {
  if (rows.rows() == 0) return absl::UnavailableError("data not ready: no labelled rows to train on");
  if (!objective.starts_with("binary:")) return absl::OkStatus();
  const auto positives = static_cast<size_t>(std::count_if(rows.labels.begin(), rows.labels.end(), [](float l) { return l > 0.5f; }));
  if (positives == 0 || positives == rows.rows()) {
    return absl::UnavailableError(absl::StrCat("data not ready: all ", rows.rows(), " rows to train on have one label"));
  }
  return absl::OkStatus();
}

Status SaveModel(const XgboostApi& api, const Booster& booster, const std::vector<std::string>& columns, const std::string& path) {
  std::vector<const char*> names;
  for (const std::string& column : columns) names.push_back(column.c_str());
  VIGIL_RETURN_IF_ERROR(
      api.Check(api.BoosterSetStrFeatureInfo(booster.get(), "feature_name", names.data(), names.size()), "the column names"));
  const char* bytes = nullptr;
  XgboostApi::Size size = 0;
  const char* format = path.ends_with(".ubj") ? R"({"format":"ubj"})" : R"({"format":"json"})";
  VIGIL_RETURN_IF_ERROR(api.Check(api.BoosterSaveModelToBuffer(booster.get(), format, &size, &bytes), "saving"));
  return WriteFileAtomically(path, {bytes, size});
}

// Features as trained on; scores of rows the model has not seen, where there are any: those are what serving will look like.
Status SaveProfile(const TrainConfig& config, const TrainingRows& train, const std::vector<double>& train_scores,
                   const TrainingRows& holdout, const std::vector<double>& holdout_scores) {
  ProfileBuilder builder(train.columns, {});
  const bool seen_only = holdout.rows() == 0;
  const auto add = [&](const TrainingRows& rows, const std::vector<double>& scores, bool with_scores) {
    const size_t width = rows.rows() == 0 ? 0 : scores.size() / rows.rows();
    for (size_t i = 0; i < rows.rows(); ++i) {
      builder.Add(rows.row(i), with_scores && width == 1 ? scores[i] : NAN, rows.labels[i], rows.times.empty() ? 0 : rows.times[i]);
    }
  };
  add(train, train_scores, seen_only);
  add(holdout, holdout_scores, true);
  std::string source;
  for (const std::string& file : config.rows)
    absl::StrAppend(&source, source.empty() ? "" : ",", std::filesystem::path(file).filename().string());
  return WriteFileAtomically(config.profile_output, ProfileToJson(builder.Finish(source)));
}

Status SavePredictions(const std::string& path, const TrainingRows& rows, const std::vector<double>& scores) {
  const size_t width = rows.rows() == 0 ? 1 : scores.size() / rows.rows();
  std::vector<TableColumn> layout{{"_time", TableType::kTime}, {"_entity", TableType::kString}, {"_label", TableType::kFloat64}};
  for (size_t k = 0; k < width; ++k) layout.push_back({width == 1 ? "prediction" : absl::StrCat("prediction_", k), TableType::kFloat64});
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableWriter> writer, CreateTable(path, layout));
  constexpr size_t kChunkRows = 8192;
  for (size_t begin = 0; begin < rows.rows(); begin += kChunkRows) {
    TableChunk chunk;
    chunk.rows = std::min(kChunkRows, rows.rows() - begin);
    chunk.columns.resize(layout.size());
    for (size_t i = begin; i < begin + chunk.rows; ++i) {
      chunk.columns[0].ints.push_back(rows.times.empty() ? 0 : rows.times[i]);
      chunk.columns[0].valid.push_back(!rows.times.empty());
      chunk.columns[1].strings.push_back(rows.entities.empty() ? "" : rows.entities[i]);
      chunk.columns[1].valid.push_back(!rows.entities.empty());
      chunk.columns[2].doubles.push_back(rows.labels[i]);
      chunk.columns[2].valid.push_back(1);
      for (size_t k = 0; k < width; ++k) {
        chunk.columns[3 + k].doubles.push_back(scores[i * width + k]);
        chunk.columns[3 + k].valid.push_back(1);
      }
    }
    VIGIL_RETURN_IF_ERROR(writer->Write(chunk));
  }
  return writer->Finish();
}

}  // namespace

StatusOr<TrainConfig> TrainConfigFromJson(const Json& value, std::string_view where, const std::string& base) {
  TrainConfig config;
  JsonFields fields(value, where);
  fields.Read("rows", &config.rows);
  fields.Read("label", &config.label);
  fields.Read("features", &config.features);
  fields.Read("rounds", &config.rounds);
  fields.Read("early_stopping_rounds", &config.early_stopping_rounds);
  fields.Read("output", &config.output);
  fields.Read("profile_output", &config.profile_output);
  fields.Read("holdout", &config.holdout);
  fields.Read("predictions_output", &config.predictions_output);
  if (const Json* params = fields.Find("params"); params != nullptr) {
    if (!params->is_object()) fields.Set(absl::StrCat(fields.Path("params"), ": expected an object"));
    for (const auto& [name, param] : params->items()) {
      if (param.is_structured()) fields.Set(absl::StrCat(fields.Path("params"), ".", name, ": expected a number, a text or a truth value"));
      config.params.emplace_back(name, param.is_string() ? param.get<std::string>() : DumpJson(param));
    }
  }
  if (config.rows.empty()) fields.Set(absl::StrCat(fields.Path("rows"), ": which files hold the rows?"));
  if (config.output.empty()) fields.Set(absl::StrCat(fields.Path("output"), ": where should the model go?"));
  if (config.rounds < 1 || config.rounds > 100'000) fields.Set(absl::StrCat(fields.Path("rounds"), ": must lie in [1, 100000]"));
  if (config.early_stopping_rounds < 0) fields.Set(absl::StrCat(fields.Path("early_stopping_rounds"), ": must not be negative"));
  VIGIL_RETURN_IF_ERROR(fields.Finish());
  const auto resolve = [&](std::string* path) {
    if (!base.empty() && !path->empty() && path->front() != '/') *path = (std::filesystem::path(base) / *path).string();
  };
  for (std::string& path : config.rows) resolve(&path);
  for (std::string& path : config.holdout) resolve(&path);
  resolve(&config.output);
  resolve(&config.profile_output);
  resolve(&config.predictions_output);
  return config;
}

StatusOr<Json> TrainXgboost(const TrainConfig& config) {
  VIGIL_ASSIGN_OR_RETURN(const XgboostApi* api, LoadXgboost());
  const int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const Params params = CompleteParams(config, threads);
  const std::string objective = *FindParam(params, "objective");

  VIGIL_ASSIGN_OR_RETURN(TrainingRows train, ReadTrainingRows(config.rows, config.label, config.features));
  TrainingRows valid;
  if (config.early_stopping_rounds > 0) valid = train.SplitNewest(kEarlyStoppingShare);
  VIGIL_RETURN_IF_ERROR(CheckLearnable(train, objective));
  if (config.early_stopping_rounds > 0) VIGIL_RETURN_IF_ERROR(CheckLearnable(valid, objective));
  TrainingRows holdout;
  if (!config.holdout.empty()) {
    VIGIL_ASSIGN_OR_RETURN(holdout, ReadTrainingRows(config.holdout, config.label, train.columns));
  }

  VIGIL_ASSIGN_OR_RETURN(const Matrix train_matrix, Matrix::Of(*api, train, threads));
  std::optional<Matrix> valid_matrix;
  if (valid.rows() > 0) {
    VIGIL_ASSIGN_OR_RETURN(Matrix matrix, Matrix::Of(*api, valid, threads));
    valid_matrix.emplace(std::move(matrix));
  }
  VIGIL_ASSIGN_OR_RETURN(const Fitted fitted, Fit(*api, config, params, train_matrix, valid_matrix.has_value() ? &*valid_matrix : nullptr));

  Json metrics = {{"rows", train.rows() + valid.rows()},
                  {"skipped_rows", train.skipped},
                  {"columns", train.columns.size()},
                  {"rounds", fitted.trees_rounds}};
  if (fitted.best.has_value()) metrics["early_stopping." + fitted.best->metric] = fitted.best->value;
  VIGIL_ASSIGN_OR_RETURN(const std::vector<double> train_scores, Predict(*api, fitted.booster, train_matrix));
  VIGIL_RETURN_IF_ERROR(Measure(objective, train, train_scores, "train.", &metrics));
  std::vector<double> holdout_scores;
  if (holdout.rows() > 0) {
    VIGIL_ASSIGN_OR_RETURN(const Matrix holdout_matrix, Matrix::Of(*api, holdout, threads));
    VIGIL_ASSIGN_OR_RETURN(holdout_scores, Predict(*api, fitted.booster, holdout_matrix));
    VIGIL_RETURN_IF_ERROR(Measure(objective, holdout, holdout_scores, "holdout.", &metrics));
  }
  if (!config.profile_output.empty()) VIGIL_RETURN_IF_ERROR(SaveProfile(config, train, train_scores, holdout, holdout_scores));
  if (!config.predictions_output.empty()) VIGIL_RETURN_IF_ERROR(SavePredictions(config.predictions_output, holdout, holdout_scores));
  VIGIL_RETURN_IF_ERROR(SaveModel(*api, fitted.booster, train.columns, config.output));
  metrics["xgboost"] = api->VersionText();
  return metrics;
}

StatusOr<std::string> TrainerLibrary() {
  VIGIL_ASSIGN_OR_RETURN(const XgboostApi* api, LoadXgboost());
  return absl::StrCat("XGBoost ", api->VersionText());
}

}  // namespace vigil
