#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/testing/paths.h"
#include "domain/profile_json.h"
#include "monitoring/monitor.h"
#include "retraining/retraining.h"
#include "storage/tables.h"
#include "storage/whole_file.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;

// Fraud where the amount is high at night; a tenth of the amounts missing; time runs with the row number.
void WriteRows(const std::string& path, int rows, uint64_t seed, double noise = 0.02) {
  auto writer = CreateTable(path, {{"amount", TableType::kFloat64},
                                   {"night", TableType::kInt64},
                                   {"_label", TableType::kFloat64},
                                   {"_time", TableType::kTime},
                                   {"_entity", TableType::kString}});
  ASSERT_TRUE(writer.ok()) << writer.status();
  Random random(seed);
  TableChunk chunk;
  chunk.columns.resize(5);
  chunk.rows = static_cast<size_t>(rows);
  for (int i = 0; i < rows; ++i) {
    const double amount = 100 * random.Uniform();
    const bool night = random.Uniform() < 0.5;
    const bool fraud = (amount > 80 && night) != (random.Uniform() < noise);
    const bool missing = random.Uniform() < 0.1;
    chunk.columns[0].doubles.push_back(missing ? NAN : amount);
    chunk.columns[0].valid.push_back(!missing);
    chunk.columns[1].ints.push_back(night);
    chunk.columns[2].doubles.push_back(fraud);
    chunk.columns[3].ints.push_back(17'000 * kDayUs + i * kMinuteUs);
    chunk.columns[4].strings.push_back(absl::StrCat("card-", i % 50));
    for (int c = 1; c < 5; ++c) chunk.columns[c].valid.push_back(1);
  }
  ASSERT_TRUE((*writer)->Write(chunk).ok());
  ASSERT_TRUE((*writer)->Finish().ok());
}

Json ReadJson(const std::string& path) { return *ParseJson(*ReadWholeFile(path, 1 << 28), path); }

TEST(TrainXgboost, LearnsMeasuresAndNamesItsColumns) {
  testing::TempDir dir;
  WriteRows(dir.file("train.parquet"), 4000, 1);
  WriteRows(dir.file("holdout.parquet"), 2000, 2);
  TrainConfig config;
  config.rows = {dir.file("train.parquet")};
  config.holdout = {dir.file("holdout.parquet")};
  config.rounds = 20;
  config.params = {{"max_depth", "3"}, {"nthread", "1"}};
  config.output = dir.file("model.json");
  config.profile_output = dir.file("reference.json");
  config.predictions_output = dir.file("predictions.parquet");
  const auto metrics = TrainXgboost(config);
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_EQ(metrics->at("rows"), 4000);
  EXPECT_EQ(metrics->at("rounds"), 20);
  EXPECT_EQ(metrics->at("holdout.rows"), 2000);
  EXPECT_GT(metrics->at("holdout.average_precision").get<double>(), 0.7);
  EXPECT_GT(metrics->at("train.roc_auc").get<double>(), 0.85);
  EXPECT_TRUE(metrics->at("xgboost").get<std::string>().starts_with("3."));

  const Json model = ReadJson(config.output);
  EXPECT_EQ(model.at("learner").at("feature_names"), Json({"amount", "night"}));
  EXPECT_EQ(model.at("learner").at("objective").at("name"), "binary:logistic");
  EXPECT_EQ(model.at("learner").at("gradient_booster").at("model").at("trees").size(), 20u);

  const auto profile = ProfileFromJson(*ReadWholeFile(config.profile_output, 1 << 24), "reference");
  ASSERT_TRUE(profile.ok()) << profile.status();
  ASSERT_EQ(profile->columns.size(), 2u);
  EXPECT_EQ(profile->columns[0].name, "amount");
  EXPECT_EQ(profile->rows, 6000);
  EXPECT_GT(profile->columns[0].missing, 400);
  ASSERT_TRUE(profile->score.has_value());
  EXPECT_EQ(profile->score->present(), 2000) << "the scores of rows the model has not seen";

  auto reader = OpenTable({config.predictions_output});
  ASSERT_TRUE(reader.ok()) << reader.status();
  TableChunk chunk;
  size_t rows = 0;
  while (*(*reader)->Next(&chunk)) rows += chunk.rows;
  EXPECT_EQ(rows, 2000u);
  EXPECT_EQ((*reader)->columns().back().name, "prediction");
}

TEST(TrainXgboost, EarlyStoppingKeepsTheBestTrees) {
  testing::TempDir dir;
  WriteRows(dir.file("train.parquet"), 3000, 3, 0.2);
  TrainConfig config;
  config.rows = {dir.file("train.parquet")};
  config.rounds = 400;
  config.early_stopping_rounds = 10;
  config.params = {{"eta", "0.3"}, {"nthread", "1"}};
  config.output = dir.file("model.json");
  const auto metrics = TrainXgboost(config);
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  const int rounds = metrics->at("rounds").get<int>();
  EXPECT_LT(rounds, 400);
  EXPECT_EQ(metrics->at("train.rows"), 2700);
  EXPECT_TRUE(metrics->contains("early_stopping.aucpr"));
  const Json model = ReadJson(config.output);
  EXPECT_EQ(model.at("learner").at("gradient_booster").at("model").at("trees").size(), static_cast<size_t>(rounds));
  EXPECT_EQ(model.at("learner").at("attributes").at("best_iteration"), absl::StrCat(rounds - 1));
}

TEST(TrainXgboost, OtherObjectivesAndUbj) {
  testing::TempDir dir;
  WriteRows(dir.file("train.parquet"), 1000, 4);
  TrainConfig config;
  config.rows = {dir.file("train.parquet")};
  config.label = "amount";
  config.features = {"night", "_label"};
  config.rounds = 5;
  config.params = {{"objective", "reg:squarederror"}, {"nthread", "1"}};
  config.output = dir.file("model.ubj");
  const auto metrics = TrainXgboost(config);
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_GT(metrics->at("skipped_rows").get<int>(), 50) << "amounts that are missing";
  EXPECT_GT(metrics->at("train.r2").get<double>(), 0.05);
  EXPECT_EQ((*ReadWholeFile(config.output, 1 << 24))[0], '{');
  EXPECT_FALSE(ParseJson(*ReadWholeFile(config.output, 1 << 24), "ubj").ok());
}

TEST(TrainXgboost, SaysWhatDoesNotFit) {
  testing::TempDir dir;
  WriteRows(dir.file("train.parquet"), 500, 5);
  TrainConfig good;
  good.rows = {dir.file("train.parquet")};
  good.rounds = 2;
  good.output = dir.file("model.json");
  const auto failure = [&](auto change) {
    TrainConfig config = good;
    change(&config);
    const Status status = TrainXgboost(config).status();
    EXPECT_FALSE(std::filesystem::exists(good.output));
    return absl::StrCat(absl::StatusCodeToString(status.code()), " ", std::string(status.message()));
  };
  EXPECT_THAT(failure([](TrainConfig* c) { c->label = "_lable"; }), HasSubstr("INVALID_ARGUMENT no column \"_lable\""));
  EXPECT_THAT(failure([](TrainConfig* c) { c->features = {"amuont"}; }), HasSubstr("did you mean \"amount\"?"));
  EXPECT_THAT(failure([](TrainConfig* c) { c->features = {"_entity"}; }), HasSubstr("holds text"));
  EXPECT_THAT(failure([](TrainConfig* c) { c->params = {{"objective", "binary:logisitc"}}; }), HasSubstr("INVALID_ARGUMENT XGBoost"));
  EXPECT_THAT(failure([](TrainConfig* c) { c->params = {{"max_depth", "deep"}}; }), HasSubstr("max_depth"));
  EXPECT_THAT(failure([&](TrainConfig* c) { c->rows = {dir.file("none.parquet")}; }), HasSubstr("none.parquet"));
  const auto one_class = failure([&](TrainConfig* c) {
    c->label = "night";
    c->rows = {dir.file("days.csv")};
    ASSERT_TRUE(WriteFileAtomically(c->rows[0], "amount,night\n1,0\n2,0\n").ok());
  });
  EXPECT_THAT(one_class, HasSubstr("UNAVAILABLE data not ready: all 2 rows"));
}

TEST(TrainConfig, IsReadFromJson) {
  const auto config = TrainConfigFromJson(
      *ParseJson(R"({"rows":["a.parquet","/b.csv"],"output":"m.json","params":{"max_depth":4,"tree_method":"hist","eta":0.3}})", "t"),
      "train", "/base");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->rows, ::testing::ElementsAre("/base/a.parquet", "/b.csv"));
  EXPECT_EQ(config->output, "/base/m.json");
  EXPECT_THAT(config->params, ::testing::Contains(::testing::Pair("eta", "0.3")));
  EXPECT_THAT(config->params, ::testing::Contains(::testing::Pair("tree_method", "hist")));
  const auto message = [](const char* text) { return std::string(TrainConfigFromJson(*ParseJson(text, "t"), "train").status().message()); };
  EXPECT_THAT(message(R"({"rows":["a"]})"), HasSubstr("train.output"));
  EXPECT_THAT(message(R"({"output":"a"})"), HasSubstr("train.rows"));
  EXPECT_THAT(message(R"({"rows":["a"],"output":"a","rownds":3})"), HasSubstr("did you mean \"rounds\"?"));
  EXPECT_THAT(message(R"({"rows":["a"],"output":"a","params":{"x":[1]}})"), HasSubstr("train.params.x"));
}

