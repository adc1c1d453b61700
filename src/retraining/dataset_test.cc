#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/testing/paths.h"
#include "base/text.h"
#include "retraining/retraining.h"
#include "storage/tables.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;

const TimeUs kAsOf = *ParseTime("2018-07-15");

// A log in memory, in the order given.
class FakeLog final : public PredictionLog {
 public:
  std::vector<LogSchema> schemas;
  std::vector<LoggedPrediction> rows;

  StatusOr<uint32_t> RegisterSchema(const LogSchema& schema) override {
    schemas.push_back(schema);
    return static_cast<uint32_t>(schemas.size() - 1);
  }
  StatusOr<LogSchema> FindSchema(uint32_t number) const override { return schemas.at(number); }
  StatusOr<std::unique_ptr<LogWriter>> NewWriter() override { return absl::UnimplementedError("a fake"); }
  StatusOr<LabelCounts> Join(const std::vector<Label>&, const std::function<void(const LabelledPrediction&)>&) override {
    return absl::UnimplementedError("a fake");
  }
  Status Scan(const LogQuery& query, const std::function<bool(const LoggedPrediction&)>& visit) const override {
    EXPECT_TRUE(query.with_labels);
    for (LoggedPrediction row : rows) {
      if (schemas[row.schema].model != query.model || row.time < query.from || row.time >= query.to) continue;
      if (row.status == PredictionStatus::kShadow && !query.shadows) continue;
      row.labelled = row.labelled && row.label_time <= query.labels_as_of;
      if (!visit(row)) break;
    }
    return absl::OkStatus();
  }
  LogCounters counters() const override { return {}; }
  Status Verify() const override { return absl::OkStatus(); }
  Status Maintain() override { return absl::OkStatus(); }
};

LoggedPrediction Row(TimeUs time, float amount, double label) {
  LoggedPrediction row;
  row.time = time;
  row.features = {amount, 2};
  row.entity = absl::StrCat("card-", std::isnan(amount) ? 0 : static_cast<int>(amount) % 7);
  row.labelled = true;
  row.label = label;
  row.label_time = time + 7 * kDayUs;
  return row;
}

// `days` days before the horizon, 100 rows a day, one in ten a fraud.
FakeLog Filled(int days) {
  FakeLog log;
  EXPECT_TRUE(log.RegisterSchema({0, "fraud", "1", {"amount", "night"}, {"prediction"}, {}}).ok());
  for (int i = 0; i < days * 100; ++i) {
    log.rows.push_back(Row(kAsOf - 7 * kDayUs - days * kDayUs + i * (kDayUs / 100), static_cast<float>(i), i % 10 == 0 ? 1 : 0));
  }
  return log;
}

DatasetOptions Options() {
  DatasetOptions options;
  options.rows_min = 100;
  options.holdout_us_max = 0;
  return options;
}

struct Read {
  std::vector<TableColumn> columns;
  std::vector<double> amount, night, label;
  std::vector<int64_t> time, label_time;
  std::vector<std::string> entity;
};
Read ReadAll(const std::string& path) {
  Read read;
  auto reader = OpenTable({path});
  EXPECT_TRUE(reader.ok()) << reader.status();
  read.columns = (*reader)->columns();
  TableChunk chunk;
  while (*(*reader)->Next(&chunk)) {
    for (size_t i = 0; i < chunk.rows; ++i) {
      read.amount.push_back(chunk.Number(0, i, read.columns));
      read.night.push_back(chunk.Number(1, i, read.columns));
      read.label.push_back(chunk.Number(2, i, read.columns));
      read.label_time.push_back(chunk.columns[3].ints[i]);
      read.time.push_back(chunk.columns[4].ints[i]);
      read.entity.push_back(chunk.columns[5].strings[i]);
    }
  }
  return read;
}

TEST(Dataset, SplitsByTimeAndKeepsEveryQualifyingRow) {
  testing::TempDir dir;
  FakeLog log = Filled(30);
  Random random(1);
  for (size_t i = log.rows.size(); i > 1; --i) std::swap(log.rows[i - 1], log.rows[random.Below(i)]);  // shards are not in time order
  const auto dataset = BuildDataset(log, "fraud", FloatTable({"amount", "night"}), kAsOf, Options(), dir.path());
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->train_rows + dataset->holdout_rows, 3000);
  EXPECT_NEAR(dataset->holdout_rows, 600, 3);
  EXPECT_EQ(dataset->train_positives + dataset->holdout_positives, 300);
  EXPECT_EQ(dataset->to, kAsOf - 7 * kDayUs);
  EXPECT_EQ(dataset->from, kAsOf - 67 * kDayUs);
  const Read train = ReadAll(dataset->train_path), holdout = ReadAll(dataset->holdout_path);
  ASSERT_EQ(train.columns.size(), 6u);
  EXPECT_EQ(train.columns[2].name, "_label");
  EXPECT_EQ(train.columns[4].name, "_time");
  EXPECT_EQ(train.columns[4].type, TableType::kTime);
  EXPECT_EQ(train.columns[5].name, "_entity");
  EXPECT_LT(*std::max_element(train.time.begin(), train.time.end()), dataset->split_time);
  EXPECT_GE(*std::min_element(holdout.time.begin(), holdout.time.end()), dataset->split_time);
  for (size_t i = 0; i < train.amount.size(); ++i) {
    EXPECT_EQ(train.label[i], static_cast<int>(train.amount[i]) % 10 == 0 ? 1 : 0);
    EXPECT_EQ(train.entity[i], absl::StrCat("card-", static_cast<int>(train.amount[i]) % 7));
    EXPECT_EQ(train.label_time[i], train.time[i] + 7 * kDayUs);
  }
}

