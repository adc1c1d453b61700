#include "runtime/input_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "runtime/score_and_wait.h"
#include "runtime/testing/fake_model.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Two rows of testing::MixedColumns: amount, channel, count, rate, pair_0, pair_1, night.
class InputTensorsTest : public ::testing::Test {
 protected:
  TableRows Rows() { return {&model_.table(), 2, values_.data(), exact_.data(), texts_.data()}; }

  FakeClock clock_{0};
  testing::FakeModel model_{testing::MixedColumns(), clock_};
  std::vector<float> values_ = {1, 0, 7, 0.1f, 4, 5, 1, kNan, 0, 8, 0.2f, 6, 9, 0};
  std::vector<double> exact_ = {7, 0.1, 1, 8, 0.2, 0};
  std::vector<std::string_view> texts_ = {"web", "shop"};
  InputTensors tensors_;
  Batch batch_;
};

TEST_F(InputTensorsTest, ARowBecomesOneTensorAnInput) {
  ASSERT_TRUE(tensors_.Fill(model_.signature(), model_.table(), Rows(), {}, &batch_).ok());
  ScoreCall call;
  Outputs outputs;
  ASSERT_TRUE(ScoreAndWait(*model_.NewScorer(), batch_, call, &outputs).ok());
  EXPECT_THAT(outputs.tensors[2].strings, ElementsAre("web/0.1/7/1", "shop/0.2/8/0"));
  EXPECT_THAT(outputs.tensors[0].As<int64_t>(), ElementsAre(7, 8));
  EXPECT_EQ(outputs.tensors[3].floats[0], 5);
  EXPECT_TRUE(std::isnan(outputs.tensors[3].floats[2])) << "a missing float stays missing";
}

TEST_F(InputTensorsTest, PickedRowsAreGathered) {
  const uint32_t second[] = {1};
  ASSERT_TRUE(tensors_.Fill(model_.signature(), model_.table(), Rows(), second, &batch_).ok());
  EXPECT_EQ(batch_.rows(), 1u);
  ScoreCall call;
  Outputs outputs;
  ASSERT_TRUE(ScoreAndWait(*model_.NewScorer(), batch_, call, &outputs).ok());
  EXPECT_THAT(outputs.tensors[2].strings, ElementsAre("shop/0.2/8/0"));
}

TEST_F(InputTensorsTest, WhatAColumnsTypeDoesNotHoldIsNamed) {
  exact_[3] = 8.5;
  const Status half = tensors_.Fill(model_.signature(), model_.table(), Rows(), {}, &batch_);
  EXPECT_EQ(half.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(half.message()), HasSubstr("row 1, column \"count\": 8.5 does not fit the model's INT64"));
  exact_[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(std::string(tensors_.Fill(model_.signature(), model_.table(), Rows(), {}, &batch_).message()), HasSubstr("a missing value"));
}

TEST_F(InputTensorsTest, AMatrixIsHandedOnAsItLies) {
  const testing::FakeModel sum(testing::SumOfDoubles(3), clock_);
  const TableRows rows{&sum.table(), 2, values_.data(), exact_.data(), nullptr};
  ASSERT_TRUE(tensors_.Fill(sum.signature(), sum.table(), rows, {}, &batch_).ok());
  EXPECT_EQ(batch_.tensors()[0].data, exact_.data());
  const uint32_t picked[] = {1};
  ASSERT_TRUE(tensors_.Fill(sum.signature(), sum.table(), rows, picked, &batch_).ok());
  EXPECT_EQ(static_cast<const double*>(batch_.tensors()[0].data)[1], 0.2);
}

TEST_F(InputTensorsTest, RowsOfFloatsFillATensorOfAnyNumbers) {
  Signature small;
  small.inputs = {{"b", DType::kUint8, {-1}}, {"h", DType::kFloat16, {-1}}};
  small.outputs = {{"o", DType::kFloat32, {-1}}};
  const TableShape shape = TableShapeOf(small);
  const TableShape floats = FloatTable({"b", "h"});
  const float values[] = {255, 1.5f};
  ASSERT_TRUE(tensors_.Fill(small, shape, {&floats, 1, values, nullptr, nullptr}, {}, &batch_).ok());
  EXPECT_EQ(*static_cast<const uint8_t*>(batch_.tensors()[0].data), 255);
  EXPECT_EQ(*static_cast<const uint16_t*>(batch_.tensors()[1].data), 0x3E00);
}

TEST(ScoreAndWait, WaitsForAModelThatAnswersLater) {
  const FakeClock clock(0);
  testing::FakeModelOptions options = testing::SumOfColumns(2);
  options.later = true;
  testing::FakeModel model(std::move(options), clock);
  const float row[] = {1, 2};
  ScoreCall call;
  Outputs outputs;
  std::thread other([&] {
    while (model.waiting() == 0) std::this_thread::yield();
    model.Release();
  });
  EXPECT_TRUE(ScoreAndWait(*model.NewScorer(), Batch::FloatMatrix(row, 1, 2, "input"), call, &outputs).ok());
  other.join();
  EXPECT_THAT(outputs.tensors[0].floats, ElementsAre(3));
}

}  // namespace
}  // namespace vigil
