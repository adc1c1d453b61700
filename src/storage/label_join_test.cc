#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/hash.h"
#include "base/random.h"
#include "base/testing/paths.h"
#include "storage/testing/fake_file_system.h"
#include "storage/testing/log_material.h"

namespace vigil {
namespace {

using testing::FakeFileSystem;
using testing::FraudSchema;
using testing::NumberedRecord;
using testing::ReadAll;
using testing::TempDir;

class LabelJoinTest : public ::testing::Test {
 protected:
  LabelJoinTest() {
    options_.directory = directory_.file("log");
    options_.segment_bytes_max = 16384;  // several segments
    Reopen();
  }
  void Reopen() {
    writer_.reset();
    log_.reset();
    log_ = PredictionLog::Open(options_, clock_).value();
    schema_ = log_->RegisterSchema(FraudSchema()).value();
    writer_ = log_->NewWriter().value();
  }
  PredictionId Log(int64_t i, PredictionStatus status = PredictionStatus::kOk, TimeUs time = 0) {
    NumberedRecord numbered(schema_, i);
    numbered.record.status = status;
    if (time != 0) numbered.record.time = time;
    EXPECT_TRUE(writer_->Append(numbered.record).ok());
    return numbered.record.prediction_id;
  }
  LabelCounts Join(const std::vector<Label>& labels) {
    joined_.clear();
    return log_->Join(labels, [this](const LabelledPrediction& joined) { joined_.push_back(joined); }).value();
  }

