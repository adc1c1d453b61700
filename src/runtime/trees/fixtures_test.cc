// Every XGBoost fixture, in both formats, on every engine, in batches of 1 to 1000, against what XGBoost itself predicts.
#include <cmath>
#include <cstring>
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
#include "runtime/model.h"
#include "runtime/trees/engine_choice.h"
#include "runtime/trees/loader.h"
#include "runtime/trees/tree_model.h"

namespace vigil::trees {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<double>> rows;
  std::optional<size_t> Column(std::string_view name) const {
    for (size_t c = 0; c < header.size(); ++c) {
      if (header[c] == name) return c;
    }
    return std::nullopt;
  }
};

Table ReadCsv(const std::string& path) {
  Table table;
  std::istringstream in(ReadText(path));
  std::string line;
  while (std::getline(in, line)) {
    std::vector<std::string> cells = absl::StrSplit(line, ',');
    if (table.header.empty()) {
      table.header = cells;
      continue;
    }
    std::vector<double>& row = table.rows.emplace_back();
    for (const std::string& cell : cells) {
      double value = std::numeric_limits<double>::quiet_NaN();
      if (!cell.empty()) {
        EXPECT_TRUE(absl::SimpleAtod(cell, &value)) << path << ": " << cell;
      }
      row.push_back(value);
    }
  }
  return table;
}

struct Tolerance {
  double abs = 0, rel = 0;
};

Tolerance ToleranceOf(const Json& meta, const std::string& column) {
  const Json& all = meta["tolerance"];
  const Json& one = all.contains(column) ? all[column] : all.contains("*") ? all["*"] : all["prediction"];
  return {one["abs"].get<double>(), one["rel"].get<double>()};
}

struct Fixture {
  std::string name;
  Json meta;
  Table inputs, expected;
  std::vector<float> matrix;
};

std::optional<Fixture> LoadFixture(const std::string& name) {
  const auto dir = testing::SharedPath("fixtures/models/" + name);
  if (!dir.has_value()) return std::nullopt;
  Fixture fixture{name, Json::parse(ReadText(*dir + "/meta.json")), ReadCsv(*dir + "/inputs.csv"), ReadCsv(*dir + "/expected.csv"), {}};
  for (const auto& row : fixture.inputs.rows) {
    for (double x : row) fixture.matrix.push_back(static_cast<float>(x));
  }
  return fixture;
}

StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const std::string& engine = "") {
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(MakeXgboostLoader());
  loaders.push_back(MakeLightgbmLoader());
  LoadOptions options;
  options.engine = engine;
  return LoadModel(loaders, path, options);
}

// The fixture's rows repeated to `n`, scored in one batch.
Outputs ScoreRepeated(const LoadedModel& model, const Fixture& fixture, size_t n, int64_t tree_limit = 0) {
  const size_t width = fixture.inputs.header.size(), rows = fixture.inputs.rows.size();
  std::vector<float> matrix(n * width);
  for (size_t r = 0; r < n; ++r) std::copy_n(fixture.matrix.data() + r % rows * width, width, matrix.data() + r * width);
  ScoreCall call;
  call.margin = true;
  call.tree_limit = tree_limit;
  Outputs outputs;
  const auto state = model.NewScorer()->Score(Batch::FloatMatrix(matrix.data(), n, width), call, &outputs);
  EXPECT_TRUE(state.ok()) << state.status();
  return outputs;
}

void ExpectColumn(const Fixture& fixture, const OwnedTensor& got, size_t n, const std::string& output, const std::string& where) {
  const size_t width = got.floats.size() / n;
  for (size_t k = 0; k < width; ++k) {
    const std::string column = width == 1 ? output : absl::StrCat(output, "_", k);
    const auto expected = fixture.expected.Column(column);
    ASSERT_TRUE(expected.has_value()) << column;
    const Tolerance tolerance = ToleranceOf(fixture.meta, fixture.meta["tolerance"].contains(column) ? column : output);
    for (size_t r = 0; r < n; ++r) {
      const double want = fixture.expected.rows[r % fixture.expected.rows.size()][*expected];
      ASSERT_NEAR(got.floats[r * width + k], want, tolerance.abs + tolerance.rel * std::abs(want))
          << where << ", row " << r << ", " << column;
    }
  }
}

class FixtureTest : public ::testing::TestWithParam<std::string> {};