TEST(Dataset, NeverUsesWhatWasNotYetKnown) {
  testing::TempDir dir;
  FakeLog log = Filled(30);
  LoggedPrediction young = Row(kAsOf - 6 * kDayUs, 70'001, 1);  // its label came at once; it is still younger than the horizon
  young.label_time = young.time + 1;
  LoggedPrediction late = Row(kAsOf - 10 * kDayUs, 70'002, 1);
  late.label_time = kAsOf + 1;
  LoggedPrediction unlabelled = Row(kAsOf - 10 * kDayUs, 70'003, 0);
  unlabelled.labelled = false;
  LoggedPrediction refused = Row(kAsOf - 10 * kDayUs, 70'004, 0);
  refused.status = PredictionStatus::kRefused;
  LoggedPrediction shadow = Row(kAsOf - 10 * kDayUs, 70'005, 0);
  shadow.status = PredictionStatus::kShadow;
  LoggedPrediction old = Row(kAsOf - 68 * kDayUs, 70'006, 0);
  for (const auto& row : {young, late, unlabelled, refused, shadow, old}) log.rows.push_back(row);
  const auto dataset = BuildDataset(log, "fraud", FloatTable({"amount", "night"}), kAsOf, Options(), dir.path());
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->train_rows + dataset->holdout_rows, 3000);
  EXPECT_EQ(dataset->immature_rows, 2) << "late and unlabelled";
  for (const auto& path : {dataset->train_path, dataset->holdout_path}) {
    for (double amount : ReadAll(path).amount) EXPECT_LT(amount, 70'000);
  }
}

TEST(Dataset, FeaturesAreAsReceivedByName) {
  testing::TempDir dir;
  FakeLog log = Filled(10);
  // A later version with its columns in another order, and one fewer.
  ASSERT_TRUE(log.RegisterSchema({1, "fraud", "2", {"extra", "amount"}, {"prediction"}, {}}).ok());
  LoggedPrediction other = Row(kAsOf - 16 * kDayUs, 0, 1);
  other.schema = 1;
  other.features = {5, 123.25f};
  LoggedPrediction missing = Row(kAsOf - 16 * kDayUs, NAN, 1);
  missing.entity = "";
  log.rows.insert(log.rows.begin(), {other, missing});
  const auto dataset = BuildDataset(log, "fraud", FloatTable({"amount", "night"}), kAsOf, Options(), dir.path());
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  const Read train = ReadAll(dataset->train_path);
  EXPECT_EQ(train.amount[0], 123.25);
  EXPECT_TRUE(std::isnan(train.night[0]));
  EXPECT_TRUE(std::isnan(train.amount[1]));
  EXPECT_EQ(train.night[1], 2);
}

TEST(Dataset, HoldoutCapAndEmbargo) {
  testing::TempDir dir;
  const FakeLog log = Filled(60);
  DatasetOptions options = Options();
  options.holdout_us_max = 5 * kDayUs;
  options.embargo_us = 7 * kDayUs;
  const auto dataset = BuildDataset(log, "fraud", FloatTable({"amount", "night"}), kAsOf, options, dir.path());
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_NEAR(dataset->holdout_rows, 500, 2);
  EXPECT_NEAR(dataset->embargoed_rows, 700, 2);
  EXPECT_EQ(dataset->train_rows + dataset->embargoed_rows + dataset->holdout_rows, 6000);
  const Read train = ReadAll(dataset->train_path);
  // At the horizon's length no training label was unknown when the holdout began.
  EXPECT_LE(*std::max_element(train.label_time.begin(), train.label_time.end()), dataset->split_time);
}

TEST(Dataset, DigestNamesTheContent) {
  testing::TempDir dir;
  FakeLog log = Filled(30);
  const std::string first = BuildDataset(log, "fraud", FloatTable({"amount"}), kAsOf, Options(), dir.path())->digest;
  EXPECT_EQ(BuildDataset(log, "fraud", FloatTable({"amount"}), kAsOf, Options(), dir.path())->digest, first);
  EXPECT_NE(BuildDataset(log, "fraud", FloatTable({"night"}), kAsOf, Options(), dir.path())->digest, first);
  log.rows[7].label = 1 - log.rows[7].label;
  EXPECT_NE(BuildDataset(log, "fraud", FloatTable({"amount"}), kAsOf, Options(), dir.path())->digest, first);
}

// amount FP32, channel BYTES, count INT64, rate FP64.
TableShape TypedTable() {
  Signature signature;
  signature.inputs = {{"amount", DType::kFloat32, {-1}, {}},
                      {"channel", DType::kString, {-1}, {}},
                      {"count", DType::kInt64, {-1}, {}},
                      {"rate", DType::kFloat64, {-1}, {}}};
  return TableShapeOf(signature);
}

FakeLog TypedLog() {
  FakeLog log;
  LogSchema schema{0, "fraud", "1", {"amount", "channel", "count", "rate"}, {"prediction"}, {}};
  schema.types = {DType::kFloat32, DType::kString, DType::kInt64, DType::kFloat64};
  log.schemas.push_back(schema);
  for (int i = 0; i < 400; ++i) {
    LoggedPrediction row = Row(kAsOf - (8 + i / 20) * kDayUs - i, static_cast<float>(i), i % 2);
    row.features = {static_cast<float>(i), i % 10 == 3 ? std::nanf("") : 0, static_cast<float>(i), 0.1F};
    row.texts = {i % 10 == 3 ? "" : "channel-" + std::to_string(i % 7)};
    row.exact = {16777217.0 + i, 0.1};
    log.rows.push_back(row);
  }
  return log;
}

TEST(Dataset, KeepsTextsWholeNumbersAndDoubles) {
  testing::TempDir dir;
  const TableShape table = TypedTable();
  const auto dataset = BuildDataset(TypedLog(), "fraud", table, kAsOf, Options(), dir.path());
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  const auto reader = OpenTable({dataset->train_path});
  ASSERT_TRUE(reader.ok()) << reader.status();
  const std::vector<TableColumn>& columns = (*reader)->columns();
  EXPECT_EQ(columns[1].type, TableType::kString);
  EXPECT_EQ(columns[2].type, TableType::kInt64);
  EXPECT_EQ(columns[3].type, TableType::kFloat64);
  TableChunk chunk;
  size_t missing = 0;
  for (auto more = (*reader)->Next(&chunk); more.ok() && *more; more = (*reader)->Next(&chunk)) {
    for (size_t r = 0; r < chunk.rows; ++r) {
      const auto i = static_cast<int64_t>(chunk.Number(0, r, columns));
      EXPECT_EQ(chunk.columns[2].ints[r], 16777217 + i) << "a float would have rounded it";
      EXPECT_EQ(chunk.columns[3].doubles[r], 0.1);
      missing += chunk.columns[1].valid[r] == 0;
      if (chunk.columns[1].valid[r] != 0) {
        EXPECT_EQ(chunk.columns[1].strings[r], "channel-" + std::to_string(i % 7));
      }
    }
  }
  EXPECT_GT(missing, 0U);
}

TEST(Dataset, RefusesAColumnThatWasLoggedAsAnotherKind) {
  testing::TempDir dir;
  const auto dataset = BuildDataset(TypedLog(), "fraud", FloatTable({"amount", "channel"}), kAsOf, Options(), dir.path());
  EXPECT_THAT(std::string(dataset.status().message()),
              HasSubstr("\"channel\" is FP32 to the champion, but was logged by version 1 as texts"));
}

TEST(Dataset, SaysWhyThereIsTooLittle) {
  testing::TempDir dir;
  DatasetOptions options = Options();
  const auto message = [&](const FakeLog& log, const std::vector<std::string>& columns) {
    const auto dataset = BuildDataset(log, "fraud", FloatTable(columns), kAsOf, options, dir.path());
    EXPECT_EQ(dataset.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_FALSE(std::filesystem::exists(dir.file("train.parquet")));
    return std::string(dataset.status().message());
  };
  options.rows_min = 3001;
  EXPECT_THAT(message(Filled(30), {"amount"}), HasSubstr("data not ready: 3000 labelled rows of at least 3001"));
  options.rows_min = 2999;
  EXPECT_THAT(message(Filled(30), {"amount"}), HasSubstr("rows to train on of at least 2999"));
  options.rows_min = 100;
  options.positives_min = 241;
  EXPECT_THAT(message(Filled(30), {"amount"}), HasSubstr("positives to train on of at least 241"));
  options.positives_min = 0;
  EXPECT_THAT(message(Filled(30), {"amuont"}), HasSubstr("\"amuont\" is in no logged row of the window (did you mean \"amount\"?)"));
  FakeLog redacted = Filled(30);
  redacted.schemas[0].redacted = {1, 0};
  EXPECT_THAT(message(redacted, {"amount"}), HasSubstr("redacted"));
  FakeLog empty;
  EXPECT_THAT(message(empty, {"amount"}), HasSubstr("0 labelled rows"));
}

}  // namespace
}  // namespace vigil
