// Rows of texts and numbers in tensors of their own, against the same rows as codes.
#include "runtime/trees/category_scorer.h"

#include <limits>
#include <string>
#include <vector>

#include "base/testing/paths.h"
#include "gtest/gtest.h"
#include "runtime/trees/loader.h"

namespace vigil::trees {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Columns s (texts x, y, z), k (the numbers 1, 5, 9) and v, as LightGBM trained them.
class CategoryScorerTest : public ::testing::Test {
 protected:
  CategoryScorerTest() {
    auto model = MakeLightgbmLoader()->Load((testing::SourceDir() / "tests/corpus/lightgbm/pandas").string(), {});
    EXPECT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    scorer_ = model_->NewScorer();
  }

  StatusOr<std::vector<float>> Score(const Batch& batch) {
    ScoreCall call;
    Outputs outputs;
    VIGIL_ASSIGN_OR_RETURN(const ScoreState state, scorer_->Score(batch, call, &outputs));
    EXPECT_EQ(state, ScoreState::kDone);
    return outputs.tensors[0].floats;
  }

  std::unique_ptr<LoadedModel> model_;
  std::unique_ptr<Scorer> scorer_;
  const std::vector<std::string_view> s_ = {"x", "y", "z", "unseen", ""};
  const std::vector<float> k_ = {9, 1, 5, 7, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<double> v_ = {0.5, -1, 2, 0, kNan};
};

TEST_F(CategoryScorerTest, SignatureHasATensorAColumn) {
  const Signature& signature = model_->signature();
  EXPECT_EQ(signature.columns, (std::vector<std::string>{"s", "k", "v"}));
  ASSERT_EQ(signature.inputs.size(), 3u);
  EXPECT_EQ(signature.inputs[0].name, "s");
  EXPECT_EQ(signature.inputs[0].dtype, DType::kString);
  EXPECT_EQ(signature.inputs[1].dtype, DType::kFloat64);
  EXPECT_EQ(signature.inputs[2].dtype, DType::kFloat64);
}

TEST_F(CategoryScorerTest, TextsScoreAsTheirCodes) {
  Batch texts(5);
  texts.Add({"v", DType::kFloat64, {5}, v_.data()});  // by name, in any order and type of number
  texts.Add({"s", DType::kString, {5, 1}, s_.data()});
  texts.Add({"k", DType::kFloat32, {5, 1}, k_.data()});
  // Codes where there are texts; numbers are their own categories here too.
  const std::vector<double> codes = {0, 9, 0.5, 1, 1, -1, 2, 5, 2, kNan, 7, 0, kNan, kNan, kNan};
  Batch coded(5);
  coded.Add({"input", DType::kFloat64, {5, 3}, codes.data()});
  const auto from_texts = Score(texts), from_codes = Score(coded);
  ASSERT_TRUE(from_texts.ok()) << from_texts.status();
  ASSERT_TRUE(from_codes.ok()) << from_codes.status();
  EXPECT_EQ(*from_texts, *from_codes);
  EXPECT_NE((*from_texts)[0], (*from_texts)[1]);
  // Every column counts: 9 is a category of the model's, its code 2 is none.
  const std::vector<double> other = {0, 2, 0.5};
  Batch unseen(1);
  unseen.Add({"input", DType::kFloat64, {1, 3}, other.data()});
  const auto from_unseen = Score(unseen);
  ASSERT_TRUE(from_unseen.ok()) << from_unseen.status();
  EXPECT_NE((*from_unseen)[0], (*from_codes)[0]);
}

TEST_F(CategoryScorerTest, WhatDoesNotFitIsRefusedByName) {
  const auto refused = [this](TensorView s, TensorView k) {
    Batch batch(5);
    batch.Add(std::move(s));
    batch.Add(std::move(k));
    batch.Add({"v", DType::kFloat64, {5, 1}, v_.data()});
    const auto scored = Score(batch);
    EXPECT_EQ(scored.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(scored.status().message());
  };
  EXPECT_EQ(refused({"s", DType::kFloat64, {5, 1}, v_.data()}, {"k", DType::kFloat32, {5, 1}, k_.data()}),
            "input 's' is FP64; the model takes BYTES");
  EXPECT_EQ(refused({"s", DType::kString, {5, 1}, s_.data()}, {"k", DType::kString, {5, 1}, s_.data()}),
            "input 'k' is BYTES; the model takes FP64");
  EXPECT_EQ(refused({"s", DType::kString, {5, 1}, s_.data()}, {"q", DType::kFloat32, {5, 1}, k_.data()}), "input 'k' is missing");
  EXPECT_EQ(refused({"s", DType::kString, {4, 1}, s_.data()}, {"k", DType::kFloat32, {5, 1}, k_.data()}),
            "input 's' has shape [4,1]; the model takes [5,1]");
  Batch one(5);
  one.Add({"s", DType::kString, {5, 1}, s_.data()});
  EXPECT_FALSE(Score(one).ok());
}

}  // namespace
}  // namespace vigil::trees
