#include "storage/prediction_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

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

class PredictionLogTest : public ::testing::Test {
 protected:
  PredictionLogTest() { options_.directory = directory_.file("log"); }
  std::unique_ptr<PredictionLog> Open() { return PredictionLog::Open(options_, clock_).value(); }
  // Appends records [from, to) with `writer` and flushes; their ids.
  static std::vector<PredictionId> Append(LogWriter& writer, uint32_t schema, int64_t from, int64_t to) {
    std::vector<PredictionId> ids;
    for (int64_t i = from; i < to; ++i) {
      NumberedRecord numbered(schema, i);
      const PredictionId next = writer.NextId();
      EXPECT_TRUE(writer.Append(numbered.record).ok());
      EXPECT_EQ(numbered.record.prediction_id, next);
      ids.push_back(next);
    }
    EXPECT_TRUE(writer.Flush().ok());
    return ids;
  }

  TempDir directory_;
  FakeClock clock_{1'000'000'000};
  PredictionLogOptions options_;
};

void ExpectIsNumbered(const LoggedPrediction& got, int64_t i) {
  const NumberedRecord want(got.schema, i);
  EXPECT_EQ(got.id, want.id);
  EXPECT_EQ(got.entity, want.entity);
  EXPECT_EQ(got.arm, "champion");
  EXPECT_EQ(got.time, want.record.time);
  EXPECT_EQ(got.latency_us, want.record.latency_us);
  EXPECT_EQ(got.outputs, want.outputs);
  EXPECT_EQ(got.cleaning, want.cleaning);
  ASSERT_EQ(got.features.size(), want.features.size());
  for (size_t c = 0; c < want.features.size(); ++c) {
    if (std::isnan(want.features[c])) {
      EXPECT_TRUE(std::isnan(got.features[c]));
    } else {
      EXPECT_EQ(got.features[c], want.features[c]);
    }
  }
}

TEST_F(PredictionLogTest, ReadsBackWhatWasWrittenAlsoAfterAReopen) {
  std::vector<PredictionId> ids;
  {
    auto log = Open();
    const uint32_t schema = log->RegisterSchema(FraudSchema()).value();
    auto writer = log->NewWriter().value();
    ids = Append(*writer, schema, 0, 100);
    const auto live = ReadAll(*log);
    ASSERT_EQ(live.size(), 100u);
    for (int64_t i = 0; i < 100; ++i) ExpectIsNumbered(live[static_cast<size_t>(i)], i);
    EXPECT_EQ(log->counters().records, 100);
    EXPECT_TRUE(log->Verify().ok());
  }
  auto log = Open();
  const auto all = ReadAll(*log);
  ASSERT_EQ(all.size(), 100u);
  for (size_t i = 0; i < 100; ++i) {
    ExpectIsNumbered(all[i], static_cast<int64_t>(i));
    EXPECT_EQ(all[i].prediction_id, ids[i]);
  }
  EXPECT_EQ(log->counters().torn_bytes_cut, 0);
  EXPECT_TRUE(log->Verify().ok());
  EXPECT_EQ(log->FindSchema(all[0].schema).value().columns, FraudSchema().columns);
}

TEST_F(PredictionLogTest, WhatIsNotFlushedIsNotSeen) {
  auto log = Open();
  const uint32_t schema = log->RegisterSchema(FraudSchema()).value();
  auto writer = log->NewWriter().value();
  NumberedRecord numbered(schema, 1);
  ASSERT_TRUE(writer->Append(numbered.record).ok());
  EXPECT_TRUE(ReadAll(*log).empty());
  ASSERT_TRUE(writer->Flush().ok());
  EXPECT_EQ(ReadAll(*log).size(), 1u);
}

TEST_F(PredictionLogTest, SchemaNumbersAreForEver) {
  uint32_t one, two;
  {
    auto log = Open();
    one = log->RegisterSchema(FraudSchema("1")).value();
    two = log->RegisterSchema(FraudSchema("2")).value();
    EXPECT_NE(one, two);
    EXPECT_EQ(log->RegisterSchema(FraudSchema("1")).value(), one);
    EXPECT_TRUE(absl::IsNotFound(log->FindSchema(77).status()));
  }
  EXPECT_EQ(Open()->RegisterSchema(FraudSchema("2")).value(), two);
}

TEST_F(PredictionLogTest, SchemasComeBackFromTheSegmentsWhenTheirFileIsLost) {
  uint32_t number;
  {
    auto log = Open();
    log->RegisterSchema(FraudSchema("unused")).value();
    number = log->RegisterSchema(FraudSchema("7")).value();
    auto writer = log->NewWriter().value();
    Append(*writer, number, 0, 3);
  }
  std::filesystem::remove(options_.directory + "/schemas");
  auto log = Open();
  EXPECT_EQ(log->FindSchema(number).value().version, "7");
  EXPECT_EQ(log->RegisterSchema(FraudSchema("7")).value(), number);
}

TEST_F(PredictionLogTest, SensitiveColumnsNeverReachTheDisk) {
  auto log = Open();
  LogSchema schema = FraudSchema();
  schema.redacted = {0, 0, 1};
  const uint32_t number = log->RegisterSchema(schema).value();
  auto writer = log->NewWriter().value();
  NumberedRecord numbered(number, 4);
  numbered.features[2] = 123456.75f;
  numbered.record.features = numbered.features;
  ASSERT_TRUE(writer->Append(numbered.record).ok());
  ASSERT_TRUE(writer->Flush().ok());
  const auto all = ReadAll(*log);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].features[0], numbered.features[0]);
  EXPECT_TRUE(std::isnan(all[0].features[2]));
  // Marking another column takes effect at once.
  schema.redacted = {1, 0, 1};
  EXPECT_EQ(log->RegisterSchema(schema).value(), number);
  Append(*writer, number, 8, 9);
  EXPECT_TRUE(std::isnan(ReadAll(*log)[1].features[0]));
}

