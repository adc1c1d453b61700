#include "domain/table_shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Signature Of(std::vector<TensorSpec> inputs, std::vector<TensorSpec> outputs = {{"prediction", DType::kFloat32, {-1}}}) {
  Signature signature;
  signature.inputs = std::move(inputs);
  signature.outputs = std::move(outputs);
  return signature;
}

std::vector<std::string> AnswerNames(const TableShape& shape) {
  std::vector<std::string> names;
  for (const AnswerColumn& answer : shape.answers) names.push_back(answer.name);
  return names;
}

TEST(TableShape, OneUnnamedMatrixHasColumnsByPosition) {
  const TableShape shape = TableShapeOf(Of({{"float_input", DType::kFloat32, {-1, 3}}}));
  EXPECT_THAT(shape.names, ElementsAre("f0", "f1", "f2"));
  EXPECT_FALSE(shape.named);
  EXPECT_TRUE(shape.matrix);
  EXPECT_TRUE(shape.single_output);
  EXPECT_EQ(shape.score.width, 1u);
}

TEST(TableShape, TheModelsOwnNamesStandWhereThereIsOneForEachColumn) {
  Signature signature = Of({{"a", DType::kFloat32, {-1, 2}}, {"b", DType::kString, {-1}}});
  EXPECT_THAT(TableShapeOf(signature).names, ElementsAre("a_0", "a_1", "b"));
  EXPECT_TRUE(TableShapeOf(signature).named);
  signature.columns = {"amount", "hour", "channel"};
  signature.columns_are_named = true;
  EXPECT_THAT(TableShapeOf(signature).names, ElementsAre("amount", "hour", "channel"));
}

TEST(TableShape, ColumnsKnowTheirStoreAndTheirPlaceInTheTensor) {
  const TableShape shape = TableShapeOf(
      Of({{"x", DType::kFloat32, {-1, 2}}, {"d", DType::kFloat64, {-1, 1}}, {"s", DType::kString, {-1}}, {"n", DType::kInt64, {-1}}}));
  EXPECT_THAT(shape.names, ElementsAre("x_0", "x_1", "d", "s", "n"));
  EXPECT_EQ(shape.exact, 2u);
  EXPECT_EQ(shape.texts, 1u);
  EXPECT_FALSE(shape.matrix);
  EXPECT_EQ(shape.columns[1].input, 0u);
  EXPECT_EQ(shape.columns[1].offset, 1u);
  EXPECT_EQ(shape.columns[2].store, ColumnStore::kExact);
  EXPECT_EQ(shape.columns[3].store, ColumnStore::kText);
  EXPECT_EQ(shape.columns[4].at, 1u) << "the second of the exact columns";
  EXPECT_EQ(shape.inputs[3].first, 4u);
}

TEST(TableShape, AMatrixOfDoublesIsExact) {
  const TableShape shape = TableShapeOf(Of({{"input", DType::kFloat64, {-1, 2}}}, {{"prediction", DType::kFloat64, {-1}}}));
  EXPECT_EQ(shape.exact, 2u);
  EXPECT_FALSE(shape.single_output) << "its doubles are more than floats";
  EXPECT_FALSE(SameStores(shape, FloatTable({"a", "b"})));
  EXPECT_TRUE(SameStores(FloatTable({"c", "d"}), FloatTable({"a", "b"})));
}

TEST(TableShape, WhatIsNoTableSaysWhy) {
  EXPECT_THAT(TableShapeOf(Of({{"image", DType::kFloat32, {-1, -1, 3}}})).refusal, HasSubstr("\"image\" has the shape [-1, -1, 3]"));
  EXPECT_FALSE(TableShapeOf(Of({{"scalar", DType::kFloat32, {}}})).refusal.empty());
  EXPECT_FALSE(TableShapeOf(Of({})).refusal.empty());
  EXPECT_FALSE(TableShapeOf(Of({{"vast", DType::kFloat32, {-1, 1 << 20, 1 << 20}}})).refusal.empty());
  Signature named = Of({{"x", DType::kFloat32, {-1, -1}}});
  EXPECT_FALSE(TableShapeOf(named).refusal.empty());
  named.columns = {"a", "b"};
  EXPECT_THAT(TableShapeOf(named).names, ElementsAre("a", "b")) << "the names tell the open width";
}

TEST(TableShape, AnswersAreOneColumnAnElement) {
  const TableShape shape = TableShapeOf(Of({{"x", DType::kFloat32, {-1, 1}}}, {{"label", DType::kInt64, {-1}},
                                                                               {"probabilities", DType::kFloat32, {-1, 2}},
                                                                               {"map", DType::kFloat32, {-1, 2}, {"no", "yes"}},
                                                                               {"open", DType::kFloat32, {-1, -1}}}));
  EXPECT_THAT(AnswerNames(shape), ElementsAre("label", "probabilities_0", "probabilities_1", "map[no]", "map[yes]"));
  EXPECT_THAT(shape.names, ElementsAre("x"));
}

