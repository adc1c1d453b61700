// Models with a tensor a column, texts, whole numbers and several outputs, from rows to answers, records and observations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "prediction/testing/served_fixture.h"
#include "runtime/testing/fake_model.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class MixedTest : public testing::ServedTest {
 protected:
  MixedTest() { loaders_.push_back(std::make_unique<testing::FakeLoader>(Options(), clock_)); }

  testing::FakeModelOptions Options() {
    testing::FakeModelOptions options = testing::MixedColumns();
    const auto answer = options.score;
    options.score = [this, answer](const Batch& batch, Outputs* outputs) {
      ++batches_;
      return fail_.ok() ? answer(batch, outputs) : fail_;
    };
    return options;
  }

  void ServeMixed(std::shared_ptr<const Schema> schema = nullptr, std::shared_ptr<const ReferenceProfile> reference = nullptr) {
    VersionFacts facts;
    facts.model = "m";
    facts.uri = dir_.file("mixed" + std::to_string(files_++));
    std::ofstream(facts.uri, std::ios::binary) << "fake " << files_;
    const auto registered = registry_->Register(facts, LoadOptions{}, std::move(schema), std::move(reference), true);
    ASSERT_TRUE(registered.ok()) << registered.status();
    shape_ = (*registered)->loaded->table();
  }
  std::shared_ptr<Schema> OpenSchema() {
    auto schema = std::make_shared<Schema>();
    for (const char* name : {"amount", "channel", "count", "rate", "pair_0", "pair_1", "night"}) {
      schema->columns.emplace_back().name = name;
      schema->columns.back().infinity_allowed = true;
    }
    return schema;
  }

  // amount, channel, count, rate, pair_0, pair_1, night.
  void Add(float amount, std::string_view channel, double count, double rate, float pair_0 = 4, float pair_1 = 5, double night = 1) {
    if (batch_.columns == 0) batch_.Reset(shape_);
    batch_.AddRow();
    const size_t row = batch_.rows - 1;
    float* values = &batch_.values[row * 7];
    values[0] = amount;
    values[1] = channel.data() == nullptr ? kNan : 0;
    values[2] = static_cast<float>(count);
    values[3] = static_cast<float>(rate);
    values[4] = pair_0;
    values[5] = pair_1;
    values[6] = static_cast<float>(night);
    batch_.texts[row] = channel;
    batch_.exact[row * 3] = count;
    batch_.exact[row * 3 + 1] = rate;
    batch_.exact[row * 3 + 2] = night;
  }
  std::vector<std::string> Errors() {
    std::vector<std::string> texts;
    for (const RowError& e : result_.errors) texts.push_back(e.column + " " + e.value + " " + e.rule);
    return texts;
  }

  TableShape shape_;
  int batches_ = 0;
  Status fail_;
};

TEST_F(MixedTest, EveryOutputIsAnsweredAndLogged) {
  ServeMixed();
  Add(1, "web", 7, 0.1);
  Add(2, "shop", 8, 0.25);
  EXPECT_THAT(Answer(batch_), ElementsAre(0.1f, 0.25f)) << "the score is the positive class's";
  ASSERT_THAT(result_.tensors, SizeIs(4));
  EXPECT_THAT(result_.tensors[0].As<int64_t>(), ElementsAre(7, 8));
  EXPECT_THAT(result_.tensors[2].strings, ElementsAre("web/0.1/7/1", "shop/0.25/8/1")) << "doubles reach the model as they came";
  EXPECT_THAT(result_.tensors[3].floats, ElementsAre(5, 5, 6, 5));
  ASSERT_THAT(log_.records, SizeIs(2));
  const LoggedPrediction& record = log_.records[1];
  EXPECT_THAT(record.outputs, ElementsAre(0.25f));
  EXPECT_THAT(record.exact, ElementsAre(8, 0.25, 1));
  EXPECT_THAT(record.texts, ElementsAre("shop"));
  EXPECT_THAT(record.answer_numbers, ElementsAre(8, 0.75, 0.25, 6, 5));
  EXPECT_THAT(record.answer_texts, ElementsAre("shop/0.25/8/1"));
  EXPECT_THAT(monitor_.seen[1].outputs, ElementsAre(0.25f));
}

TEST_F(MixedTest, AMissingTextIsTheEmptyOneAndAMissingWholeNumberIsRefused) {
  ServeMixed();
  Add(kNan, {}, 7, std::nan(""));
  ASSERT_TRUE(Predict(batch_).ok());
  EXPECT_EQ(result_.tensors[2].strings[0], "/nan/7/1");
  EXPECT_TRUE(std::isnan(log_.records[0].features[1]));
  batch_.Reset(shape_);
  Add(1, "web", std::nan(""), 0.5);
  Add(1, "web", 7.5, 0.5);
  Add(1, "web", 7, 0.5, 4, 5, 2);
  EXPECT_FALSE(Predict(batch_).ok());
  EXPECT_THAT(Errors(), ElementsAre("count null missing", "count 7.5 type INT64", "night 2 type BOOL"));
}

TEST_F(MixedTest, TheSchemaJudgesTextsAndDoublesExactly) {
  const auto schema = OpenSchema();
  schema->columns[1].texts = {"web", "shop"};
  schema->columns[3].maximum = 0.1;
  ServeMixed(schema);
  Add(1, "web", 7, 0.1);
  Add(1, "mail", 7, 0.1);
  Add(1, "web", 7, std::nextafter(0.1, 1.0));
  EXPECT_FALSE(Predict(batch_).ok());
  EXPECT_THAT(Errors(), ElementsAre("channel mail category web, shop", "rate 0.10000000000000002 maximum 0.1"));
  EXPECT_EQ(batches_, 0);
}