TEST_F(PredictionLogTest, IdsNeverRepeat) {
  options_.segment_bytes_max = 4096;
  std::set<uint64_t> seen;
  size_t written = 0;
  for (int start = 0; start < 4; ++start) {
    auto log = Open();
    const uint32_t schema = log->RegisterSchema(FraudSchema()).value();
    std::vector<std::unique_ptr<LogWriter>> writers;
    for (int w = 0; w < 3; ++w) writers.push_back(log->NewWriter().value());
    for (auto& writer : writers) {
      for (const PredictionId id : Append(*writer, schema, 0, 60)) seen.insert(id.value), ++written;
    }
    if (start == 2) {  // even when everything that used them is gone
      writers.clear();
      clock_.Advance(options_.retention_us + kDayUs);
      ASSERT_TRUE(log->Maintain().ok());
      EXPECT_TRUE(ReadAll(*log).empty());
    }
  }
  EXPECT_EQ(seen.size(), written);
}

TEST_F(PredictionLogTest, RotatesAndKeepsEveryRecord) {
  options_.segment_bytes_max = 8192;
  auto log = Open();
  const uint32_t schema = log->RegisterSchema(FraudSchema()).value();
  auto writer = log->NewWriter().value();
  for (int64_t i = 0; i < 1000; i += 10) {
    Append(*writer, schema, i, i + 10);
    clock_.Advance(1);
  }
  EXPECT_GT(log->counters().segments, 10);
  const auto all = ReadAll(*log);
  ASSERT_EQ(all.size(), 1000u);
  for (size_t i = 0; i < all.size(); ++i) ExpectIsNumbered(all[i], static_cast<int64_t>(i));
  EXPECT_TRUE(log->Verify().ok());
}

TEST_F(PredictionLogTest, QueriesFilterByModelVersionTimeAndShadows) {
  auto log = Open();
  const uint32_t v1 = log->RegisterSchema(FraudSchema("1")).value(), v2 = log->RegisterSchema(FraudSchema("2")).value();
  auto writer = log->NewWriter().value();
  Append(*writer, v1, 0, 10);
  Append(*writer, v2, 10, 30);
  NumberedRecord shadow(v2, 30);
  shadow.record.status = PredictionStatus::kShadow;
  ASSERT_TRUE(writer->Append(shadow.record).ok());
  ASSERT_TRUE(writer->Flush().ok());
  EXPECT_EQ(ReadAll(*log, {.model = "fraud"}).size(), 30u);
  EXPECT_EQ(ReadAll(*log, {.model = "churn"}).size(), 0u);
  EXPECT_EQ(ReadAll(*log, {.version = "2"}).size(), 20u);
  EXPECT_EQ(ReadAll(*log, {.version = "2", .shadows = true}).size(), 21u);
  const auto some = ReadAll(*log, {.from = 1'000'000 + 5000, .to = 1'000'000 + 12000});
  ASSERT_EQ(some.size(), 7u);
  ExpectIsNumbered(some.front(), 5);
  int visited = 0;
  ASSERT_TRUE(log->Scan({}, [&](const LoggedPrediction&) { return ++visited < 4; }).ok());
  EXPECT_EQ(visited, 4);
}

