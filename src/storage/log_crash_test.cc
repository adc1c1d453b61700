// What is left of the log after its disk or its process failed.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "storage/log_format.h"
#include "storage/testing/fake_file_system.h"
#include "storage/testing/log_material.h"

namespace vigil {
namespace {

using testing::FakeFileSystem;
using testing::FraudSchema;
using testing::NumberedRecord;
using testing::ReadAll;

constexpr char kSegment[] = "/log/predictions-0000-0000000.log";

class LogCrashTest : public ::testing::Test {
 protected:
  LogCrashTest() {
    options_.directory = "/log";
    options_.segment_bytes_max = 64 << 10;
    options_.sync_interval_ms = 3'600'000;  // never by itself: tests say when
  }
  std::unique_ptr<PredictionLog> Open(FakeFileSystem& disk) { return PredictionLog::Open(options_, clock_, &disk).value(); }
  // A log on `disk_` with records [0, n) flushed, one at a time.
  void Write(int64_t n) {
    log_ = Open(disk_);
    schema_ = log_->RegisterSchema(FraudSchema()).value();
    writer_ = log_->NewWriter().value();
    for (int64_t i = 0; i < n; ++i) Append(i);
  }
  void Append(int64_t i) {
    NumberedRecord numbered(schema_, i);
    ASSERT_TRUE(writer_->Append(numbered.record).ok());
    ASSERT_TRUE(writer_->Flush().ok());
  }
  static std::vector<std::string> Ids(const PredictionLog& log) {
    std::vector<std::string> ids;
    for (const LoggedPrediction& prediction : ReadAll(log)) ids.push_back(prediction.id);
    return ids;
  }

