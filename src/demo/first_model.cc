#include "demo/first_model.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "app/wiring.h"
#include "domain/profile_json.h"
#include "monitoring/monitor.h"
#include "retraining/retraining.h"
#include "runtime/model.h"
#include "storage/tables.h"

namespace vigil::demo {
namespace {

Status WriteTable(const std::vector<DemoRow>& rows, const std::string& path) {
  std::vector<TableColumn> columns;
  for (const std::string& name : FeatureNames()) columns.push_back({name, TableType::kFloat64});
  columns.push_back({"_label", TableType::kInt64});
  columns.push_back({"_time", TableType::kInt64});
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<TableWriter> writer, CreateTable(path, columns));
  TableChunk chunk;
  chunk.rows = rows.size();
  chunk.columns.resize(columns.size());
  for (size_t c = 0; c < columns.size(); ++c) {
    TableChunk::Values& values = chunk.columns[c];
    values.valid.assign(rows.size(), 1);
    for (const DemoRow& row : rows) {
      if (c < kFeatureCount) {
        values.doubles.push_back(row.features[c]);
      } else {
        values.ints.push_back(c == kFeatureCount ? row.fraud : row.time);
      }
    }
  }
  VIGIL_RETURN_IF_ERROR(writer->Write(chunk));
  return writer->Finish();
}

// The profile of the features, of the model's scores on them, and of the label.
StatusOr<std::string> ProfileRows(const std::vector<DemoRow>& rows, const std::string& model_path) {
  const auto loaders = MakeLoaders();
  VIGIL_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> model, LoadModel(loaders, model_path, LoadOptions{}));
  const std::unique_ptr<Scorer> scorer = model->NewScorer();
  std::vector<float> matrix;
  for (const DemoRow& row : rows) matrix.insert(matrix.end(), row.features.begin(), row.features.end());
  ScoreCall call;
  Outputs outputs;
  VIGIL_RETURN_IF_ERROR(scorer->Score(Batch::FloatMatrix(matrix.data(), rows.size(), kFeatureCount), call, &outputs).status());
  ProfileBuilder builder(FeatureNames(), ProfileBuilderOptions{});
  for (size_t i = 0; i < rows.size(); ++i) builder.Add(rows[i].features, outputs.tensors[0].floats[i], rows[i].fraud ? 1 : 0);
  return ProfileToJson(builder.Finish("the first model's training rows"));
}

}  // namespace

const std::vector<std::pair<std::string, std::string>>& TreeParams() {
  static const std::vector<std::pair<std::string, std::string>> params = {
      {"objective", "binary:logistic"}, {"tree_method", "hist"}, {"max_depth", "5"}, {"eta", "0.1"}};
  return params;
}

StatusOr<FirstModel> TrainFirstModel(const std::vector<DemoRow>& rows, const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot create ", directory, ": ", error.message()));
  TrainConfig config;
  config.rows = {directory + "/first-rows.parquet"};
  config.params = TreeParams();
  config.rounds = kTrees;
  config.output = directory + "/fraud.json";
  VIGIL_RETURN_IF_ERROR(WriteTable(rows, config.rows[0]));
  VIGIL_RETURN_IF_ERROR(TrainXgboost(config).status());
  VIGIL_ASSIGN_OR_RETURN(const std::string profile, ProfileRows(rows, config.output));
  FirstModel first{config.output, directory + "/fraud-reference.json"};
  std::FILE* file = std::fopen(first.profile_path.c_str(), "wb");
  if (file == nullptr || std::fwrite(profile.data(), 1, profile.size(), file) != profile.size() || std::fclose(file) != 0) {
    return absl::UnavailableError(absl::StrCat(first.profile_path, ": cannot be written"));
  }
  return first;
}

}  // namespace vigil::demo