TEST_F(PredictionLogTest, RetentionGoesByPredictionTimeAndByBytes) {
  options_.segment_bytes_max = 8192;
  options_.retention_us = 1000 * kSecondUs;
  clock_.Set(kSecondUs);
  auto log = Open();
  const uint32_t schema = log->RegisterSchema(FraudSchema()).value();
  auto writer = log->NewWriter().value();
  Append(*writer, schema, 0, 500);  // times 1 s ... 1.5 s
  ASSERT_GT(log->counters().segments, 4);
  clock_.Set(1000 * kSecondUs);
  ASSERT_TRUE(log->Maintain().ok());
  EXPECT_EQ(ReadAll(*log).size(), 500u) << "nothing is old enough";
  clock_.Set(1001 * kSecondUs + 250'000);
  ASSERT_TRUE(log->Maintain().ok());
  const auto left = ReadAll(*log);
  EXPECT_LT(left.size(), 500u);
  EXPECT_GE(left.size(), 250u) << "no record younger than the limit may go";
  EXPECT_EQ(left.back().id, "tx-499");
  // A replay of old events under today's clock loses nothing.
  clock_.Set(2000 * kDayUs);
  const auto late = log->NewWriter().value();
  Append(*late, schema, 1000, 1500);
  ASSERT_TRUE(log->Maintain().ok());
  EXPECT_GE(ReadAll(*log, {.from = 2 * kSecondUs}).size(), 500u);

  options_.directory = directory_.file("small");
  options_.disk_bytes_max = 30'000;
  auto small = Open();
  const uint32_t other = small->RegisterSchema(FraudSchema()).value();
  auto small_writer = small->NewWriter().value();
  Append(*small_writer, other, 0, 1000);
  ASSERT_TRUE(small->Maintain().ok());
  EXPECT_LE(small->counters().disk_bytes, 30'000);
  EXPECT_EQ(ReadAll(*small).back().id, "tx-999");
}

TEST_F(PredictionLogTest, OneOwnerAtATimeAndReadersBesideIt) {
  auto log = Open();
  const uint32_t schema = log->RegisterSchema(FraudSchema()).value();
  auto writer = log->NewWriter().value();
  const auto ids = Append(*writer, schema, 0, 20);
  ASSERT_EQ(log->Join({{.prediction_id = ids[3].Text(), .value = 1}}, nullptr).value().accepted, 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(PredictionLog::Open(options_, clock_).status()));
  PredictionLogOptions reading = options_;
  reading.read_only = true;
  const auto reader = PredictionLog::Open(reading, clock_).value();
  const auto all = ReadAll(*reader, {.with_labels = true});
  ASSERT_EQ(all.size(), 20u);
  EXPECT_TRUE(all[3].labelled);
  EXPECT_FALSE(all[4].labelled);
  EXPECT_TRUE(reader->Verify().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(reader->NewWriter().status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(reader->Join({}, nullptr).status()));
}

TEST_F(PredictionLogTest, MalformedRecordsAreRefusedAndCounted) {
  auto log = Open();
  const uint32_t schema = log->RegisterSchema(FraudSchema()).value();
  auto writer = log->NewWriter().value();
  NumberedRecord unknown(schema + 5, 0);
  EXPECT_TRUE(absl::IsInvalidArgument(writer->Append(unknown.record)));
  NumberedRecord marks(schema, 1);
  marks.cleaning.assign(9, 1);
  marks.record.cleaning = marks.cleaning;
  EXPECT_TRUE(absl::IsInvalidArgument(writer->Append(marks.record)));
  NumberedRecord huge(schema, 2);
  huge.id.assign(17 << 20, 'x');
  huge.record.id = huge.id;
  EXPECT_TRUE(absl::IsInvalidArgument(writer->Append(huge.record)));
  Append(*writer, schema, 3, 4);
  EXPECT_EQ(log->counters().dropped, 3);
  EXPECT_EQ(ReadAll(*log).size(), 1u);
  LogSchema wrong = FraudSchema("9");
  wrong.redacted = {1};
  EXPECT_TRUE(absl::IsInvalidArgument(log->RegisterSchema(wrong).status()));
}

TEST_F(PredictionLogTest, WritersScansAndJoinsRunTogether) {
  options_.segment_bytes_max = 64 << 10;
  options_.sync_interval_ms = 1;
  auto log = Open();
  const uint32_t schema = log->RegisterSchema(FraudSchema()).value();
  constexpr int kThreads = 3;
  constexpr int64_t kEach = 3000;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      auto writer = log->NewWriter().value();
      for (int64_t i = 0; i < kEach; i += 10) Append(*writer, schema, t * kEach + i, t * kEach + i + 10);
      --running;
    });
  }
  int64_t accepted = 0;
  size_t last = 0;
  while (running > 0) {
    std::vector<Label> labels;
    const auto seen = ReadAll(*log, {.with_labels = true});
    EXPECT_GE(seen.size(), last) << "what was seen once stays";
    last = seen.size();
    for (const LoggedPrediction& prediction : seen) {
      if (!prediction.labelled && labels.size() < 500) labels.push_back({.id = prediction.id, .value = 1});
    }
    accepted += log->Join(labels, nullptr).value().accepted;
    ASSERT_TRUE(log->Maintain().ok());
  }
  for (std::thread& thread : threads) thread.join();
  const auto all = ReadAll(*log, {.with_labels = true});
  ASSERT_EQ(all.size(), static_cast<size_t>(kThreads * kEach));
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const auto& p) { return p.labelled; }), accepted);
  EXPECT_TRUE(log->Verify().ok());
  EXPECT_EQ(log->counters().dropped, 0);
}

}  // namespace
}  // namespace vigil