  FakeFileSystem disk_;
  FakeClock clock_{kHourUs};
  PredictionLogOptions options_;
  std::unique_ptr<PredictionLog> log_;
  std::unique_ptr<LogWriter> writer_;
  uint32_t schema_ = 0;
};

TEST_F(LogCrashTest, AKilledProcessLosesNothingThatWasFlushed) {
  Write(20);
  NumberedRecord unflushed(schema_, 20);
  ASSERT_TRUE(writer_->Append(unflushed.record).ok());
  const auto after = disk_.AfterKill();
  const auto log = Open(*after);
  EXPECT_EQ(Ids(*log).size(), 20u);
  EXPECT_EQ(log->counters().torn_bytes_cut, 0) << "reserved space is no torn tail";
  EXPECT_TRUE(log->Verify().ok());
}

TEST_F(LogCrashTest, APowerFailureAtAnyByteOfTheLastRecordCutsOnlyThatRecord) {
  options_.sync = LogSync::kAlways;
  Write(5);
  // The last record's bytes: what an unsynced writer adds to the same disk.
  options_.sync = LogSync::kOff;
  NumberedRecord last(schema_, 5);
  const int64_t bytes = static_cast<int64_t>(PredictionFrameBytes(last.record));
  disk_.FailSyncs(0);
  const auto before = disk_.AfterPowerFailure(0);
  {
    const auto log = Open(*before);
    EXPECT_EQ(Ids(*log).size(), 5u);
  }
  // As kAlways would have synced it, write the frame behind the log's back, one byte shorter each time.
  std::string frame(static_cast<size_t>(bytes), '\0');
  last.record.prediction_id = PredictionId::Make(0, 0, 5);
  EncodePredictionFrame(last.record, frame.data());
  const int64_t end = [&] {
    const auto disk = disk_.AfterPowerFailure(0);
    const auto mapped = disk->MapForRead(kSegment, -1).value();
    FrameCursor cursor(mapped->bytes());
    Frame unused;
    while (cursor.Next(&unused) == FrameCursor::Step::kFrame) {
    }
    return cursor.offset();
  }();
  for (int64_t kept = 0; kept <= bytes; ++kept) {
    const auto disk = disk_.AfterPowerFailure(0);
    disk->Corrupt(kSegment, end, std::string_view(frame).substr(0, static_cast<size_t>(kept)));
    const auto log = Open(*disk);
    const auto ids = Ids(*log);
    const size_t payload_end = static_cast<size_t>(bytes);
    ASSERT_GE(ids.size(), 5u) << kept;
    if (kept == static_cast<int64_t>(payload_end)) {
      EXPECT_EQ(ids.size(), 6u);
    } else if (ids.size() == 6) {
      // Only padding was missing.
      EXPECT_GT(kept, bytes - 8) << kept;
    }
    EXPECT_TRUE(log->Verify().ok()) << kept << ": " << log->Verify();
    // The log goes on after the cut.
    const auto writer = log->NewWriter().value();
    NumberedRecord more(log->RegisterSchema(FraudSchema()).value(), 99);
    ASSERT_TRUE(writer->Append(more.record).ok());
    ASSERT_TRUE(writer->Flush().ok());
    EXPECT_EQ(Ids(*log).size(), ids.size() + 1) << kept;
  }
}

TEST_F(LogCrashTest, WithAlwaysNoFlushedRecordIsLostToAPowerFailure) {
  options_.sync = LogSync::kAlways;
  options_.segment_bytes_max = 4096;  // over many rotations
  Write(0);
  std::set<uint64_t> told;
  for (int64_t i = 0; i < 200; ++i) {
    told.insert(writer_->NextId().value);
    Append(i);
    if (i % 20 != 7) continue;
    for (const int64_t torn : {0, 1, 9, 100}) {
      const auto after = disk_.AfterPowerFailure(torn);
      const auto log = Open(*after);
      EXPECT_EQ(Ids(*log).size(), static_cast<size_t>(i + 1)) << torn;
      EXPECT_TRUE(log->Verify().ok());
      // And no id is told twice.
      const auto writer = log->NewWriter().value();
      EXPECT_FALSE(told.contains(writer->NextId().value));
    }
  }
}

TEST_F(LogCrashTest, IdsToldBeforeAPowerFailureNeverComeBackEvenIfTheirRecordsAreLost) {
  Write(30);  // nothing synced but the header
  std::set<uint64_t> told;
  for (const LoggedPrediction& prediction : ReadAll(*log_)) told.insert(prediction.prediction_id.value);
  ASSERT_EQ(told.size(), 30u);
  auto disk = disk_.AfterPowerFailure(0);
  for (int start = 0; start < 3; ++start) {
    const auto before = std::move(disk);
    const auto log = Open(*before);
    EXPECT_TRUE(Ids(*log).empty());
    const auto writer = log->NewWriter().value();
    for (int i = 0; i < 40; ++i) {
      EXPECT_TRUE(told.insert(writer->NextId().value).second) << start;
      NumberedRecord numbered(log->RegisterSchema(FraudSchema()).value(), i);
      ASSERT_TRUE(writer->Append(numbered.record).ok());
    }
    ASSERT_TRUE(writer->Flush().ok());
    disk = before->AfterPowerFailure(0);
  }
}

TEST_F(LogCrashTest, DamageInTheMiddleIsNamedAndSteppedOver) {
  Write(10);
  writer_.reset();
  log_.reset();
  const auto log_bytes = disk_.MapForRead(kSegment, -1).value();
  FrameCursor cursor(log_bytes->bytes());
  Frame frame;
  std::vector<Frame> frames;
  while (cursor.Next(&frame) == FrameCursor::Step::kFrame) {
    if (frame.type == FrameType::kPrediction) frames.push_back(frame);
  }
  ASSERT_EQ(frames.size(), 10u);
  for (const int64_t at : {frames[4].offset, frames[4].offset + 4, frames[4].offset + 30}) {  // checksum, length, payload
    const auto disk = disk_.AfterKill();
    disk->Corrupt(kSegment, at, "\xFF\xFE\xFD");
    const auto log = Open(*disk);
    const auto ids = Ids(*log);
    EXPECT_EQ(ids.size(), 9u);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), "tx-4"), 0);
    EXPECT_EQ(log->counters().damaged_bytes, frames[4].end - frames[4].offset);
    const Status verified = log->Verify();
    EXPECT_TRUE(absl::IsDataLoss(verified)) << verified;
    EXPECT_NE(std::string(verified.message()).find(absl::StrCat(kSegment, " is damaged from byte ", frames[4].offset)), std::string::npos)
        << verified;
    // A label still finds what is left, by ordinal.
    EXPECT_EQ(log->Join({{.prediction_id = PredictionId::Make(0, 0, 9).Text(), .value = 1}, {.id = "tx-4", .value = 1}}, nullptr)
                  .value()
                  .accepted,
              1);
  }
}

