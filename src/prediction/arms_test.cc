// A champion that takes floats beside versions that take doubles, other orders and whole numbers, and answer otherwise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "prediction/testing/served_fixture.h"
#include "runtime/testing/fake_model.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Answers what it was given: b as a label's text and a as a probability, both in its own types.
testing::FakeModelOptions Echo(std::vector<std::string> columns, DType dtype, DType answer) {
  testing::FakeModelOptions options;
  options.signature.inputs = {{"x", dtype, {-1, static_cast<int64_t>(columns.size())}, {}}};
  options.signature.columns = std::move(columns);
  options.signature.columns_are_named = true;
  options.signature.outputs = {{"note", DType::kString, {-1}, {}}, {"probability", answer, {-1}, {}}};
  const auto at = std::find(options.signature.columns.begin(), options.signature.columns.end(), "a") - options.signature.columns.begin();
  options.score = [at, dtype, answer](const Batch& batch, Outputs* outputs) {
    const TensorView& in = batch.tensors()[0];
    const auto width = in.shape[1], rows = static_cast<int64_t>(batch.rows());
    outputs->tensors.resize(2);
    outputs->tensors[0].Reset("note", DType::kString, {rows});
    outputs->tensors[1].Reset("probability", answer, {rows});
    for (int64_t r = 0; r < rows; ++r) {
      const auto i = static_cast<size_t>(r * width + at);
      const double a =
          dtype == DType::kFloat64 ? static_cast<const double*>(in.data)[i] : static_cast<double>(static_cast<const int64_t*>(in.data)[i]);
      outputs->tensors[0].strings[static_cast<size_t>(r)] = "second";
      if (answer == DType::kFloat32) {
        outputs->tensors[1].floats[static_cast<size_t>(r)] = static_cast<float>(a);
      } else {
        outputs->tensors[1].As<double>()[static_cast<size_t>(r)] = a;
      }
    }
    return absl::OkStatus();
  };
  return options;
}

class ArmsTest : public testing::ServedTest {
 protected:
  // Version 1 is the sum of a and b as floats; version 2 is `options`, of a loader of its own.
  void ServeBeside(testing::FakeModelOptions options, std::shared_ptr<const Schema> schema = nullptr) {
    loaders_.push_back(std::make_unique<testing::FakeLoader>(std::move(options), clock_));
    Serve("m", 0, schema);
    VersionFacts facts;
    facts.model = "m";
    facts.uri = dir_.file("fake");
    std::ofstream(facts.uri, std::ios::binary) << "fake";
    const auto registered = registry_->Register(facts, LoadOptions{}, nullptr, nullptr, false);
    ASSERT_TRUE(registered.ok()) << registered.status();
  }
  Status Plan(double share, std::vector<std::string> shadows = {}) {
    TrafficPlan plan = registry_->snapshot().Load()->models.at("m")->plan;
    plan.salt = "s";
    plan.arms = {{"2", "canary", 0, share}, {"1", "champion", share, 1}};
    plan.shadows = std::move(shadows);
    return registry_->SetPlan("m", plan);
  }
  // One row, as a dialect's parser leaves it.
  RowBatch& Row(double a, double b) {
    target_ = *pipeline_->Resolve("m");
    const TableShape& table = target_.table();
    batch_.Reset(table);
    Add(a, b);
    return batch_;
  }
  void Add(double a, double b) {
    const TableShape& table = target_.table();
    batch_.AddRow();
    const double values[] = {a, b};
    for (size_t i = 0; i < 2; ++i) {
      batch_.values[(batch_.rows - 1) * 2 + i] = static_cast<float>(values[i]);
      if (table.columns[i].store == ColumnStore::kExact) {
        batch_.exact[(batch_.rows - 1) * table.exact + table.columns[i].at] = values[i];
      }
    }
  }
};