TEST(TrainJob, FromDocumentToManifest) {
  testing::TempDir dir;
  WriteRows(dir.file("train.parquet"), 4000, 6);
  WriteRows(dir.file("holdout.parquet"), 1000, 7);
  TrainJob job;
  job.id = "fraud-17";
  job.attempt = 2;
  job.model = "fraud";
  job.features = {"amount", "night"};
  job.params = {{"max_depth", "3"}, {"nthread", "1"}};
  job.rounds = 15;
  job.early_stopping_rounds = 5;
  job.dataset.train_path = dir.file("train.parquet");
  job.dataset.holdout_path = dir.file("holdout.parquet");
  job.dataset.digest = "abc";
  job.dataset.immature_rows = 9;
  ASSERT_TRUE(WriteFileAtomically(dir.file("job.json"), DumpJson(job.ToJson())).ok());
  std::string error;
  ASSERT_EQ(RunTrainJob(dir.file("job.json"), &error), kTrainerDone) << error;
  const auto result = ReadTrainerResult(dir.path(), "fraud-17", 2);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->digest, Sha256Hex(*ReadWholeFile(dir.file("model.json"), 1 << 24)));
  EXPECT_TRUE(std::filesystem::exists(result->reference_profile));
  EXPECT_GT(result->metrics.at("holdout.average_precision").get<double>(), 0.7);
  EXPECT_EQ(result->manifest.at("dataset_digest"), "abc");
  EXPECT_EQ(result->manifest.at("immature_rows"), 9);
  EXPECT_EQ(result->manifest.at("rows_read"), 5000);
  EXPECT_EQ(ReadTrainerResult(dir.path(), "fraud-17", 3).status().code(), absl::StatusCode::kDataLoss) << "left by an earlier attempt";
  EXPECT_EQ(ReadTrainerResult(dir.path(), "fraud-18").status().code(), absl::StatusCode::kDataLoss);
}

TEST(TrainJob, ExitCodes) {
  testing::TempDir dir;
  std::string error;
  const auto run = [&](const Json& job) {
    EXPECT_TRUE(WriteFileAtomically(dir.file("job.json"), DumpJson(job)).ok());
    return RunTrainJob(dir.file("job.json"), &error);
  };
  EXPECT_EQ(RunTrainJob(dir.file("none.json"), &error), kTrainerPermanent);
  EXPECT_EQ(run(Json::object()), kTrainerPermanent);
  EXPECT_THAT(error, HasSubstr("job.json.id"));
  EXPECT_EQ(run({{"id", "a"}, {"mode", "refresh"}, {"dataset", {{"train", "t.csv"}}}}), kTrainerPermanent);
  EXPECT_THAT(error, HasSubstr("refresh"));
  ASSERT_TRUE(WriteFileAtomically(dir.file("t.csv"), "amount,_label\n1,0\n2,0\n").ok());
  EXPECT_EQ(run({{"id", "a"}, {"dataset", {{"train", "t.csv"}}}}), kTrainerNotReady) << error;
  EXPECT_FALSE(std::filesystem::exists(dir.file("result.json")));
}

}  // namespace
}  // namespace vigil