TEST(TableShape, TheScoreIsTheNumberToWatch) {
  const TensorSpec label{"label", DType::kInt64, {-1}}, words{"label", DType::kString, {-1}};
  const auto score = [](std::vector<TensorSpec> outputs) {
    return TableShapeOf(Of({{"x", DType::kFloat32, {-1, 1}}}, std::move(outputs))).score;
  };
  const ScoreRule positive = score({label, {"probabilities", DType::kFloat32, {-1, 2}}});
  EXPECT_EQ(positive.output, 1);
  EXPECT_EQ(positive.offset, 1u);
  EXPECT_EQ(positive.width, 1u);
  EXPECT_EQ(positive.task, Task::kBinary);
  const ScoreRule classes = score({words, {"p", DType::kFloat32, {-1, 3}}});
  EXPECT_EQ(classes.width, 3u);
  EXPECT_EQ(classes.task, Task::kMulticlass);
  const ScoreRule isolation = score({label, {"scores", DType::kFloat32, {-1, 1}}});
  EXPECT_EQ(isolation.output, 1);
  EXPECT_EQ(isolation.width, 1u);
  EXPECT_EQ(score({{"p", DType::kFloat32, {-1, 2}}, {"q", DType::kFloat64, {-1}}}).width, 2u) << "no label beside it";
  const TensorSpec no{"p[no]", DType::kFloat32, {-1}}, yes{"p[yes]", DType::kFloat32, {-1}}, maybe{"p[maybe]", DType::kFloat32, {-1}};
  const ScoreRule map = score({label, no, yes});
  EXPECT_EQ(map.output, 2) << "a map with an output a key";
  EXPECT_EQ(map.width, 1u);
  EXPECT_EQ(map.task, Task::kBinary);
  const ScoreRule spread = score({label, no, yes, maybe});
  EXPECT_EQ(spread.output, 1);
  EXPECT_EQ(spread.width, 3u);
  EXPECT_TRUE(spread.across);
  EXPECT_EQ(score({label}).output, 0);
  EXPECT_EQ(score({words}).output, -1);
}

TEST(FitsType, WholeNumbersAreWholeAndWithinRange) {
  EXPECT_TRUE(FitsType(DType::kInt8, -128));
  EXPECT_FALSE(FitsType(DType::kInt8, 128));
  EXPECT_FALSE(FitsType(DType::kUint8, -1));
  EXPECT_FALSE(FitsType(DType::kInt64, 0.5));
  EXPECT_FALSE(FitsType(DType::kInt64, std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(FitsType(DType::kInt64, 9007199254740991.0));
  EXPECT_FALSE(FitsType(DType::kInt64, 9007199254740992.0)) << "2^53 + 1 reads as this number too";
  EXPECT_FALSE(FitsType(DType::kBool, 2));
  EXPECT_TRUE(FitsType(DType::kFloat64, std::numeric_limits<double>::quiet_NaN()));
}

TEST(Half, RoundTripsEveryPatternAndRoundsToEven) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = FloatFromHalf(static_cast<uint16_t>(bits));
    if (!std::isnan(value)) {
      EXPECT_EQ(HalfFromFloat(value), bits);
    }
    const float brain = FloatFromBfloat(static_cast<uint16_t>(bits));
    if (!std::isnan(brain)) {
      EXPECT_EQ(BfloatFromFloat(brain), bits);
    }
  }
  EXPECT_EQ(HalfFromFloat(1.0f + 0x1p-11f), 0x3C00) << "a tie goes to the even";
  EXPECT_EQ(HalfFromFloat(1.0f + 3 * 0x1p-11f), 0x3C02);
  EXPECT_EQ(HalfFromFloat(65519.0f), 0x7BFF);
  EXPECT_EQ(HalfFromFloat(65520.0f), 0x7C00);
  EXPECT_EQ(BfloatFromFloat(1.0f + 0x1p-8f), 0x3F80);
  EXPECT_TRUE(std::isnan(FloatFromHalf(HalfFromFloat(std::nanf("")))));
}

TEST(OwnedTensor, ElementsReadAsNumbersWhateverTheirType) {
  OwnedTensor tensor;
  const int64_t shape[] = {2};
  tensor.Reset("n", DType::kInt16, shape);
  tensor.As<int16_t>()[0] = -5;
  tensor.As<int16_t>()[1] = 300;
  EXPECT_EQ(tensor.size(), 2u);
  EXPECT_EQ(tensor.number(0), -5);
  EXPECT_EQ(tensor.whole(1), 300);
  tensor.Reset("u", DType::kUint64, shape);
  tensor.As<uint64_t>()[0] = ~uint64_t{0};
  EXPECT_EQ(tensor.number(0), 18446744073709551616.0);
  tensor.Reset("s", DType::kString, shape);
  EXPECT_TRUE(std::isnan(tensor.number(0)));
}

}  // namespace
}  // namespace vigil