  TempDir directory_;
  FakeClock clock_{5 * kHourUs};
  PredictionLogOptions options_;
  std::unique_ptr<PredictionLog> log_;
  std::unique_ptr<LogWriter> writer_;
  uint32_t schema_ = 0;
  std::vector<LabelledPrediction> joined_;
};

TEST_F(LabelJoinTest, FindsByEitherIdAndTellsThePrediction) {
  const PredictionId first = Log(10), second = Log(11);
  ASSERT_TRUE(writer_->Flush().ok());
  const LabelCounts counts = Join({{.prediction_id = second.Text(), .value = 1, .observed_at = 777}, {.id = "tx-10", .value = 0}});
  EXPECT_EQ(counts.accepted, 2);
  ASSERT_EQ(joined_.size(), 2u) << "in the order given";
  EXPECT_EQ(joined_[0].prediction_id, second);
  EXPECT_EQ(joined_[0].label_time, 777);
  EXPECT_EQ(joined_[0].label, 1);
  EXPECT_FALSE(joined_[0].replaced);
  EXPECT_EQ(joined_[0].schema, schema_);
  const NumberedRecord want(schema_, 11);
  EXPECT_EQ(joined_[0].time, want.record.time);
  EXPECT_EQ(joined_[0].latency_us, want.record.latency_us);
  EXPECT_EQ(joined_[0].arm, "champion");
  EXPECT_EQ(joined_[0].outputs, want.outputs);
  EXPECT_EQ(joined_[0].entity_hash, StableHash(want.entity));
  EXPECT_EQ(joined_[1].prediction_id, first);
  EXPECT_EQ(joined_[1].label_time, clock_.NowUs()) << "without a time, when it arrived";
}

TEST_F(LabelJoinTest, IsIdempotentAndTheLaterLabelReplaces) {
  const PredictionId id = Log(1);
  ASSERT_TRUE(writer_->Flush().ok());
  EXPECT_EQ(Join({{.id = "tx-1", .value = 0, .observed_at = 100}}).accepted, 1);
  EXPECT_EQ(Join({{.id = "tx-1", .value = 0, .observed_at = 200}}).duplicate, 1);
  EXPECT_TRUE(joined_.empty());
  EXPECT_EQ(Join({{.prediction_id = id.Text(), .value = 1, .observed_at = 300}}).accepted, 1);
  ASSERT_EQ(joined_.size(), 1u);
  EXPECT_TRUE(joined_[0].replaced);
  EXPECT_EQ(joined_[0].previous_label, 0);
  // Within one batch too: back, forth, and the same again.
  const LabelCounts counts =
      Join({{.id = "tx-1", .value = 1}, {.id = "tx-1", .value = 0}, {.id = "tx-1", .value = 1}, {.id = "tx-1", .value = 1}});
  EXPECT_EQ(counts.accepted, 2);
  EXPECT_EQ(counts.duplicate, 2);
  for (int round = 0; round < 2; ++round) {
    const auto all = ReadAll(*log_, {.with_labels = true});
    ASSERT_EQ(all.size(), 1u);
    EXPECT_TRUE(all[0].labelled);
    EXPECT_EQ(all[0].label, 1);
    // What was known earlier is still known.
    EXPECT_FALSE(ReadAll(*log_, {.with_labels = true, .labels_as_of = 99})[0].labelled);
    EXPECT_EQ(ReadAll(*log_, {.with_labels = true, .labels_as_of = 250})[0].label, 0);
    EXPECT_EQ(ReadAll(*log_, {.with_labels = true, .labels_as_of = 350})[0].label, 1);
    Reopen();
  }
  EXPECT_EQ(Join({{.id = "tx-1", .value = 1}}).duplicate, 1) << "also after a restart";
}

TEST_F(LabelJoinTest, WhatHasNoPredictionIsUnmatched) {
  const PredictionId refused = Log(1, PredictionStatus::kRefused), failed = Log(2, PredictionStatus::kFailed);
  const PredictionId unflushed = Log(3);
  const LabelCounts counts = Join({{.id = "tx-1", .value = 1},
                                   {.prediction_id = failed.Text(), .value = 1},
                                   {.prediction_id = refused.Text(), .value = 1},
                                   {.prediction_id = unflushed.Text(), .value = 1},
                                   {.prediction_id = "not-an-id", .value = 1},
                                   {.prediction_id = PredictionId::Make(900, 4, 2).Text(), .value = 1},
                                   {.prediction_id = PredictionId{UINT64_MAX}.Text(), .value = 1},
                                   {.id = "nobody", .value = 1},
                                   {.value = 1}});
  EXPECT_EQ(counts.unmatched, 9);
  EXPECT_EQ(counts.accepted, 0);
  ASSERT_TRUE(writer_->Flush().ok());
  EXPECT_EQ(Join({{.prediction_id = unflushed.Text(), .value = 1}}).accepted, 1) << "once flushed it is there";
}

TEST_F(LabelJoinTest, ARepeatedIdMeansTheNewestPredictionAndNeverAShadow) {
  Log(1, PredictionStatus::kOk, 1000);
  const PredictionId newest = Log(1, PredictionStatus::kOk, 3000);
  Log(1, PredictionStatus::kOk, 2000);
  const PredictionId shadow = Log(1, PredictionStatus::kShadow, 4000);
  ASSERT_TRUE(writer_->Flush().ok());
  EXPECT_EQ(Join({{.id = "tx-1", .value = 1}}).accepted, 1);
  EXPECT_EQ(joined_.at(0).prediction_id, newest);
  EXPECT_EQ(Join({{.prediction_id = shadow.Text(), .value = 1}}).accepted, 1) << "by its own id a shadow can be judged";
}

TEST_F(LabelJoinTest, RandomLabelsAgreeWithAMapOverRestartsAndRebuilds) {
  Random random(42);
  std::map<int64_t, double> truth;
  std::map<int64_t, PredictionId> ids;
  int64_t next = 0;
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 300; ++i, ++next) ids[next] = Log(next);
    ASSERT_TRUE(writer_->Flush().ok());
    std::vector<Label> labels;
    LabelCounts want;
    for (int i = 0; i < 400; ++i) {
      const int64_t which = static_cast<int64_t>(random.Below(static_cast<uint64_t>(next + 20)));
      Label label;
      label.value = static_cast<double>(random.Below(2));
      if (which < next && random.Below(2) == 0) {
        label.prediction_id = ids[which].Text();
      } else {
        label.id = absl::StrCat("tx-", which);
      }
      if (which >= next) {
        ++want.unmatched;
      } else if (const auto it = truth.find(which); it != truth.end() && it->second == label.value) {
        ++want.duplicate;
      } else {
        ++want.accepted;
        truth[which] = label.value;
      }
      labels.push_back(std::move(label));
    }
    const LabelCounts got = Join(labels);
    EXPECT_EQ(got.accepted, want.accepted) << round;
    EXPECT_EQ(got.duplicate, want.duplicate) << round;
    EXPECT_EQ(got.unmatched, want.unmatched) << round;
    if (round % 3 == 1) Reopen();
    if (round % 4 == 2) {
      writer_.reset();
      log_.reset();
      std::filesystem::remove_all(options_.directory + "/index");
      Reopen();
    }
    if (round == 5) {  // one array lost, the rest kept
      writer_.reset();
      log_.reset();
      for (const auto& entry : std::filesystem::directory_iterator(options_.directory + "/index")) {
        if (entry.path().filename().string().starts_with("slots-")) {
          std::filesystem::remove(entry.path());
          break;
        }
      }
      Reopen();
    }
  }
  const auto all = ReadAll(*log_, {.with_labels = true});
  ASSERT_EQ(all.size(), static_cast<size_t>(next));
  for (const LoggedPrediction& prediction : all) {
    const int64_t i = std::stoll(prediction.id.substr(3));
    ASSERT_EQ(prediction.labelled, truth.contains(i)) << i;
    ASSERT_EQ(prediction.label, prediction.labelled ? truth[i] : 0) << i;
  }
}

