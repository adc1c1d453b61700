// Every XGBoost fixture, in both formats, on every engine, in batches of 1 to 1000, against what XGBoost itself predicts.
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/testing/paths.h"
#include "gtest/gtest.h"
#include "runtime/model.h"
#include "runtime/testing/model_fixture.h"
#include "runtime/trees/engine_choice.h"
#include "runtime/trees/loader.h"
#include "runtime/trees/tree_model.h"

namespace vigil::trees {
namespace {

using testing::ModelFixture;

// A file of numbers with a header.
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<double>> rows;
};

Table ReadTable(const std::string& path) {
  Table table;
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    if (table.header.empty()) {
      table.header = cells;
      continue;
    }
    std::vector<double>& row = table.rows.emplace_back();
    for (const std::string& cell : cells) EXPECT_TRUE(absl::SimpleAtod(cell, &row.emplace_back())) << path << ": " << cell;
  }
  return table;
}

StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const std::string& engine = "") {
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(MakeXgboostLoader());
  loaders.push_back(MakeLightgbmLoader());
  LoadOptions options;
  options.engine = engine;
  return LoadModel(loaders, path, options);
}

// The fixture's rows repeated to `n`, as the tensors that the signature asks for: one matrix, or one tensor a column.
class Rows {
 public:
  Rows(const ModelFixture& fixture, const Signature& signature, size_t n)
      : batch_(n), numbers_(fixture.columns.size()), texts_(fixture.columns.size()) {
    const auto count = static_cast<int64_t>(n);
    const size_t width = fixture.columns.size();
    const auto row = [&](size_t r) { return r % fixture.cells.size(); };
    if (signature.inputs.size() == 1) {
      for (size_t i = 0; i < n * width; ++i) numbers_[0].push_back(static_cast<float>(fixture.number(row(i / width), i % width)));
      batch_.Add({"input", DType::kFloat32, {count, static_cast<int64_t>(width)}, numbers_[0].data()});
      return;
    }
    EXPECT_EQ(signature.inputs.size(), width);
    for (size_t c = 0; c < width; ++c) {
      const bool text = signature.inputs[c].dtype == DType::kString;
      for (size_t r = 0; r < n; ++r) {
        if (text) {
          texts_[c].push_back(fixture.cells[row(r)][c]);
        } else {
          numbers_[c].push_back(static_cast<float>(fixture.number(row(r), c)));
        }
      }
      const void* data = text ? static_cast<const void*>(texts_[c].data()) : numbers_[c].data();
      batch_.Add({signature.inputs[c].name, text ? DType::kString : DType::kFloat32, {count, 1}, data});
    }
  }
  const Batch& batch() const { return batch_; }

 private:
  Batch batch_;
  std::vector<std::vector<float>> numbers_;
  std::vector<std::vector<std::string_view>> texts_;
};

Outputs ScoreRepeated(const LoadedModel& model, const ModelFixture& fixture, size_t n, int64_t tree_limit = 0) {
  ScoreCall call;
  call.margin = true;
  call.tree_limit = tree_limit;
  Outputs outputs;
  const Rows rows(fixture, model.signature(), n);
  const auto state = model.NewScorer()->Score(rows.batch(), call, &outputs);
  EXPECT_TRUE(state.ok()) << state.status();
  return outputs;
}

void ExpectColumn(const ModelFixture& fixture, const OwnedTensor& got, size_t n, const std::string& output, const std::string& where) {
  const size_t width = got.floats.size() / n;
  for (size_t k = 0; k < width; ++k) {
    const std::string column = width == 1 ? output : absl::StrCat(output, "_", k);
    const auto expected = fixture.Expected(column);
    ASSERT_TRUE(expected.has_value()) << column;
    for (size_t r = 0; r < n; ++r) {
      const double want = fixture.expected[r % fixture.expected.size()][*expected];
      ASSERT_NEAR(got.floats[r * width + k], want, fixture.Tolerance(column, want)) << where << ", row " << r << ", " << column;
    }
  }
}

class FixtureTest : public ::testing::TestWithParam<std::string> {};

TEST_P(FixtureTest, EveryFormatEngineAndBatchSizeAgrees) {
  const auto fixture = testing::ReadModelFixture(GetParam());
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
      EXPECT_EQ((*model)->signature().columns, fixture->columns);
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
                         ::testing::Values("xgboost_categorical", "xgboost_categorical_strings", "xgboost_dart", "xgboost_deep",
                                           "xgboost_early_stop", "xgboost_fraud", "xgboost_missing", "xgboost_multiclass",
                                           "xgboost_regression", "xgboost_v2"));

TEST(XgboostFixtureTest, TreeLimitStopsAtTheEarlyStoppingRound) {
  const auto fixture = testing::ReadModelFixture("xgboost_early_stop");
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
    const auto fixture = testing::ReadModelFixture(name);
    if (!fixture.has_value()) GTEST_SKIP() << "fixtures/models/" << name << " is not there; set VIGIL_SHARED";
    const std::string dir = *testing::SharedPath("fixtures/models/" + name);
    const Table want_contributions = ReadTable(dir + "/contributions.csv"), want_leaves = ReadTable(dir + "/leaves.csv");
    const size_t rows = fixture->cells.size(), columns = want_contributions.header.size(), trees = want_leaves.header.size();
    const auto model = Load(dir + (lightgbm ? "/model.txt" : "/model.json"));
    ASSERT_TRUE(model.ok()) << model.status();
    std::vector<double> doubles;
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < fixture->columns.size(); ++c) doubles.push_back(fixture->number(r, c));
    }
    ScoreCall call;
    call.contributions = call.leaves = true;
    Outputs outputs;
    Batch batch(rows);
    batch.Add({"input", DType::kFloat64, {static_cast<int64_t>(rows), static_cast<int64_t>(fixture->columns.size())}, doubles.data()});
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
      {"category_segment.json", "categories_segments[0]"},
      {"category_size.json", "categories_sizes[0]"},
      {"category_value.json", "2147483646"},
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
      {"nan_leaf.json", "split_conditions"},
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
