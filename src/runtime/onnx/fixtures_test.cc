// Every ONNX fixture against what ONNX Runtime predicted when it was made, in batches of 1 to 1000, and every malformed model.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "base/testing/paths.h"
#include "gtest/gtest.h"
#include "runtime/onnx/loader.h"
#include "runtime/onnx/ort_library.h"
#include "runtime/testing/conformance.h"

namespace vigil::onnx {
namespace {

using Cells = std::vector<std::vector<std::string>>;  // the header first

std::string ReadText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Cells ReadCsv(const std::string& path) {
  Cells cells;
  std::istringstream in(ReadText(path));
  for (std::string line; std::getline(in, line);) cells.push_back(absl::StrSplit(line, ','));
  return cells;
}

double Number(const std::string& cell) {
  double value = std::numeric_limits<double>::quiet_NaN();
  if (!cell.empty()) {
    EXPECT_TRUE(absl::SimpleAtod(cell, &value)) << cell;
  }
  return value;
}

// The fixture's rows, repeated to `n`, as the tensors that its meta.json describes.
struct Rows {
  std::vector<std::vector<float>> floats;
  std::vector<std::vector<int64_t>> integers;
  std::vector<std::vector<std::string_view>> texts;
  Batch batch;
};

void MakeRows(const Json& meta, const Cells& inputs, size_t n, Rows* rows) {
  rows->batch = Batch(n);
  const Json& specs = meta["inputs"];
  rows->floats.resize(specs.size());
  rows->integers.resize(specs.size());
  rows->texts.resize(specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    const Json& spec = specs[i];
    const std::string dtype = spec["dtype"];
    TensorView tensor;
    tensor.name = spec["name"].get_ref<const std::string&>();
    for (size_t r = 0; r < n; ++r) {
      const std::vector<std::string>& row = inputs[1 + r % (inputs.size() - 1)];
      for (const std::string column : spec["columns"]) {
        const auto at = static_cast<size_t>(std::find(inputs[0].begin(), inputs[0].end(), column) - inputs[0].begin());
        ASSERT_LT(at, row.size());
        if (dtype == "float32") rows->floats[i].push_back(static_cast<float>(Number(row[at])));
        if (dtype == "int64") rows->integers[i].push_back(static_cast<int64_t>(Number(row[at])));
        if (dtype == "string") rows->texts[i].push_back(row[at]);
      }
    }
    tensor.shape = {static_cast<int64_t>(n), static_cast<int64_t>(spec["columns"].size())};
    tensor.dtype = dtype == "float32" ? DType::kFloat32 : dtype == "int64" ? DType::kInt64 : DType::kString;
    tensor.data = dtype == "float32" ? static_cast<const void*>(rows->floats[i].data())
                  : dtype == "int64" ? static_cast<const void*>(rows->integers[i].data())
                                     : rows->texts[i].data();
    rows->batch.Add(tensor);
  }
}

// The outputs as `vigil predict` would name their columns.
std::vector<std::pair<std::string, std::vector<double>>> Columns(const Outputs& outputs, size_t n) {
  std::vector<std::pair<std::string, std::vector<double>>> columns;
  for (const OwnedTensor& tensor : outputs.tensors) {
    const bool floats = tensor.dtype == DType::kFloat32;
    const size_t width = (floats ? tensor.floats.size() : tensor.bytes.size() / sizeof(int64_t)) / n;
    EXPECT_TRUE(floats || tensor.dtype == DType::kInt64);
    for (size_t k = 0; k < width; ++k) {
      auto& [name, values] = columns.emplace_back(width == 1 ? tensor.name : absl::StrCat(tensor.name, "_", k), std::vector<double>());
      for (size_t r = 0; r < n; ++r) {
        values.push_back(floats ? tensor.floats[r * width + k]
                                : static_cast<double>(reinterpret_cast<const int64_t*>(tensor.bytes.data())[r * width + k]));
      }
    }
  }
  return columns;
}

StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const std::string& engine = "") {
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(MakeOnnxLoader());
  LoadOptions options;
  options.engine = engine;
  return LoadModel(loaders, path, options);
}

struct FixtureCase {
  const char* name;
  const char* file;
  bool lifted;
};

class OnnxFixtureTest : public ::testing::TestWithParam<FixtureCase> {};

TEST_P(OnnxFixtureTest, EveryEngineAndBatchSizeGivesTheExpectedNumbers) {
  const auto dir = testing::SharedPath(absl::StrCat("fixtures/models/", GetParam().name));
  if (!dir.has_value()) GTEST_SKIP() << "fixtures/models/" << GetParam().name << " is not there; set VIGIL_SHARED";
  const Json meta = Json::parse(ReadText(*dir + "/meta.json"));
  const Cells inputs = ReadCsv(*dir + "/inputs.csv"), expected = ReadCsv(*dir + "/expected.csv");
  const bool ort = LoadOrt().ok();
  for (const std::string engine : {"", "onnxruntime", "reference"}) {
    if (engine == "reference" && !GetParam().lifted) continue;
    if (!ort && (engine == "onnxruntime" || !GetParam().lifted)) continue;
    const auto model = Load(absl::StrCat(*dir, "/", GetParam().file), engine);
    ASSERT_TRUE(model.ok()) << model.status();
    const bool by_ort = (*model)->info().engine == "onnxruntime";
    if (engine.empty()) {
      EXPECT_EQ(!by_ort, GetParam().lifted) << (*model)->info().engine_reason;
    }
    const std::unique_ptr<Scorer> scorer = (*model)->NewScorer();
    for (const size_t n : {64, 1, 7, 1000}) {
      Rows rows;
      MakeRows(meta, inputs, n, &rows);
      ScoreCall call;
      Outputs outputs;
      const auto state = scorer->Score(rows.batch, call, &outputs);
      ASSERT_TRUE(state.ok()) << state.status();
      const auto columns = Columns(outputs, n);
      ASSERT_EQ(columns.size(), expected[0].size());
      for (size_t c = 0; c < columns.size(); ++c) {
        EXPECT_EQ(columns[c].first, expected[0][c]);
        const Json& tolerance = meta["tolerance"].contains(columns[c].first) ? meta["tolerance"][columns[c].first] : meta["tolerance"]["*"];
        for (size_t r = 0; r < n; ++r) {
          const double want = Number(expected[1 + r % (expected.size() - 1)][c]), got = columns[c].second[r];
          if (std::isnan(want) && std::isnan(got)) continue;
          ASSERT_LE(std::abs(got - want), tolerance["abs"].get<double>() + tolerance["rel"].get<double>() * std::abs(want))
              << columns[c].first << ", row " << r << " of " << n << ", engine " << (*model)->info().engine << ": " << got << " for "
              << want;
        }
      }
    }
  }
  if (!ort) GTEST_SKIP() << "ONNX Runtime is not there: " << LoadOrt().status();
}

INSTANTIATE_TEST_SUITE_P(
    All, OnnxFixtureTest,
    ::testing::Values(FixtureCase{"mlp", "model.onnx", false}, FixtureCase{"onnx_lightgbm", "model.onnx", true},
                      FixtureCase{"onnx_xgboost", "model.onnx", true}, FixtureCase{"sklearn_histgb", "model.onnx", true},
                      FixtureCase{"sklearn_isolation_forest", "model.onnx", false}, FixtureCase{"sklearn_logreg", "model.onnx", false},
                      FixtureCase{"sklearn_logreg_zipmap", "model.onnx", false}, FixtureCase{"sklearn_randomforest", "model.onnx", true},
                      FixtureCase{"triton_mlp", "repository/fraud_mlp/1/model.onnx", false}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(OnnxFixtureTest, KeepsWhatEveryRuntimePromises) {
  const auto dir = testing::SharedPath("fixtures/models");
  if (!dir.has_value()) GTEST_SKIP() << "fixtures/models is not there; set VIGIL_SHARED";
  if (!LoadOrt().ok()) GTEST_SKIP() << "ONNX Runtime is not there: " << LoadOrt().status();
  const std::pair<const char*, const char*> cases[] = {{"mlp", ""}, {"onnx_xgboost", ""}, {"onnx_xgboost", "onnxruntime"}};
  for (const auto& [name, engine] : cases) {
    const auto model = Load(absl::StrCat(*dir, "/", name, "/model.onnx"), engine);
    ASSERT_TRUE(model.ok()) << model.status();
    testing::RuntimeConformance conformance;
    conformance.model = model->get();
    const Cells inputs = ReadCsv(absl::StrCat(*dir, "/", name, "/inputs.csv"));
    for (size_t r = 1; r <= 20; ++r) {
      for (const std::string& cell : inputs[r]) conformance.rows.push_back(static_cast<float>(Number(cell)));
    }
    // Matrix products of another number of rows take another kernel.
    conformance.row_results_depend_on_batch = std::string_view(name) == "mlp";
    testing::CheckRuntime(conformance);
  }
}

TEST(OnnxFixtureTest, EveryMalformedModelIsRefusedWithItsNameAndPlace) {
  const auto dir = testing::SharedPath("fixtures/bad_models");
  if (!dir.has_value()) GTEST_SKIP() << "fixtures/bad_models is not there; set VIGIL_SHARED";
  const bool ort = LoadOrt().ok();
  // What the message names besides the file; those marked need ONNX Runtime's verdict.
  struct Case {
    const char* file;
    const char* place;
    bool by_ort = false;
  };
  const Case cases[] = {{"tree_child_missing.onnx", "node 9"},
                        {"tree_cycle.onnx", "cycle"},
                        {"tree_feature_range.onnx", "feature 70000 of 2"},
                        {"unknown_operator.onnx", "FancyMatMul", true},
                        {"custom_domain.onnx", "com.example"},
                        {"opset_999.onnx", "opset 999", true},
                        {"external_data_escape.onnx", "outside the model's folder"},
                        {"external_data_missing.onnx", "cannot be read"},
                        {"empty.onnx", "empty"},
                        {"garbage.onnx", "model"},
                        {"truncated.onnx", "at byte"},
                        {"zip.onnx", "ZIP"},
                        {"directory.onnx", "directory"}};
  for (const Case& one : cases) {
    const auto model = Load(absl::StrCat(*dir, "/", one.file));
    ASSERT_FALSE(model.ok()) << one.file << " was loaded";
    const std::string message(model.status().message());
    EXPECT_NE(message.find(one.file), std::string::npos) << model.status();
    if (one.by_ort && !ort) continue;
    EXPECT_NE(model.status().code(), absl::StatusCode::kInternal) << model.status();
    EXPECT_NE(model.status().code(), absl::StatusCode::kUnavailable) << model.status();
    EXPECT_NE(message.find(one.place), std::string::npos) << model.status();
  }
}

}  // namespace
}  // namespace vigil::onnx
