#include "service/rollout_evidence.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/testing/paths.h"
#include "storage/testing/log_material.h"

namespace vigil {
namespace {

using testing::FraudSchema;
using testing::NumberedRecord;
using testing::TempDir;

class RolloutEvidenceTest : public ::testing::Test {
 protected:
  RolloutEvidenceTest() {
    PredictionLogOptions options;
    options.directory = directory_.file("log");
    log_ = PredictionLog::Open(options, clock_).value();
    champion_ = log_->RegisterSchema(FraudSchema("1")).value();
    candidate_ = log_->RegisterSchema(FraudSchema("2")).value();
    writer_ = log_->NewWriter().value();
    rollout_.model = "fraud";
    rollout_.candidate = "2";
    rollout_.champion = "1";
    rollout_.state = RolloutState::kRamping;
    rollout_.step_started = 0;
  }

  // Logs one row of entity `i`, whose label will be 0.
  void Log(uint32_t schema, int64_t i, const std::string& arm, PredictionStatus status, float score, uint32_t latency_us = 1) {
    NumberedRecord row(schema, i);
    row.record.latency_us = latency_us;
    row.entity = absl::StrCat("card-", i);
    row.record.entity = row.entity;
    row.record.arm = arm;
    row.record.status = status;
    row.outputs = {score};
    row.record.outputs = status == PredictionStatus::kOk ? absl::Span<const float>(row.outputs) : absl::Span<const float>();
    ASSERT_TRUE(writer_->Append(row.record).ok());
    labels_.push_back({.id = row.id, .value = 0, .observed_at = 2'000'000});
  }

  RolloutEvidence Gather() {
    EXPECT_TRUE(writer_->Flush().ok());
    EXPECT_TRUE(log_->Join(labels_, nullptr).ok());
    return GatherEvidence(*log_, rollout_, Task::kBinary, 10'000'000).value();
  }

  TempDir directory_;
  FakeClock clock_{1'000'000};
  std::unique_ptr<PredictionLog> log_;
  std::unique_ptr<LogWriter> writer_;
  uint32_t champion_ = 0, candidate_ = 0;
  Rollout rollout_;
  std::vector<Label> labels_;
};

TEST_F(RolloutEvidenceTest, SumsLossesByArmAndEntity) {
  Log(champion_, 1, "control", PredictionStatus::kOk, 0.5f);
  Log(champion_, 2, "control", PredictionStatus::kOk, 0.25f);
  Log(candidate_, 3, "canary", PredictionStatus::kOk, 0.75f);
  Log(candidate_, 4, "canary", PredictionStatus::kFailed, 0);
  const RolloutEvidence evidence = Gather();
  EXPECT_EQ(evidence.control.predictions, 2);
  EXPECT_EQ(evidence.control.entities, 2);
  EXPECT_NEAR(evidence.control.sum, -std::log(0.5) - std::log(0.75), 1e-6);
  EXPECT_EQ(evidence.treatment.predictions, 2);
  EXPECT_EQ(evidence.treatment.failures, 1);
  EXPECT_EQ(evidence.treatment.assigned, 2);
  EXPECT_EQ(evidence.treatment.entities, 1);
  EXPECT_NEAR(evidence.treatment.sum, -std::log(0.25), 1e-6);
}

TEST_F(RolloutEvidenceTest, OneSlowRequestIsNoTailHoweverManyRowsItHas) {
  int64_t row = 0;
  const auto request = [&](int64_t rows, uint32_t latency_us) {
    for (const int64_t end = row + rows; row < end; ++row) Log(candidate_, row, "canary", PredictionStatus::kOk, 0.5f, latency_us);
  };
  for (uint32_t i = 0; i < 20; ++i) request(10, 100 + i);
  request(50, 9000);
  EXPECT_LE(Gather().treatment.latency_p99_us, 120);
  for (uint32_t i = 0; i < 9; ++i) request(5, 8000 + i);
  EXPECT_GE(Gather().treatment.latency_p99_us, 8000) << "ten of thirty";
}

TEST_F(RolloutEvidenceTest, RefusedRowsAndVersionsAskedForByNumberAreNoEvidence) {
  Log(candidate_, 1, "canary", PredictionStatus::kOk, 0.5f);
  Log(candidate_, 2, "explicit", PredictionStatus::kOk, 0.99f);
  Log(champion_, 3, "explicit", PredictionStatus::kOk, 0.99f);
  Log(champion_, 4, "control", PredictionStatus::kRefused, 0);
  Log(candidate_, 5, "canary", PredictionStatus::kRefused, 0);
  const RolloutEvidence evidence = Gather();
  EXPECT_EQ(evidence.treatment.predictions, 1);
  EXPECT_EQ(evidence.treatment.assigned, 1);
  EXPECT_EQ(evidence.treatment.failures, 0);
  EXPECT_NEAR(evidence.treatment.sum, -std::log(0.5), 1e-6);
  EXPECT_EQ(evidence.control.predictions, 0);
  EXPECT_EQ(evidence.control.assigned, 0);
}

}  // namespace
}  // namespace vigil
