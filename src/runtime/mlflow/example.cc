#include "runtime/mlflow/example.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "runtime/cat.h"
#include "runtime/file.h"

namespace vigil::mlflow {
namespace {

StatusOr<float> Number(const Json& cell, size_t row, size_t column) {
  if (cell.is_null()) return std::numeric_limits<float>::quiet_NaN();
  if (cell.is_number()) return static_cast<float>(cell.get<double>());
  if (cell.is_boolean()) return cell.get<bool>() ? 1.0F : 0.0F;
  return absl::InvalidArgumentError(Cat("row ", row, ", column ", column, ": ", DumpJson(cell).substr(0, 64), " is no number"));
}

// Position in the example of each column of the model.
StatusOr<std::vector<size_t>> Places(const Signature& signature, const Json& example) {
  std::vector<size_t> places;
  const auto names = example.find("columns");
  if (names == example.end() || !names->is_array() || !signature.columns_are_named) {
    for (size_t i = 0; i < signature.columns.size(); ++i) places.push_back(i);
    return places;
  }
  std::vector<std::string> given;
  for (const Json& name : *names) given.push_back(name.is_string() ? name.get<std::string>() : DumpJson(name));
  for (const std::string& column : signature.columns) {
    const auto found = std::find(given.begin(), given.end(), column);
    if (found == given.end()) return absl::InvalidArgumentError(Cat("has no column '", column, "'", DidYouMean(column, given)));
    places.push_back(static_cast<size_t>(found - given.begin()));
  }
  return places;
}

}  // namespace

StatusOr<std::string> ScoreExample(const LoadedModel& model, const std::string& path) {
  const Signature& signature = model.signature();
  if (signature.inputs.size() != 1 || signature.inputs[0].dtype != DType::kFloat32 || signature.columns.empty()) {
    return std::string("not scored: the model takes no single matrix of floats");
  }
  VIGIL_ASSIGN_OR_RETURN(const std::string text, ReadFileHead(path, kExampleBytesMax + 1));
  if (text.size() > kExampleBytesMax) return Cat("not scored: larger than ", kExampleBytesMax, " bytes");
  VIGIL_ASSIGN_OR_RETURN(const Json example, ParseJson(text, path));
  const char* key = example.is_object() && example.contains("data") ? "data" : "inputs";
  if (!example.is_object() || !example.contains(key) || !example[key].is_array() || example[key].empty() || !example[key][0].is_array()) {
    return std::string("not scored: not rows in MLflow's split form");
  }
  const auto refuse = [&](const std::string& why) { return absl::InvalidArgumentError(Cat(path, ": the input example ", why)); };
  const Json& rows = example[key];
  const StatusOr<std::vector<size_t>> places = Places(signature, example);
  if (!places.ok()) return refuse(std::string(places.status().message()));
  const size_t count = std::min(rows.size(), kExampleRowsMax), width = places->size();
  std::vector<float> matrix;
  matrix.reserve(count * width);
  for (size_t r = 0; r < count; ++r) {
    if (!rows[r].is_array()) return refuse(Cat("row ", r, " is no list"));
    for (const size_t place : *places) {
      if (place >= rows[r].size()) return refuse(Cat("row ", r, " has ", rows[r].size(), " values; the model takes ", width));
      const StatusOr<float> number = Number(rows[r][place], r, place);
      if (!number.ok()) return refuse(std::string(number.status().message()));
      matrix.push_back(*number);
    }
  }
  ScoreCall call;
  Outputs outputs;
  const Batch batch = Batch::FloatMatrix(matrix.data(), count, width, signature.inputs[0].name);
  const StatusOr<ScoreState> scored = model.NewScorer()->Score(batch, call, &outputs);
  if (!scored.ok()) return refuse(Cat("is not taken by the model: ", scored.status().message()));
  return Cat(count, count == 1 ? " row" : " rows", " scored at load");
}

}  // namespace vigil::mlflow
