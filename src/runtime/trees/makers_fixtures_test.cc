// Every LightGBM and CatBoost fixture, in batches of 1 to 1000, against what the maker's own library predicts; and every broken one.
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/paths.h"
#include "gtest/gtest.h"
#include "runtime/model.h"
#include "runtime/testing/model_fixture.h"
#include "runtime/trees/loader.h"

namespace vigil::trees {
namespace {

using testing::ModelFixture;

StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path) {
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(MakeXgboostLoader());
  loaders.push_back(MakeLightgbmLoader());
  loaders.push_back(MakeCatboostLoader());
  return LoadModel(loaders, path, {});
}

// The fixture's rows, from the first on and around, as the tensors that the model's signature asks for.
class Rows {
 public:
  Rows(const ModelFixture& fixture, const Signature& signature, size_t first, size_t n) : batch_(n) {
    const auto count = static_cast<int64_t>(n);
    const auto row = [&](size_t r) { return (first + r) % fixture.cells.size(); };
    const size_t width = fixture.columns.size();
    EXPECT_EQ(signature.columns, fixture.columns);
    if (signature.inputs.size() == 1) {
      std::vector<double>& matrix = numbers_.emplace_back();
      for (size_t r = 0; r < n; ++r) {
        for (size_t c = 0; c < width; ++c) matrix.push_back(fixture.number(row(r), c));
      }
      batch_.Add({"input", DType::kFloat64, {count, static_cast<int64_t>(width)}, matrix.data()});
      return;
    }
    EXPECT_EQ(signature.inputs.size(), width);
    numbers_.resize(width);
    texts_.resize(width);
    for (size_t c = 0; c < width; ++c) {
      for (size_t r = 0; r < n; ++r) {
        numbers_[c].push_back(fixture.number(row(r), c));
        texts_[c].push_back(fixture.cells[row(r)][c]);
      }
      const bool text = signature.inputs[c].dtype == DType::kString;
      const void* data = text ? static_cast<const void*>(texts_[c].data()) : numbers_[c].data();
      batch_.Add({signature.inputs[c].name, text ? DType::kString : DType::kFloat64, {count, 1}, data});
    }
  }

  const Batch& batch() const { return batch_; }

 private:
  Batch batch_;
  std::vector<std::vector<double>> numbers_;
  std::vector<std::vector<std::string_view>> texts_;
};

void ExpectColumns(const ModelFixture& fixture, const OwnedTensor& got, size_t first, size_t n, double tolerances,
                   const std::string& where) {
  ASSERT_EQ(got.dtype, DType::kFloat64) << where;
  const auto* values = reinterpret_cast<const double*>(got.bytes.data());
  const size_t width = got.bytes.size() / sizeof(double) / n;
  for (size_t k = 0; k < width; ++k) {
    const std::string column = width == 1 ? got.name : absl::StrCat(got.name, "_", k);
    const auto at = fixture.Expected(column);
    ASSERT_TRUE(at.has_value()) << where << column;
    for (size_t r = 0; r < n; ++r) {
      const double want = fixture.expected[(first + r) % fixture.expected.size()][*at];
      ASSERT_NEAR(values[r * width + k], want, tolerances * fixture.Tolerance(column, want)) << where << column << " row " << first + r;
    }
  }
}

// `bits`: predictions and margins are the library's own bits.
void ExpectFixture(const std::string& name, const std::string& file, bool bits) {
  const auto fixture = testing::ReadModelFixture(name);
  if (!fixture.has_value()) GTEST_SKIP() << "the shared fixtures are absent";
  const auto model = Load(fixture->folder + "/" + file);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto scorer = (*model)->NewScorer();
  ScoreCall call;
  call.margin = true;
  call.doubles = true;
  for (const size_t n : {size_t{1}, size_t{7}, size_t{64}, size_t{1000}}) {
    for (size_t first = 0; first < fixture->cells.size(); first += n) {
      const Rows rows(*fixture, (*model)->signature(), first, n);
      Outputs outputs;
      const auto state = scorer->Score(rows.batch(), call, &outputs);
      ASSERT_TRUE(state.ok()) << state.status();
      for (const OwnedTensor& tensor : outputs.tensors) {
        ExpectColumns(*fixture, tensor, first, n, bits ? 0 : 1, absl::StrCat(name, " ", file, " batch ", n, " "));
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(LightgbmFixturesTest, Fraud) { ExpectFixture("lightgbm_fraud", "model.txt", true); }
TEST(LightgbmFixturesTest, Missing) { ExpectFixture("lightgbm_missing", "model.txt", true); }
TEST(LightgbmFixturesTest, MissingZero) { ExpectFixture("lightgbm_missing_zero", "model.txt", true); }
TEST(LightgbmFixturesTest, Multiclass) { ExpectFixture("lightgbm_multiclass", "model.txt", true); }
TEST(LightgbmFixturesTest, Regression) { ExpectFixture("lightgbm_regression", "model.txt", true); }
TEST(LightgbmFixturesTest, Categorical) { ExpectFixture("lightgbm_categorical", "model.txt", true); }
TEST(LightgbmFixturesTest, CategoricalTexts) { ExpectFixture("lightgbm_categorical_pandas", "model.txt", true); }
TEST(CatboostFixturesTest, FraudCbm) { ExpectFixture("catboost_fraud", "model.cbm", false); }
TEST(CatboostFixturesTest, FraudJson) { ExpectFixture("catboost_fraud", "model.json", false); }

TEST(MakersFixturesTest, BrokenModelsAreRefusedByName) {
  const auto folder = testing::SharedPath("fixtures/bad_models");
  if (!folder.has_value()) GTEST_SKIP() << "the shared fixtures are absent";
  int broken = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    const std::string file = entry.path().filename().string();
    if (!file.starts_with("lightgbm_") && file != "truncated.cbm" && file != "empty.txt") continue;
    const auto model = Load(entry.path().string());
    ASSERT_FALSE(model.ok()) << file;
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument) << file;
    EXPECT_NE(std::string(model.status().message()).find(file), std::string::npos) << model.status();
    ++broken;
  }
  EXPECT_EQ(broken, 13);
}

}  // namespace
}  // namespace vigil::trees