TEST_F(ArmsTest, EachArmGetsTheNumberThatCameAndAnswersInTheChampionsForm) {
  ServeBeside(Echo({"b", "a"}, DType::kFloat64, DType::kFloat64));
  ASSERT_TRUE(Plan(0.5).ok());
  Row(0.1, 1);
  for (int i = 1; i < 40; ++i) Add(0.1, 1);
  std::vector<std::string> entities;
  for (int i = 0; i < 40; ++i) entities.push_back("e" + std::to_string(i));
  batch_.entities.assign(entities.begin(), entities.end());
  ASSERT_TRUE(Predict(batch_).ok());
  EXPECT_THAT(result_.tensors, SizeIs(0)) << "callers were promised one FP32 output";
  ASSERT_THAT(result_.versions, SizeIs(40));
  int seconds = 0;
  for (size_t i = 0; i < 40; ++i) {
    const LoggedPrediction& record = log_.records[i];
    EXPECT_EQ(result_.outputs[i], result_.versions[i] == "2" ? 0.1f : 0.1f + 1);
    if (result_.versions[i] != "2") {
      EXPECT_THAT(record.exact, SizeIs(0)) << "the champion's record has the champion's columns";
      EXPECT_THAT(record.features, ElementsAre(0.1f, 1));
      continue;
    }
    ++seconds;
    EXPECT_THAT(record.features, ElementsAre(1, 0.1f)) << "in its own order";
    EXPECT_THAT(record.exact, ElementsAre(1, 0.1)) << "the double that came, not the float that it rounds to";
    EXPECT_THAT(record.answer_numbers, ElementsAre(0.1));
    EXPECT_THAT(record.answer_texts, ElementsAre("second")) << "the log has its whole answer";
    EXPECT_THAT(monitor_.seen[i].features, ElementsAre(1, 0.1f));
  }
  EXPECT_GT(seconds, 5);
}

TEST_F(ArmsTest, AShadowReadsItsOwnTypes) {
  ServeBeside(Echo({"a"}, DType::kFloat64, DType::kFloat32));
  ASSERT_TRUE(Plan(0, {"2"}).ok());
  ASSERT_TRUE(Predict(Row(0.1, 1)).ok());
  EXPECT_THAT(result_.outputs, ElementsAre(0.1f + 1));
  pipeline_->EndTurn();
  ASSERT_THAT(log_.records, SizeIs(2));
  EXPECT_THAT(log_.records[0].features, ElementsAre(0.1f, 1));
  EXPECT_THAT(log_.records[1].exact, ElementsAre(0.1)) << "fewer columns than the champion's";
  EXPECT_THAT(log_.records[1].outputs, ElementsAre(0.1f));
}

TEST_F(ArmsTest, WhatAnArmsTypeDoesNotHoldIsRefusedThereAndNoShadowsAffair) {
  ServeBeside(Echo({"a"}, DType::kInt64, DType::kFloat32));
  ASSERT_TRUE(Plan(1).ok());
  ASSERT_TRUE(Predict(Row(3, 1)).ok());
  EXPECT_THAT(result_.outputs, ElementsAre(3));
  EXPECT_FALSE(Predict(Row(3.5, 1)).ok());
  ASSERT_THAT(result_.errors, SizeIs(1));
  EXPECT_EQ(result_.errors[0].column, "a");
  EXPECT_EQ(result_.errors[0].value, "3.5");
  EXPECT_EQ(result_.errors[0].rule, "type INT64 of version 2");
  ASSERT_TRUE(Plan(0, {"2"}).ok());
  ASSERT_TRUE(Predict(Row(3.5, 1)).ok());
  ASSERT_TRUE(Predict(Row(4, 1)).ok());
  pipeline_->EndTurn();
  EXPECT_EQ(pipeline_->counters().shadow_skipped, 1);
  EXPECT_EQ(pipeline_->counters().shadow_rows, 1);
}

TEST_F(ArmsTest, RulesStayThoseOfFloatsAndCleaningReachesEveryArm) {
  ServeBeside(Echo({"a"}, DType::kFloat64, DType::kFloat64), SchemaOfA([](ColumnRule& a) {
                a.maximum = 0.1;
                a.on_range = CleanPolicy::kClamp;
              }));
  ASSERT_TRUE(Plan(1).ok());
  ASSERT_TRUE(Predict(Row(7, 1)).ok());
  EXPECT_THAT(result_.outputs, ElementsAre(std::nextafter(0.1f, 0.0f))) << "the float bound, as without a plan";
  EXPECT_THAT(log_.records[0].exact, ElementsAre(7)) << "as received";
  EXPECT_THAT(log_.records[0].cleaning, ElementsAre(2));
  EXPECT_FALSE(Predict(Row(1e300, 1)).ok()) << "infinite as the champion's float";
  EXPECT_EQ(result_.errors[0].rule, "infinity");
}

TEST_F(ArmsTest, ThePlanSaysHowItIsTaken) {
  ServeBeside(Echo({"a", "b"}, DType::kFloat64, DType::kFloat64));
  ASSERT_TRUE(Plan(0.5).ok());
  const auto events = catalog_.Timeline("m", 0, 1);
  ASSERT_TRUE(events.ok());
  ASSERT_THAT(*events, SizeIs(1));
  EXPECT_THAT(events->front().summary,
              HasSubstr("version 2 answers `probability` (FP64) where champion 1 answers `prediction` (FP32): taken as the same score"));
}

}  // namespace
}  // namespace vigil