TEST_F(LabelJoinTest, RetiredSegmentsTakeTheirLabelsAlong) {
  options_.retention_us = kHourUs;
  clock_.Set(kSecondUs);
  options_.directory = directory_.file("retiring");
  Reopen();
  std::vector<PredictionId> ids;
  for (int64_t i = 0; i < 300; ++i) ids.push_back(Log(i));
  ASSERT_TRUE(writer_->Flush().ok());
  std::vector<Label> labels;
  for (const PredictionId id : ids) labels.push_back({.prediction_id = id.Text(), .value = 1});
  ASSERT_EQ(Join(labels).accepted, 300);
  Reopen();
  clock_.Advance(2 * kHourUs);
  ASSERT_TRUE(log_->Maintain().ok());
  EXPECT_TRUE(ReadAll(*log_, {.with_labels = true}).empty());
  EXPECT_EQ(Join(labels).unmatched, 300);
  EXPECT_EQ(Join({{.id = "tx-5", .value = 1}}).unmatched, 1);
  Log(5);
  ASSERT_TRUE(writer_->Flush().ok());
  EXPECT_EQ(Join({{.id = "tx-5", .value = 1}}).accepted, 1) << "the id is free for a new prediction";
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory + "/index")) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("slots-0000-0000000")) << entry.path();
  }
}

TEST(LabelJoinFaults, AFullDiskRefusesWithoutForgetting) {
  FakeFileSystem disk;
  FakeClock clock(kHourUs);
  PredictionLogOptions options;
  options.directory = "/log";
  const auto log = PredictionLog::Open(options, clock, &disk).value();
  const uint32_t schema = log->RegisterSchema(FraudSchema()).value();
  const auto writer = log->NewWriter().value();
  for (int64_t i = 0; i < 10; ++i) {
    NumberedRecord numbered(schema, i);
    ASSERT_TRUE(writer->Append(numbered.record).ok());
  }
  ASSERT_TRUE(writer->Flush().ok());
  ASSERT_EQ(log->Join({{.id = "tx-1", .value = 1}}, nullptr).value().accepted, 1);
  disk.SetCapacity(disk.TotalBytes());
  int joined = 0;
  const auto refused = log->Join({{.id = "tx-2", .value = 1}}, [&](const LabelledPrediction&) { ++joined; });
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << refused.status();
  EXPECT_EQ(joined, 0);
  EXPECT_FALSE(ReadAll(*log, {.with_labels = true})[2].labelled);
  disk.SetCapacity(INT64_MAX);
  EXPECT_EQ(log->Join({{.id = "tx-2", .value = 1}}, nullptr).value().accepted, 1) << "the refused label left no trace";
  disk.FailSyncs(1);
  EXPECT_FALSE(log->Join({{.id = "tx-3", .value = 1}}, nullptr).ok());
  EXPECT_EQ(log->Join({{.id = "tx-3", .value = 1}}, nullptr).value().accepted, 1);
  const auto after = disk.AfterPowerFailure(0);
  const auto again = PredictionLog::Open(options, clock, after.get()).value();
  // The label log outlives its predictions here (they were never synced), and keeps quiet about it.
  EXPECT_TRUE(again->Verify().ok());
  EXPECT_EQ(again->Join({{.id = "tx-1", .value = 1}}, nullptr).status(), absl::OkStatus());
}

TEST(LabelJoinFaults, AcknowledgedLabelsSurviveKillAndPowerFailure) {
  FakeFileSystem disk;
  FakeClock clock(kHourUs);
  PredictionLogOptions options;
  options.directory = "/log";
  options.sync = LogSync::kAlways;
  const auto log = PredictionLog::Open(options, clock, &disk).value();
  const uint32_t schema = log->RegisterSchema(FraudSchema()).value();
  const auto writer = log->NewWriter().value();
  for (int64_t i = 0; i < 50; ++i) {
    NumberedRecord numbered(schema, i);
    ASSERT_TRUE(writer->Append(numbered.record).ok());
  }
  ASSERT_TRUE(writer->Flush().ok());
  for (int64_t i = 0; i < 50; i += 2) ASSERT_EQ(log->Join({{.id = absl::StrCat("tx-", i), .value = 1}}, nullptr).value().accepted, 1);
  for (const auto& after : {disk.AfterKill(), disk.AfterPowerFailure(0), disk.AfterPowerFailure(7)}) {
    const auto again = PredictionLog::Open(options, clock, after.get()).value();
    const auto all = ReadAll(*again, {.with_labels = true});
    ASSERT_EQ(all.size(), 50u);
    for (size_t i = 0; i < 50; ++i) EXPECT_EQ(all[i].labelled, i % 2 == 0) << i;
    EXPECT_EQ(again->Join({{.id = "tx-4", .value = 1}}, nullptr).value().duplicate, 1);
  }
}

}  // namespace
}  // namespace vigil