TEST_P(FixtureTest, EveryFormatEngineAndBatchSizeAgrees) {
  const auto fixture = LoadFixture(GetParam());
  if (!fixture.has_value()) GTEST_SKIP() << "fixtures/models/" << GetParam() << " is not there; set VIGIL_SHARED";
  const std::string dir = *testing::SharedPath("fixtures/models/" + GetParam());
  std::vector<std::string> engines = EngineNames();
  engines.push_back("");
  std::vector<float> first_margins;
  for (const std::string file : {"model.json", "model.ubj"}) {
    for (const std::string& engine : engines) {
      const std::string where = absl::StrCat(file, ", engine '", engine, "'");
      const auto model = Load(dir + "/" + file, engine);
      if (!model.ok() && model.status().code() == absl::StatusCode::kFailedPrecondition && !engine.empty()) continue;  // does not fit
      ASSERT_TRUE(model.ok()) << where << ": " << model.status();
      EXPECT_EQ((*model)->signature().columns, fixture->inputs.header);
      for (const size_t n : {1, 2, 7, 8, 31, 64, 65, 200, 1000}) {
        const Outputs outputs = ScoreRepeated(**model, *fixture, n);
        ExpectColumn(*fixture, outputs.tensors[0], n, "prediction", absl::StrCat(where, ", batch ", n));
        ExpectColumn(*fixture, outputs.tensors[1], n, "margin", absl::StrCat(where, ", batch ", n));
        if (first_margins.empty()) first_margins = ScoreRepeated(**model, *fixture, 1000).tensors[1].floats;
        // The same bits whatever the format, the engine and the batch.
        for (size_t i = 0; i < outputs.tensors[1].floats.size(); ++i) ASSERT_EQ(outputs.tensors[1].floats[i], first_margins[i]) << where;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Xgboost, FixtureTest,
                         ::testing::Values("xgboost_deep", "xgboost_early_stop", "xgboost_fraud", "xgboost_missing", "xgboost_multiclass",
                                           "xgboost_regression", "xgboost_v2"));

TEST(XgboostFixtureTest, TreeLimitStopsAtTheEarlyStoppingRound) {
  const auto fixture = LoadFixture("xgboost_early_stop");
  if (!fixture.has_value()) GTEST_SKIP() << "fixtures/models/xgboost_early_stop is not there; set VIGIL_SHARED";
  const std::string dir = *testing::SharedPath("fixtures/models/xgboost_early_stop");
  for (const std::string file : {"model.json", "model.ubj"}) {
    const auto model = Load(dir + "/" + file);
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ((*model)->info().best_rounds, 2);
    const Outputs outputs = ScoreRepeated(**model, *fixture, 64, (*model)->info().best_rounds);
    ExpectColumn(*fixture, outputs.tensors[0], 64, "prediction_best", file);
  }
}

// Contributions and leaf numbers against the library's. XGBoost's contributions are sums of floats, ours of doubles.
TEST(FixtureContributionsTest, ContributionsAndLeavesAreTheLibrarys) {
  for (const std::string name : {"xgboost_fraud", "xgboost_missing", "lightgbm_fraud", "lightgbm_missing"}) {
    const bool lightgbm = name.starts_with("lightgbm");
    const double tolerance = lightgbm ? 1e-11 : 2e-5;
    const auto fixture = LoadFixture(name);
    if (!fixture.has_value()) GTEST_SKIP() << "fixtures/models/" << name << " is not there; set VIGIL_SHARED";
    const std::string dir = *testing::SharedPath("fixtures/models/" + name);
    const Table want_contributions = ReadCsv(dir + "/contributions.csv"), want_leaves = ReadCsv(dir + "/leaves.csv");
    const size_t rows = fixture->inputs.rows.size(), columns = want_contributions.header.size(), trees = want_leaves.header.size();
    const auto model = Load(dir + (lightgbm ? "/model.txt" : "/model.json"));
    ASSERT_TRUE(model.ok()) << model.status();
    std::vector<double> doubles;
    for (const auto& row : fixture->inputs.rows) doubles.insert(doubles.end(), row.begin(), row.end());
    ScoreCall call;
    call.contributions = call.leaves = true;
    Outputs outputs;
    Batch batch(rows);
    batch.Add(
        {"input", DType::kFloat64, {static_cast<int64_t>(rows), static_cast<int64_t>(fixture->inputs.header.size())}, doubles.data()});
    ASSERT_TRUE((*model)->NewScorer()->Score(batch, call, &outputs).ok());
    const OwnedTensor* contributions = outputs.Find("contributions");
    const OwnedTensor* leaves = outputs.Find("leaves");
    ASSERT_EQ(contributions->bytes.size(), rows * columns * sizeof(double));
    ASSERT_EQ(leaves->bytes.size(), rows * trees * sizeof(int32_t));
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        double got;
        std::memcpy(&got, contributions->bytes.data() + (r * columns + c) * sizeof(got), sizeof(got));
        const double want = want_contributions.rows[r][c];
        ASSERT_NEAR(got, want, tolerance + tolerance * std::abs(want)) << name << ", row " << r << ", " << want_contributions.header[c];
      }
      for (size_t t = 0; t < trees; ++t) {
        int32_t got;
        std::memcpy(&got, leaves->bytes.data() + (r * trees + t) * sizeof(got), sizeof(got));
        ASSERT_EQ(got, want_leaves.rows[r][t]) << name << ", row " << r << ", tree " << t;
      }
    }
  }
}

TEST(XgboostFixtureTest, WhatIsNotServedIsRefusedByName) {
  const auto models = testing::SharedPath("fixtures/models");
  if (!models.has_value()) GTEST_SKIP() << "fixtures/models is not there; set VIGIL_SHARED";
  const std::pair<const char*, const char*> cases[] = {
      {"xgboost_dart/model.json", "dart"},
      {"xgboost_dart/model.ubj", "dart"},
      {"xgboost_categorical/model.json", "categorical"},
      {"xgboost_categorical/model.ubj", "categorical"},
      {"xgboost_categorical_strings/model.json", "categorical"},
      {"xgboost_categorical_strings/model.ubj", "categorical"},
      {"onnx_xgboost/model.onnx", "ONNX"},
      {"tensorflow_mlp/saved_model", "TensorFlow"},
  };
  for (const auto& [file, name] : cases) {
    const auto model = Load(*models + "/" + file);
    ASSERT_FALSE(model.ok()) << file;
    EXPECT_EQ(model.status().code(), absl::StatusCode::kUnimplemented) << model.status();
    EXPECT_NE(std::string(model.status().message()).find(name), std::string::npos) << model.status();
    EXPECT_NE(std::string(model.status().message()).find(file), std::string::npos) << model.status();
  }
}

TEST(XgboostFixtureTest, EveryMalformedModelIsRefusedWithItsNameAndPlace) {
  const auto dir = testing::SharedPath("fixtures/bad_models");
  if (!dir.has_value()) GTEST_SKIP() << "fixtures/bad_models is not there; set VIGIL_SHARED";
  // What the message must name besides the file.
  const std::pair<const char*, const char*> places[] = {
      {"child_out_of_range.json", "trees[1]"},
      {"child_negative.json", "trees[0]"},
      {"cyclic_tree.json", "trees[0]"},
      {"self_loop.json", "trees[2]"},
      {"wrong_num_feature.json", "15 names for 3 features"},
      {"split_feature_out_of_range.json", "4000000000"},
      {"arrays_differ.json", "split_conditions"},
      {"num_nodes_differ.json", "num_nodes"},
      {"num_trees_huge.json", "2000000000"},
      {"tree_info_short.json", "tree_info"},
      {"tree_info_class.json", "output 9 of 1"},
      {"no_trees_key.json", "learner.gradient_booster.model.trees"},
      {"unknown_objective.json", "custom:secret"},
      {"unknown_booster.json", "gbforest9"},
      {"base_score_text.json", "half"},
      {"base_score_count.json", "3 values for 1 outputs"},
      {"base_score_one.json", "base_score"},
      {"truncated.ubj", "at byte"},
      {"truncated_in_length.ubj", "at byte"},
      {"huge_string_length.ubj", "4611686018427387904"},
      {"negative_length.ubj", "-1"},
      {"huge_array_length.ubj", "1099511627776"},
      {"bad_type_marker.ubj", "'?'"},
      {"nested_100k.ubj", "deeper than 32"},
      {"pickle.ubj", "pickle"},
      {"directory.json", "directory"},
      {"trailing_garbage.json", "JSON"},
      {"overflow_number.json", "JSON"},
      {"nan_leaf.json", "JSON"},
      {"invalid_utf8.json", "JSON"},
  };
  size_t seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*dir)) {
    const std::string file = entry.path().filename().string();
    if (!file.ends_with(".json") && !file.ends_with(".ubj")) continue;
    ++seen;
    const auto model = Load(entry.path().string());
    ASSERT_FALSE(model.ok()) << file << " was loaded";
    EXPECT_NE(model.status().code(), absl::StatusCode::kInternal) << model.status();
    EXPECT_NE(std::string(model.status().message()).find(file), std::string::npos) << model.status();
    for (const auto& [name, place] : places) {
      if (file == name) {
        EXPECT_NE(std::string(model.status().message()).find(place), std::string::npos) << model.status();
      }
    }
  }
  EXPECT_GE(seen, 39u);
}

}  // namespace
}  // namespace vigil::trees
