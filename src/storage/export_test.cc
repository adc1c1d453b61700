#include "storage/export.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/testing/paths.h"
#include "storage/tables.h"
#include "storage/testing/log_material.h"

namespace vigil {
namespace {

using testing::FraudSchema;
using testing::NumberedRecord;
using testing::TempDir;

class ExportTest : public ::testing::Test {
 protected:
  ExportTest() {
    PredictionLogOptions options;
    options.directory = directory_.file("log");
    log_ = PredictionLog::Open(options, clock_).value();
    writer_ = log_->NewWriter().value();
  }
  void Log(const LogSchema& schema, int64_t i, TimeUs time, PredictionStatus status = PredictionStatus::kOk) {
    NumberedRecord numbered(log_->RegisterSchema(schema).value(), i, schema.columns.size());
    numbered.record.time = time;
    numbered.record.status = status;
    if (status == PredictionStatus::kRefused) numbered.record.outputs = {};
    ASSERT_TRUE(writer_->Append(numbered.record).ok());
    ASSERT_TRUE(writer_->Flush().ok());
  }
  ExportCounts Export(const LogQuery& query = {}) { return ExportLog(*log_, query, directory_.file("parquet")).value(); }
  static int64_t Written(const ExportCounts& counts) { return counts.files - counts.files_unchanged; }
  std::vector<std::string> Query(const std::string& sql) {
    std::vector<std::string> lines;
    const Status status = QueryTables(sql, {{"log", {directory_.file("parquet") + "/*/*/*.parquet"}}}, [&](std::string_view line) {
      lines.emplace_back(line);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return lines;
  }

  TempDir directory_;
  FakeClock clock_{20'000 * kDayUs};
  std::unique_ptr<PredictionLog> log_;
  std::unique_ptr<LogWriter> writer_;
};

TEST_F(ExportTest, WritesTheContractsColumnsUnderHivePartitions) {
  LogSchema schema = FraudSchema();
  schema.columns = {"amount", "Time", "label"};  // two collide with the log's own
  Log(schema, 3, 17'000 * kDayUs + 5);
  Log(schema, 4, 17'000 * kDayUs + 6, PredictionStatus::kRefused);
  Log(schema, 5, 17'001 * kDayUs);
  ASSERT_EQ(log_->Join({{.id = "tx-3", .value = 1, .observed_at = 17'007 * kDayUs}}, nullptr).value().accepted, 1);
  const ExportCounts counts = Export();
  EXPECT_EQ(counts.rows, 3);
  EXPECT_EQ(counts.files, 2);
  EXPECT_EQ(counts.files_unchanged, 0);
  EXPECT_TRUE(std::filesystem::exists(directory_.file("parquet") + "/model=fraud/date=2016-07-18/predictions.parquet"));
  EXPECT_EQ(Query("SELECT column_name FROM (DESCRIBE log)").size(), 8u + 6u + 1u + 2u + 2u);
  const auto rows = Query(
      "SELECT length(prediction_id) AS l, id, entity, epoch_us(time) AS t, model, version, arm, latency_us, status, amount, "
      "amount__cleaning, "
      "\"feature_Time\", feature_label, round(score, 4) AS s, label, epoch_us(label_time) AS lt, date FROM log ORDER BY t");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(
      rows[0],
      "{\"l\":13,\"id\":\"tx-3\",\"entity\":\"cust-3\",\"t\":1468800000000005,\"model\":\"fraud\",\"version\":\"1\",\"arm\":\"champion\","
      "\"latency_us\":103,\"status\":\"ok\",\"amount\":3,\"amount__cleaning\":\"clamped\",\"feature_Time\":3.25,\"feature_label\":3.5,"
      "\"s\":0.25,\"label\":1,\"lt\":1469404800000000,\"date\":\"2016-07-18T00:00:00Z\"}");
  EXPECT_NE(rows[1].find("\"status\":\"refused\""), std::string::npos);
  EXPECT_NE(rows[1].find("\"s\":null,\"label\":null,\"lt\":null"), std::string::npos);
  EXPECT_NE(rows[2].find("\"feature_Time\":null"), std::string::npos) << "NaN is a missing value";
}

TEST_F(ExportTest, IsIncrementalIdempotentAndReplacesADate) {
  for (int64_t i = 1; i < 30; ++i) Log(FraudSchema(), i, (17'000 + i % 3) * kDayUs + i);
  EXPECT_EQ(Written(Export()), 3);
  const ExportCounts again = Export();
  EXPECT_EQ(again.files, 3);
  EXPECT_EQ(again.files_unchanged, 3);
  EXPECT_EQ(again.rows, 29);
  // One label, one date.
  ASSERT_EQ(log_->Join({{.id = "tx-4", .value = 1}}, nullptr).value().accepted, 1);
  EXPECT_EQ(Written(Export()), 1);
  EXPECT_EQ(Query("SELECT count(*) AS n, count(label) AS m, count(DISTINCT prediction_id) AS d FROM log"),
            (std::vector<std::string>{"{\"n\":29,\"m\":1,\"d\":29}"}));
  // A file that was cut short before its digest was written is written again.
  std::filesystem::remove(directory_.file("parquet") + "/model=fraud/date=2016-07-18/_digest");
  EXPECT_EQ(Written(Export()), 1);
  EXPECT_EQ(Query("SELECT count(*) AS n FROM log"), (std::vector<std::string>{"{\"n\":29}"}));
}

TEST_F(ExportTest, VersionsOfOneDateShareAFileAndModelsDoNot) {
  LogSchema two = FraudSchema("2", 5), other = FraudSchema();
  other.model = "churn/eu 1";
  other.outputs = {"prediction_0", "prediction_1"};
  Log(FraudSchema(), 1, 17'000 * kDayUs);
  Log(two, 2, 17'000 * kDayUs + 1);
  Log(other, 3, 17'000 * kDayUs + 2);
  Log(two, 4, 17'000 * kDayUs + 3, PredictionStatus::kShadow);
  EXPECT_EQ(Export().rows, 3);
  EXPECT_TRUE(std::filesystem::exists(directory_.file("parquet") + "/model=churn%2Feu%201/date=2016-07-18/predictions.parquet"));
  std::vector<std::string> lines;
  ASSERT_TRUE(QueryTables("SELECT version, c4 FROM log ORDER BY version",
                          {{"log", {directory_.file("parquet") + "/model=fraud/*/*.parquet"}}},
                          [&](std::string_view line) {
                            lines.emplace_back(line);
                            return absl::OkStatus();
                          })
                  .ok());
  EXPECT_EQ(lines, (std::vector<std::string>{"{\"version\":\"1\",\"c4\":null}", "{\"version\":\"2\",\"c4\":3}"}));
  EXPECT_EQ(Export({.model = "fraud", .version = "1"}).rows, 2) << "a date is always whole";
  EXPECT_EQ(Export({.model = "fraud", .version = "9"}).files, 0);
  EXPECT_EQ(Export({.model = "fraud", .from = 17'000 * kDayUs + 2}).files, 0);
  EXPECT_EQ(Export({.model = "fraud", .shadows = true}).rows, 3);
}

TEST_F(ExportTest, TextsDoublesAndAnswersKeepTheirTypes) {
  LogSchema schema = FraudSchema();
  schema.columns = {"amount", "channel", "count", "rate"};
  schema.types = {DType::kFloat32, DType::kString, DType::kInt64, DType::kFloat64};
  schema.redacted = {0, 0, 0, 0};
  schema.answers = {"label", "probabilities_0", "word"};
  schema.answer_types = {DType::kInt64, DType::kFloat32, DType::kString};
  const std::vector<float> features = {0.1f, 0, 7, 0.1f}, missing = {NAN, NAN, 8, NAN}, outputs = {0.25f};
  const std::vector<double> exact = {7, 0.1}, other = {8, NAN}, numbers = {1, 0.75};
  const std::vector<std::string_view> texts = {"web"}, none = {""}, words = {"fraud"};
  PredictionRecord record;
  record.schema = log_->RegisterSchema(schema).value();
  record.time = 17'000 * kDayUs;
  record.features = features;
  record.exact = exact;
  record.texts = texts;
  record.outputs = outputs;
  record.answer_numbers = numbers;
  record.answer_texts = words;
  ASSERT_TRUE(writer_->Append(record).ok());
  record.features = missing;
  record.exact = other;
  record.texts = none;
  record.time += 1;
  ASSERT_TRUE(writer_->Append(record).ok());
  ASSERT_TRUE(writer_->Flush().ok());
  Export();
  EXPECT_EQ(
      Query("SELECT amount, channel, count, rate, score, output_label, probabilities_0, word FROM log ORDER BY time"),
      (std::vector<std::string>{
          R"({"amount":0.1,"channel":"web","count":7,"rate":0.1,"score":0.25,"output_label":1,"probabilities_0":0.75,"word":"fraud"})",
          R"({"amount":null,"channel":null,"count":8,"rate":null,"score":0.25,"output_label":1,"probabilities_0":0.75,"word":"fraud"})"}));
  EXPECT_EQ(Query("SELECT typeof(channel) AS a, typeof(count) AS b, typeof(rate) AS c, typeof(amount) AS d FROM log LIMIT 1")[0],
            R"({"a":"VARCHAR","b":"BIGINT","c":"DOUBLE","d":"FLOAT"})");
}

}  // namespace
}  // namespace vigil
