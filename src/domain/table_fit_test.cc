#include "domain/table_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Signature Matrix(DType dtype, std::vector<std::string> columns, std::vector<TensorSpec> outputs) {
  Signature signature;
  signature.inputs = {{"input", dtype, {-1, static_cast<int64_t>(columns.size())}, {}}};
  signature.columns = std::move(columns);
  signature.columns_are_named = true;
  signature.outputs = std::move(outputs);
  return signature;
}
Signature Xgboost() { return Matrix(DType::kFloat32, {"a", "b"}, {{"prediction", DType::kFloat32, {-1}, {}}}); }
Signature Lightgbm(std::vector<std::string> columns) {
  return Matrix(DType::kFloat64, std::move(columns), {{"prediction", DType::kFloat64, {-1}, {}}});
}
Signature Classifier(DType label) {
  return Matrix(DType::kFloat32, {"a", "b"}, {{"label", label, {-1}, {}}, {"probabilities", DType::kFloat32, {-1, 2}, {}}});
}
StatusOr<VersionFit> Fit(const Signature& champion, const Signature& version) {
  return FitVersion(champion, TableShapeOf(champion), version, TableShapeOf(version), "champion 1", "version 2");
}
std::string Refusal(const Signature& champion, const Signature& version) {
  const auto fit = Fit(champion, version);
  return fit.ok() ? "" : std::string(fit.status().message());
}

TEST(TableFitTest, TheSameModelNeedsNothing) {
  const auto fit = Fit(Xgboost(), Xgboost());
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_TRUE(fit->columns.in_place && fit->columns.same_stores && fit->answers.alike);
  EXPECT_THAT(fit->notes, IsEmpty());
}

TEST(TableFitTest, ModelsThatNoTableFitsTakeTheSameTensors) {
  Signature echo;
  echo.inputs = {{"in", DType::kInt64, {-1, -1}, {}}};
  echo.outputs = {{"out", DType::kInt64, {-1, -1}, {}}};
  const auto fit = Fit(echo, echo);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_TRUE(fit->columns.in_place && fit->answers.alike);
  Signature other = echo;
  other.inputs[0].dtype = DType::kInt32;
  EXPECT_THAT(Refusal(echo, other), HasSubstr("they take other tensors"));
  EXPECT_THAT(Refusal(echo, Xgboost()), HasSubstr("version 2 cannot stand beside champion 1"));
}

TEST(TableFitTest, DoublesInAnotherOrderAreRead) {
  const auto fit = Fit(Xgboost(), Lightgbm({"b", "a"}));
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_THAT(fit->columns.from, ElementsAre(1, 0));
  EXPECT_FALSE(fit->columns.in_place);
  EXPECT_FALSE(fit->answers.alike);
  ASSERT_THAT(fit->answers.elements, SizeIs(1));
  ASSERT_THAT(fit->notes, SizeIs(2));
  EXPECT_THAT(fit->notes[0], HasSubstr("version 2 takes b as FP64 instead of FP32, a as FP64"));
  EXPECT_THAT(fit->notes[1], HasSubstr("answers `prediction` (FP64) where champion 1 answers `prediction` (FP32)"));
}

TEST(TableFitTest, TheScoreIsFoundUnderAnotherName) {
  const auto fit = Fit(Xgboost(), Classifier(DType::kInt64));
  ASSERT_TRUE(fit.ok()) << fit.status();
  ASSERT_THAT(fit->answers.elements, SizeIs(1));
  EXPECT_EQ(fit->answers.elements[0].output, 1u);
  EXPECT_EQ(fit->answers.elements[0].offset, 1u) << "of the positive class";
  EXPECT_THAT(fit->notes[0], HasSubstr("`probabilities_1` (FP32) where champion 1 answers `prediction` (FP32): taken as the same score"));
}

TEST(TableFitTest, FewerColumnsAreFineAndMoreAreNot) {
  const auto fit = Fit(Xgboost(), Lightgbm({"b"}));
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_THAT(fit->notes[1], HasSubstr("takes 1 of champion 1's 2 columns"));
  EXPECT_THAT(Refusal(Xgboost(), Lightgbm({"a", "bb", "b"})), HasSubstr("the rows lack the model's column \"bb\""));
}

TEST(TableFitTest, WhatCannotBeGivenIsRefusedByName) {
  Signature texts = Xgboost();
  texts.inputs = {{"a", DType::kFloat32, {-1}, {}}, {"b", DType::kString, {-1}, {}}};
  EXPECT_THAT(Refusal(Xgboost(), texts), HasSubstr("they differ in the type of column \"b\": BYTES and FP32"));
  EXPECT_THAT(Refusal(texts, Xgboost()), HasSubstr("they differ in the type of column \"b\": FP32 and BYTES"));
  EXPECT_THAT(Refusal(Classifier(DType::kInt64), Xgboost()),
              HasSubstr("callers are answered \"label\", which the new version does not give"));
  EXPECT_THAT(Refusal(Classifier(DType::kInt64), Classifier(DType::kString)), HasSubstr("type of output \"label\": BYTES and INT64"));
  Signature three = Xgboost();
  three.outputs[0].shape = {-1, 3};
  three.output_width = 3;
  EXPECT_THAT(Refusal(Xgboost(), three), HasSubstr("they answer 3 and 1 numbers a row"));
}

TEST(TableFitTest, WholeColumnsAreNarrowAndLabelsMayWiden) {
  Signature whole = Xgboost();
  whole.inputs[0].dtype = DType::kInt64;
  const auto fit = Fit(Xgboost(), whole);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_THAT(fit->columns.narrow, ElementsAre(0, 1));
  const auto back = Fit(whole, Xgboost());
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_THAT(back->columns.narrow, IsEmpty());
  EXPECT_EQ(Refusal(Classifier(DType::kInt64), Classifier(DType::kInt32)), "");
  EXPECT_THAT(Refusal(Classifier(DType::kInt32), Classifier(DType::kInt64)), HasSubstr("type of output \"label\""));
}

TEST(TableFitTest, NamesThatWereMadeUpGoByPlace) {
  Signature unnamed = Xgboost();
  unnamed.columns.clear();
  const auto fit = Fit(Xgboost(), unnamed);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_TRUE(fit->columns.in_place);
}

TEST(TableFitTest, TheWidenedTableKeepsFloatsAndDoubles) {
  const TableShape champion = TableShapeOf(Xgboost()), doubles = TableShapeOf(Lightgbm({"b"}));
  const auto fit = FitColumns(champion, doubles);
  ASSERT_TRUE(fit.ok()) << fit.status();
  const TableShape table = WidenedFor(champion, {&*fit}, {&doubles});
  EXPECT_EQ(table.exact, 1u);
  EXPECT_EQ(table.columns[1].store, ColumnStore::kExact);
  EXPECT_EQ(table.columns[1].dtype, DType::kFloat32) << "rules stay the champion's";
  EXPECT_EQ(table.columns[0].at, 0u);
  const float floats[] = {1, 0.5f};
  const double exact[] = {0.5};
  TableShape whole = doubles;
  whole.columns[0].dtype = DType::kInt32;
  const auto narrow = FitColumns(table, whole);
  ASSERT_TRUE(narrow.ok());
  EXPECT_EQ(FindMisfit({&table, 1, floats, exact, nullptr}, 0, *narrow, whole), 0);
  const double two[] = {2};
  EXPECT_EQ(FindMisfit({&table, 1, floats, two, nullptr}, 0, *narrow, whole), -1);
}

}  // namespace
}  // namespace vigil