TEST_F(LogCrashTest, AForeignFileIsRefusedByName) {
  Write(3);
  writer_.reset();
  log_.reset();
  disk_.Corrupt(kSegment, 0, "NOTALOG!");
  const Status status = PredictionLog::Open(options_, clock_, &disk_).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_NE(std::string(status.message()).find(kSegment), std::string::npos) << status;
}

TEST_F(LogCrashTest, AFullDiskKeepsWhatItCanCountsTheRestAndRecovers) {
  options_.write_buffer_bytes_max = 4096;
  Write(10);
  disk_.SetCapacity(0);
  std::set<uint64_t> told;
  int64_t refused = 0, appended = 10;
  for (int64_t i = 10; i < 6'000; ++i) {
    NumberedRecord numbered(schema_, i);
    const Status status = writer_->Append(numbered.record);
    EXPECT_TRUE(told.insert(numbered.record.prediction_id.value).second);
    if (status.ok()) {
      ++appended;
    } else {
      EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
      ++refused;
    }
  }
  // Reserved space may take some; the reservation is 4 MiB, the records are not.
  disk_.SetCapacity(INT64_MAX);
  ASSERT_TRUE(writer_->Flush().ok());
  EXPECT_EQ(log_->counters().dropped, refused);
  EXPECT_EQ(Ids(*log_).size(), static_cast<size_t>(appended));
  Append(9999);
  EXPECT_EQ(Ids(*log_).back(), "tx-9999");
  EXPECT_TRUE(log_->Verify().ok());
}

TEST_F(LogCrashTest, AWriteCutShortByAFullDiskIsOverwrittenWhole) {
  options_.write_buffer_bytes_max = 4096;
  Write(0);
  // No room for a reservation, so every byte counts.
  disk_.SetCapacity(disk_.TotalBytes() + 300);
  int64_t appended = 0, refused = 0;
  for (int64_t i = 0; i < 500; ++i) {
    NumberedRecord numbered(schema_, i);
    writer_->Append(numbered.record).ok() ? ++appended : ++refused;
    writer_->Flush().IgnoreError();
  }
  EXPECT_GT(refused, 0);
  // Killed now, the torn write is cut.
  {
    const auto after = disk_.AfterKill();
    after->SetCapacity(INT64_MAX);
    const auto log = Open(*after);
    EXPECT_TRUE(log->Verify().ok()) << log->Verify();
  }
  disk_.SetCapacity(INT64_MAX);
  ASSERT_TRUE(writer_->Flush().ok());
  EXPECT_EQ(Ids(*log_).size(), static_cast<size_t>(appended));
  EXPECT_EQ(log_->counters().dropped, refused);
  EXPECT_TRUE(log_->Verify().ok()) << log_->Verify();
}

TEST_F(LogCrashTest, AFailedSyncIsToldAndTheSegmentLeft) {
  options_.sync = LogSync::kAlways;
  Write(5);
  const uint32_t segment = writer_->NextId().segment();
  disk_.FailSyncs(1);
  NumberedRecord numbered(schema_, 5);
  ASSERT_TRUE(writer_->Append(numbered.record).ok());
  EXPECT_FALSE(writer_->Flush().ok()) << "the record may be lost, so it must not be acknowledged";
  EXPECT_EQ(log_->counters().sync_failures, 1);
  EXPECT_GT(writer_->NextId().segment(), segment);
  Append(6);
  const auto after = disk_.AfterPowerFailure(0);
  const auto ids = Ids(*Open(*after));
  EXPECT_EQ(std::count(ids.begin(), ids.end(), "tx-6"), 1);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), "tx-4"), 1);
}

TEST_F(LogCrashTest, ByDefaultABackgroundThreadMakesRecordsDurable) {
  options_.sync_interval_ms = 2;
  Write(50);
  for (int i = 0; i < 500 && log_->counters().syncs == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto after = disk_.AfterPowerFailure(0);
  EXPECT_EQ(Ids(*Open(*after)).size(), 50u);
}

}  // namespace
}  // namespace vigil