TEST_F(MixedTest, CleaningWritesTextsAndDoubles) {
  const auto schema = OpenSchema();
  schema->columns[1].nullable = false;
  schema->columns[1].on_missing = CleanPolicy::kImpute;
  schema->columns[1].impute_text = "none";
  schema->columns[2].on_missing = CleanPolicy::kImpute;
  schema->columns[2].impute = 3;
  schema->columns[3].maximum = 0.1;
  schema->columns[3].on_range = CleanPolicy::kClamp;
  ServeMixed(schema);
  Add(1, {}, std::nan(""), 9);
  ASSERT_TRUE(Predict(batch_).ok());
  EXPECT_EQ(result_.tensors[2].strings[0], "none/0.1/3/1");
  EXPECT_THAT(log_.records[0].texts, ElementsAre("")) << "the log keeps what was received";
  EXPECT_EQ(log_.records[0].exact[1], 9);
  EXPECT_THAT(log_.records[0].cleaning, ElementsAre(0, 1, 1, 2, 0, 0, 0));
}

TEST_F(MixedTest, APartialAnswerKeepsItsRowsInPlace) {
  ServeMixed();
  Add(1, "web", 7, 0.1);
  Add(1, "bad", 7.5, 0.1);
  Add(1, "shop", 8, 0.2);
  batch_.partial = true;
  ASSERT_TRUE(Predict(batch_).ok());
  EXPECT_THAT(result_.refused, ElementsAre(0, 1, 0));
  ASSERT_THAT(result_.tensors, SizeIs(4));
  EXPECT_EQ(result_.tensors[2].strings[0], "web/0.1/7/1");
  EXPECT_EQ(result_.tensors[2].strings[2], "shop/0.2/8/1");
  EXPECT_EQ(result_.tensors[0].As<int64_t>()[2], 8);
  EXPECT_TRUE(std::isnan(result_.outputs[1]));
}

TEST_F(MixedTest, ArmsAndShadowsGetTheirRowsWhole) {
  ServeMixed();
  ServeMixed();
  ServeMixed();
  TrafficPlan plan = registry_->snapshot().Load()->models.at("m")->plan;
  plan.salt = "s";
  plan.arms = {{"2", "canary", 0, 0.5}, {"1", "champion", 0.5, 1}};
  plan.shadows = {"3"};
  ASSERT_TRUE(registry_->SetPlan("m", plan).ok());
  std::vector<std::string> names, wanted;
  for (int i = 0; i < 40; ++i) names.push_back("channel-" + std::to_string(i));
  for (int i = 0; i < 40; ++i) {
    Add(static_cast<float>(i), names[static_cast<size_t>(i)], i, 0.5);
    wanted.push_back(names[static_cast<size_t>(i)] + "/0.5/" + std::to_string(i) + "/1");
  }
  batch_.entities.assign(names.begin(), names.end());
  ASSERT_TRUE(Predict(batch_).ok());
  EXPECT_THAT(result_.versions, SizeIs(40)) << "both arms answered";
  EXPECT_EQ(result_.tensors[2].strings, wanted);
  pipeline_->EndTurn();
  ASSERT_THAT(log_.records, SizeIs(80));
  for (size_t i = 0; i < 40; ++i) EXPECT_THAT(log_.records[40 + i].answer_texts, ElementsAre(wanted[i])) << "the shadow's";
  EXPECT_EQ(log_.records[79].texts[0], "channel-39");
}

TEST_F(MixedTest, TextsAreObservedAsTheirCategories) {
  auto reference = std::make_shared<ReferenceProfile>();
  for (const char* name : {"amount", "channel", "count", "rate", "pair_0", "pair_1", "night"}) {
    ColumnProfile column;
    column.name = name;
    column.counts = {1};
    reference->columns.push_back(column);
  }
  reference->columns[1] = {"channel", ColumnKind::kCategorical, {}, {0, 1}, {"shop", "web"}, {5, 5, 0}, 0, 0, 2, 0, 0};
  ServeMixed(nullptr, reference);
  Add(1, "web", 7, 0.1);
  Add(1, "never", 7, 0.1);
  Add(1, {}, 7, 0.1);
  ASSERT_TRUE(Predict(batch_).ok());
  EXPECT_EQ(monitor_.seen[0].features[1], 1);
  EXPECT_EQ(monitor_.seen[1].features[1], 2) << "any other text";
  EXPECT_TRUE(std::isnan(monitor_.seen[2].features[1]));
  EXPECT_EQ(log_.records[0].features[1], 0) << "the log keeps the text instead";
}

TEST_F(MixedTest, AnAnswerThatIsNotTheSignaturesIsInternal) {
  ServeMixed();
  fail_ = absl::InternalError("told to");
  Add(1, "web", 7, 0.1);
  EXPECT_EQ(Predict(batch_).status().code(), absl::StatusCode::kInternal);
  ASSERT_THAT(log_.records, SizeIs(1));
  EXPECT_EQ(log_.records[0].status, PredictionStatus::kFailed);
  EXPECT_THAT(log_.records[0].texts, ElementsAre("web"));
}

TEST_F(MixedTest, AVersionOfOtherTypesTakesNoPartInThePlan) {
  ServeMixed();
  Serve("m", 0, nullptr, "amount,channel,count,rate,pair_0,pair_1,night");
  TrafficPlan plan = registry_->snapshot().Load()->models.at("m")->plan;
  plan.shadows = {"2"};
  EXPECT_THAT(std::string(registry_->SetPlan("m", plan).message()), HasSubstr("differ in the type of column \"channel\": FP32 and BYTES"));
}

}  // namespace
}  // namespace vigil
