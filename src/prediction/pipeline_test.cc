#include "prediction/pipeline.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "domain/route_hash.h"
#include "prediction/testing/served_fixture.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ServedTest;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::string Message(const Status& status) { return std::string(status.message()); }

class PipelineTest : public ServedTest {};

TEST_F(PipelineTest, ResolvesNamesDefaultsAndTheNearest) {
  EXPECT_EQ(pipeline_->Resolve("").status().code(), absl::StatusCode::kNotFound);
  Serve("fraud", 1);
  EXPECT_EQ(pipeline_->Resolve("")->model->name, "fraud") << "the only one";
  EXPECT_THAT(Message(pipeline_->Resolve("frad").status()), HasSubstr("did you mean \"fraud\""));
  Serve("churn", 1);
  const Status which = pipeline_->Resolve("").status();
  EXPECT_EQ(which.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(which), HasSubstr("churn, fraud"));
  Serve("fraud", 2);
  EXPECT_EQ(pipeline_->Resolve("fraud")->version->facts.version, "1");
  EXPECT_FALSE(pipeline_->Resolve("fraud")->version_is_explicit);
  EXPECT_EQ(pipeline_->Resolve("fraud", "2")->version->facts.version, "2");
  EXPECT_TRUE(pipeline_->Resolve("fraud", "2")->version_is_explicit);
  EXPECT_EQ(pipeline_->Resolve("fraud", "7").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(registry_->Unload("fraud").ok());
  EXPECT_EQ(pipeline_->Resolve("fraud").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(PipelineTest, ScoresLogsAndObservesARow) {
  Serve("m", 10);
  RowBatch& batch = Rows({1, kNan});
  batch.ids = {"tx-1"};
  batch.entities = {"cust-7"};
  context_.arrived_ns = clock_.MonotonicNs() - 3'000'000;
  EXPECT_THAT(Answer(batch), ElementsAre(11));
  EXPECT_EQ(result_.version, "1");
  EXPECT_TRUE(result_.refused.empty());
  EXPECT_TRUE(result_.versions.empty());
  ASSERT_EQ(log_.records.size(), 1u);
  const LoggedPrediction& record = log_.records[0];
  EXPECT_EQ(record.prediction_id, result_.prediction_ids[0]);
  EXPECT_EQ(record.schema, 100u);
  EXPECT_EQ(record.time, 50'000'000);
  EXPECT_EQ(record.latency_us, 3000u);
  EXPECT_EQ(record.status, PredictionStatus::kOk);
  EXPECT_EQ(record.id, "tx-1");
  EXPECT_EQ(record.entity, "cust-7");
  EXPECT_EQ(record.arm, "champion");
  EXPECT_EQ(record.features[0], 1);
  EXPECT_TRUE(std::isnan(record.features[1]));
  EXPECT_TRUE(record.cleaning.empty());
  EXPECT_THAT(record.outputs, ElementsAre(11));
  ASSERT_EQ(monitor_.seen.size(), 1u);
  EXPECT_EQ(monitor_.seen[0].arm, 0);
  EXPECT_THAT(monitor_.seen[0].outputs, ElementsAre(11));
  EXPECT_EQ(log_.flushes, 0);
  pipeline_->EndTurn();
  EXPECT_EQ(log_.flushed, 1u);
  EXPECT_EQ(monitor_.seals, 1);
  EXPECT_EQ(pipeline_->counters().requests, 1);
  EXPECT_EQ(pipeline_->counters().rows, 1);
}

TEST_F(PipelineTest, ABatchThatDoesNotFitTheModelIsRefused) {
  Serve("m", 0);
  RowBatch wide;
  wide.Reset(3);
  wide.rows = 1;
  wide.values = {1, 2, 3};
  EXPECT_THAT(Message(Predict(wide).status()), HasSubstr("rows of 3 columns; model m takes 2"));
  RowBatch& ids = Rows({1, 2, 3, 4});
  ids.ids = {"only one"};
  EXPECT_THAT(Message(Predict(ids).status()), HasSubstr("1 ids for 2 rows"));
  RowBatch& torn = Rows({1, 2, 3});
  torn.rows = 2;
  EXPECT_EQ(Predict(torn).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Answer(Rows({})).empty());
  EXPECT_TRUE(log_.records.empty());
}

TEST_F(PipelineTest, OneRefusedRowRefusesTheRequest) {
  Serve("m", 0, SchemaOfA([](ColumnRule& a) { a.maximum = 5; }));
  const StatusOr<ScoreState> state = Predict(Rows({1, 1, 9, 1, 2, 1}));
  EXPECT_EQ(state.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(state.status()), HasSubstr("1 of 3 rows are refused; row 1, column a: 9 breaks maximum 5"));
  ASSERT_EQ(result_.errors.size(), 1u);
  EXPECT_EQ(result_.errors[0].row, 1);
  EXPECT_EQ(result_.error_count, 1);
  EXPECT_EQ(behaviour_.batches, 0);
  ASSERT_EQ(log_.records.size(), 1u) << "only the row that broke a rule";
  EXPECT_EQ(log_.records[0].status, PredictionStatus::kRefused);
  EXPECT_THAT(log_.records[0].features, ElementsAre(9, 1));
  EXPECT_TRUE(log_.records[0].outputs.empty());
  EXPECT_TRUE(monitor_.seen[0].refused);
  EXPECT_EQ(pipeline_->counters().refused_rows, 1);
}

TEST_F(PipelineTest, PartialAnswersWhatItCan) {
  Serve("m", 0, SchemaOfA([](ColumnRule& a) { a.maximum = 5; }));
  RowBatch& batch = Rows({1, 1, 9, 1, 2, 1, 3, kNan});
  batch.partial = true;
  batch.AddError({3, "b", "x", "type"});
  const std::vector<float> answer = Answer(batch);
  ASSERT_EQ(answer.size(), 4u);
  EXPECT_EQ(answer[0], 2);
  EXPECT_TRUE(std::isnan(answer[1]));
  EXPECT_EQ(answer[2], 3);
  EXPECT_TRUE(std::isnan(answer[3]));
  EXPECT_THAT(result_.refused, ElementsAre(0, 1, 0, 1));
  EXPECT_EQ(result_.error_count, 2);
  ASSERT_EQ(log_.records.size(), 4u) << "in the rows' order";
  EXPECT_EQ(log_.records[1].status, PredictionStatus::kRefused);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(log_.records[i].prediction_id, result_.prediction_ids[i]);
  // All of them refused: nothing is scored, and that is an answer too.
  const int64_t batches = behaviour_.batches;
  RowBatch& none = Rows({9, 9});
  none.partial = true;
  EXPECT_TRUE(std::isnan(Answer(none)[0]));
  EXPECT_EQ(behaviour_.batches, batches);
}

TEST_F(PipelineTest, CleanedValuesAreScoredAndReceivedOnesLogged) {
  Serve("m", 0, SchemaOfA([](ColumnRule& a) {
          a.maximum = 5;
          a.on_range = CleanPolicy::kClamp;
        }));
  EXPECT_THAT(Answer(Rows({1, 1, 9, 1})), ElementsAre(2, 6));
  EXPECT_THAT(log_.records[1].features, ElementsAre(9, 1));
  EXPECT_THAT(log_.records[1].cleaning, ElementsAre(2, 0));
  EXPECT_TRUE(log_.records[0].cleaning.empty());
  EXPECT_EQ(monitor_.seen[1].cleaned, 1u);
  EXPECT_THAT(monitor_.seen[1].features, ElementsAre(9, 1));
  EXPECT_EQ(pipeline_->counters().cleaned_cells, 1);
}

TEST_F(PipelineTest, CountsAreHandedOverAtMostOnceAnInterval) {
  Serve("m", 0);
  spaced_hand_over_ = true;
  Start({.seal_interval_us = 5'000});
  const int before = monitor_.seals;
  pipeline_->EndTurn();
  pipeline_->EndTurn();
  EXPECT_EQ(monitor_.seals, before + 1);
  clock_.Advance(5'000);
  pipeline_->EndTurn();
  EXPECT_EQ(monitor_.seals, before + 2);
}

TEST_F(PipelineTest, EventTimesDriveTheClockOnlyWhenAsked) {
  Serve("m", 0);
  RowBatch& wall = Rows({1, 1});
  wall.times = {777};
  Answer(wall);
  EXPECT_EQ(log_.records[0].time, 50'000'000);
  EXPECT_EQ(event_clock_.NowUs(), 0);
  Start({.event_clock = true});
  Answer(Rows({1, 1}));
  EXPECT_EQ(log_.records[1].time, 50'000'000) << "no event has been seen yet";
  RowBatch& events = Rows({1, 1, 2, 2});
  events.times = {900, 800};
  Answer(events);
  EXPECT_EQ(log_.records[2].time, 900);
  EXPECT_EQ(log_.records[3].time, 800);
  monitor_.seal_succeeds = false;
  pipeline_->EndTurn();
  EXPECT_EQ(event_clock_.NowUs(), 0) << "the rows of that time are not counted yet";
  monitor_.seal_succeeds = true;
  pipeline_->EndTurn();
  EXPECT_EQ(event_clock_.NowUs(), 900);
  Answer(Rows({1, 1}));
  EXPECT_EQ(log_.records[4].time, 900) << "a row without a time happens now";
}

class CanaryTest : public PipelineTest {
 protected:
  void Canary(double share, std::vector<std::string> shadows = {}) {
    Serve("m", 0);
    Serve("m", 1000);
    Serve("m", 5000);
    TrafficPlan plan = registry_->snapshot().Load()->models.at("m")->plan;
    plan.salt = "s";
    plan.experiment = "r";
    plan.arms = {{"2", "canary", 0, share}, {"1", "champion", share, 1}};
    plan.shadows = std::move(shadows);
    ASSERT_TRUE(registry_->SetPlan("m", plan).ok());
  }
};

TEST_F(CanaryTest, RowsOfOneRequestGoWhereTheirEntitiesBelong) {
  Canary(0.4);
  constexpr size_t kRows = 200;
  std::vector<std::string> entities;
  std::vector<float> values;
  for (size_t i = 0; i < kRows; ++i) {
    entities.push_back(absl::StrCat("e", i));
    values.insert(values.end(), {static_cast<float>(i), 0});
  }
  RowBatch& batch = Rows(values);
  batch.entities.assign(entities.begin(), entities.end());
  const std::vector<float> answer = Answer(batch);
  ASSERT_EQ(result_.versions.size(), kRows);
  EXPECT_EQ(result_.version, "1");
  size_t treated = 0;
  for (size_t i = 0; i < kRows; ++i) {
    const bool treatment = EntityPoint("s", entities[i]) < 0.4;
    treated += treatment;
    EXPECT_EQ(answer[i], static_cast<float>(i) + (treatment ? 1000 : 0));
    EXPECT_EQ(result_.versions[i], treatment ? "2" : "1");
    EXPECT_EQ(log_.records[i].arm, treatment ? "canary" : "champion");
    EXPECT_EQ(log_.records[i].schema, treatment ? 101u : 100u);
    EXPECT_EQ(monitor_.seen[i].arm, treatment ? 1 : 0);
    EXPECT_EQ(monitor_.seen[i].slot, treatment ? 1u : 0u);
  }
  EXPECT_GT(treated, 40u);
  EXPECT_LT(treated, 120u);
  EXPECT_EQ(behaviour_.batches, 2) << "one call a version";
}

TEST_F(CanaryTest, ASingleTreatedRowNamesItsVersion) {
  Canary(0.4);
  std::string entity = "x";
  while (EntityPoint("s", entity) >= 0.4) entity += "x";
  context_.entity = entity;  // the request's default
  EXPECT_THAT(Answer(Rows({1, 1})), ElementsAre(1002));
  EXPECT_EQ(result_.version, "2");
  EXPECT_TRUE(result_.versions.empty());
  EXPECT_EQ(log_.records[0].entity, entity);
}

TEST_F(CanaryTest, WithoutAnEntityThePredictionIdIsHashed) {
  Canary(0.5);
  int treated = 0;
  for (int i = 0; i < 100; ++i) {
    const size_t first = log_.records.size();
    Answer(Rows({1, 0, 2, 0}));
    for (size_t row = 0; row < 2; ++row) {
      const LoggedPrediction& record = log_.records[first + row];
      const bool treatment = EntityPoint("s", record.prediction_id.Text()) < 0.5;
      treated += treatment;
      EXPECT_EQ(record.arm, treatment ? "canary" : "champion");
      EXPECT_TRUE(record.entity.empty()) << "so that verdicts leave it out";
    }
  }
  EXPECT_NEAR(treated, 100, 30);
}

TEST_F(CanaryTest, AVersionAskedForByNumberBypassesRouting) {
  Canary(1.0);
  EXPECT_THAT(Answer(Rows({1, 1}), "m", "1"), ElementsAre(2));
  EXPECT_EQ(result_.version, "1");
  EXPECT_EQ(log_.records[0].arm, "explicit");
  EXPECT_THAT(Answer(Rows({1, 1}), "m", "3"), ElementsAre(5002));
}

TEST_F(CanaryTest, RefusedRowsAndArmsTogether) {
  Canary(0.5);
  RowBatch& batch = Rows({1, 0, 2, 0, 3, 0, 4, 0});
  batch.partial = true;
  batch.entities = {"a", "b", "c", "d"};
  batch.AddError({2, "b", "x", "type"});
  const std::vector<float> answer = Answer(batch);
  for (size_t i = 0; i < 4; ++i) {
    if (i == 2) {
      EXPECT_TRUE(std::isnan(answer[i]));
    } else {
      EXPECT_EQ(answer[i], static_cast<float>(i + 1) + (EntityPoint("s", batch.entities[i]) < 0.5 ? 1000 : 0));
    }
  }
}

TEST_F(CanaryTest, AFailingArmFailsTheRequestAndIsLoggedAgainstThatArmAlone) {
  Canary(0.5);
  behaviour_.fail_bias = 1000;
  std::string treated = "x", control = "x";
  while (EntityPoint("s", treated) >= 0.5) treated += "x";
  while (EntityPoint("s", control) < 0.5) control += "y";
  RowBatch& batch = Rows({1, 0, 2, 0});
  batch.entities = {control, treated};
  EXPECT_EQ(Predict(batch).status().code(), absl::StatusCode::kInternal);
  ASSERT_EQ(log_.records.size(), 1u);
  EXPECT_EQ(log_.records[0].status, PredictionStatus::kFailed);
  EXPECT_EQ(log_.records[0].arm, "canary");
  EXPECT_EQ(pipeline_->counters().failed_rows, 2);
  ASSERT_EQ(monitor_.seen.size(), 1u);  // as a failure, which traffic counts
  EXPECT_TRUE(monitor_.seen[0].failed);
  EXPECT_FALSE(monitor_.seen[0].refused);
}

TEST_F(CanaryTest, ShadowsScoreEveryAnsweredRowUnseen) {
  Canary(0.5, {"2", "3"});
  std::string treated = "x", control = "x";
  while (EntityPoint("s", treated) >= 0.5) treated += "x";
  while (EntityPoint("s", control) < 0.5) control += "y";
  RowBatch& batch = Rows({1, 0, 2, 0});
  batch.entities = {control, treated};
  batch.ids = {"tx-1", ""};
  EXPECT_THAT(Answer(batch), ElementsAre(1, 1002));
  const std::string second_id = result_.prediction_ids[1].Text();
  EXPECT_EQ(log_.records.size(), 2u) << "nothing before the end of the turn";
  batch.values.assign(4, -1);  // the request is gone by then
  pipeline_->EndTurn();
  std::set<std::string> shadows;
  for (size_t i = 2; i < log_.records.size(); ++i) {
    const LoggedPrediction& record = log_.records[i];
    EXPECT_EQ(record.status, PredictionStatus::kShadow);
    EXPECT_EQ(record.arm, "shadow");
    EXPECT_EQ(record.entity, record.features[0] == 1 ? control : treated);
    shadows.insert(absl::StrCat(record.schema, " ", record.id, " ", record.outputs.at(0)));
    EXPECT_EQ(monitor_.seen[i].arm, 2);
  }
  // The treated row was answered by version 2, which does not shadow itself.
  EXPECT_THAT(shadows, ElementsAre("101 tx-1 1001", "102 " + second_id + " 5002", "102 tx-1 5001"));
  EXPECT_EQ(log_.flushed, 5u) << "shadows are in the turn's flush";
  EXPECT_EQ(pipeline_->counters().shadow_rows, 3);
}

TEST_F(PipelineTest, TheShadowRoleSeesCleanedRowsAndLogsReceivedOnes) {
  const auto clamp = [](ColumnRule& a) {
    a.maximum = 5;
    a.on_range = CleanPolicy::kClamp;
  };
  Serve("m", 0, SchemaOfA(clamp));
  Serve("m", 1000);
  ASSERT_TRUE(registry_->SetRole("m", Role::kShadow, "2", 0, "me", "").ok());
  Answer(Rows({1, 1}));
  Answer(Rows({9, 1}));
  pipeline_->EndTurn();
  ASSERT_EQ(log_.records.size(), 4u);
  EXPECT_THAT(log_.records[2].outputs, ElementsAre(1002));
  EXPECT_THAT(log_.records[3].outputs, ElementsAre(1006));
  EXPECT_THAT(log_.records[3].features, ElementsAre(9, 1));
}

TEST_F(PipelineTest, ShadowsBeyondBudgetOrBufferAreSkippedAndCounted) {
  Serve("m", 0);
  Serve("m", 1000);
  ASSERT_TRUE(registry_->SetRole("m", Role::kShadow, "2", 0, "me", "").ok());
  Start({.shadow_budget_us_per_s = 0});
  Answer(Rows({1, 1, 2, 2}));
  pipeline_->EndTurn();
  EXPECT_EQ(pipeline_->counters().shadow_skipped, 2);
  EXPECT_EQ(pipeline_->counters().shadow_rows, 0);
  Start({.shadow_buffer_bytes_max = 100});
  Answer(Rows({1, 1, 2, 2, 3, 3, 4, 4, 5, 5}));
  pipeline_->EndTurn();
  EXPECT_GT(pipeline_->counters().shadow_rows, 0);
  EXPECT_GT(pipeline_->counters().shadow_skipped, 0);
  EXPECT_EQ(pipeline_->counters().shadow_rows + pipeline_->counters().shadow_skipped, 5);
  Answer(Rows({1, 1}));
  pipeline_->EndTurn();
  EXPECT_EQ(pipeline_->counters().shadow_rows + pipeline_->counters().shadow_skipped, 6) << "the buffer is free again";
  Start({.shadow_on_path = false});
  Answer(Rows({1, 1}));
  EXPECT_EQ(pipeline_->counters().shadow_skipped, 1);
}

TEST_F(PipelineTest, AFailingShadowHarmsNobody) {
  Serve("m", 0);
  Serve("m", 1000);
  ASSERT_TRUE(registry_->SetRole("m", Role::kShadow, "2", 0, "me", "").ok());
  behaviour_.fail_bias = 1000;
  EXPECT_THAT(Answer(Rows({1, 1})), ElementsAre(2));
  pipeline_->EndTurn();
  EXPECT_EQ(pipeline_->counters().shadow_failed, 1);
  EXPECT_EQ(pipeline_->counters().failed_rows, 0);
  EXPECT_EQ(log_.records[1].status, PredictionStatus::kShadow);
  EXPECT_TRUE(log_.records[1].outputs.empty());
  ASSERT_EQ(monitor_.seen.size(), 2u);
  EXPECT_FALSE(monitor_.seen[0].failed);
  EXPECT_TRUE(monitor_.seen[1].failed);
  EXPECT_EQ(monitor_.seen[1].arm, 2) << "the shadow's failure, not the champion's";
}

TEST_F(PipelineTest, WithoutALogIdsAreStillUnique) {
  Serve("m", 0);
  Start({.log = false});
  std::set<uint64_t> ids;
  for (int i = 0; i < 100; ++i) {
    Answer(Rows({1, 1, 2, 2}));
    for (PredictionId id : result_.prediction_ids) ids.insert(id.value);
  }
  const auto former =
      std::exchange(pipeline_, std::make_unique<Pipeline>(*registry_, nullptr, nullptr, clock_, nullptr, PipelineOptions{}));
  Answer(Rows({1, 1}));
  ids.insert(result_.prediction_ids[0].value);
  EXPECT_EQ(ids.size(), 201u);
  EXPECT_TRUE(log_.records.empty());
  EXPECT_EQ(monitor_.seen.size(), 200u);
}

TEST_F(PipelineTest, AFailingLogNeverFailsAPrediction) {
  Serve("m", 0);
  log_.append_failure = absl::ResourceExhaustedError("disk full");
  log_.flush_failure = absl::ResourceExhaustedError("disk full");
  EXPECT_THAT(Answer(Rows({1, 1})), ElementsAre(2));
  const PredictionId dropped = result_.prediction_ids[0];
  pipeline_->EndTurn();
  EXPECT_EQ(pipeline_->counters().log_dropped, 1);
  EXPECT_EQ(pipeline_->counters().log_failures, 1);
  log_.append_failure = absl::OkStatus();
  Answer(Rows({1, 1}));
  EXPECT_NE(result_.prediction_ids[0], dropped) << "a label for the dropped one must not find another's record";
  log_.writer_failure = absl::UnavailableError("no directory");
  log_.flush_failure = absl::OkStatus();
  Start();
  EXPECT_THAT(Answer(Rows({1, 1})), ElementsAre(2));
  EXPECT_EQ(pipeline_->counters().log_dropped, 1);
  log_.writer_failure = absl::OkStatus();
  clock_.Advance(2 * kSecondUs);
  pipeline_->EndTurn();
  Answer(Rows({1, 1}));
  EXPECT_EQ(pipeline_->counters().log_dropped, 1) << "the writer was opened again";
}

TEST_F(PipelineTest, APassedDeadlineIsAnsweredBeforeScoring) {
  Serve("m", 0);
  context_.deadline_ns = clock_.MonotonicNs();
  EXPECT_EQ(Predict(Rows({1, 1})).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(behaviour_.batches, 0);
  EXPECT_TRUE(log_.records.empty());
  EXPECT_EQ(pipeline_->counters().failed_rows, 1);
  context_.deadline_ns += 1;
  EXPECT_TRUE(Predict(Rows({1, 1})).ok());
}

TEST_F(PipelineTest, ARuntimeMayAnswerLater) {
  Serve("m", 0);
  AnswerLater();
  std::vector<float> late;
  done_ = [&](StatusOr<PredictResult> result) {
    ASSERT_TRUE(result.ok()) << result.status();
    late.assign(result->outputs.begin(), result->outputs.end());
    EXPECT_EQ(log_.flushed, 1u) << "an answer never precedes its record";
    EXPECT_EQ(result->prediction_ids[0], log_.records[0].prediction_id);
  };
  RowBatch first;
  first.Reset(2);
  first.rows = 1;
  first.values = {1, 2};
  const StatusOr<PredictTarget> target = pipeline_->Resolve("m");
  const StatusOr<ScoreState> state = pipeline_->Predict(context_, *target, first, &result_, post_, done_);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(*state, ScoreState::kLater);
  EXPECT_TRUE(log_.records.empty());
  pipeline_->EndTurn();
  // Another request overtakes it meanwhile.
  behaviour_.later = false;
  EXPECT_THAT(Answer(Rows({5, 5})), ElementsAre(10));
  log_.records.clear();
  clock_.Advance(1000);
  RunLoop();
  EXPECT_THAT(late, ElementsAre(3));
  EXPECT_EQ(log_.records[0].latency_us, 1000u);
}

TEST_F(PipelineTest, ALateFailureIsHandedOnAndLogged) {
  Serve("m", 0);
  AnswerLater();
  Status late;
  done_ = [&](StatusOr<PredictResult> result) { late = result.status(); };
  RowBatch& batch = Rows({1, 1});
  ASSERT_EQ(*Predict(batch), ScoreState::kLater);
  behaviour_.fail = true;
  RunLoop();
  EXPECT_EQ(late.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(log_.records[0].status, PredictionStatus::kFailed);
}

TEST_F(CanaryTest, LateGroupsAreJoinedAndShadowsMayAnswerLaterToo) {
  Canary(0.5, {"3"});
  AnswerLater();
  std::vector<float> late;
  int calls = 0;
  done_ = [&](StatusOr<PredictResult> result) {
    ++calls;
    ASSERT_TRUE(result.ok());
    late.assign(result->outputs.begin(), result->outputs.end());
  };
  RowBatch& batch = Rows({1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0});
  batch.entities = {"a", "b", "c", "d", "e", "f", "g", "h"};
  ASSERT_EQ(*Predict(batch), ScoreState::kLater);
  EXPECT_EQ(loop_.size(), 2u);
  RunLoop();
  EXPECT_EQ(calls, 1);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(late[i], static_cast<float>(i + 1) + (EntityPoint("s", batch.entities[i]) < 0.5 ? 1000 : 0));
  pipeline_->EndTurn();
  EXPECT_EQ(pipeline_->counters().shadow_rows, 0);
  clock_.Advance(5);
  RunLoop();
  EXPECT_EQ(pipeline_->counters().shadow_rows, 8);
  EXPECT_EQ(log_.records.back().arm, "shadow");
  EXPECT_EQ(log_.records.back().latency_us, 5u) << "the request's, not an eighth of it, which would be nothing";
}

TEST_F(PipelineTest, AVersionIsPinnedUntilItsLastRequestEnds) {
  Serve("m", 0);
  Serve("m", 1000);
  AnswerLater();
  std::vector<float> late;
  done_ = [&](StatusOr<PredictResult> result) { late.assign(result->outputs.begin(), result->outputs.end()); };
  RowBatch& batch = Rows({1, 1});
  ASSERT_EQ(*Predict(batch, "m", "2"), ScoreState::kLater);
  ASSERT_TRUE(registry_->SetState("m", "2", VersionState::kRejected, "me", "").ok());
  pipeline_->EndTurn();
  EXPECT_EQ(behaviour_.models_alive, 2);
  RunLoop();
  EXPECT_THAT(late, ElementsAre(1002));
  target_ = {};
  pipeline_->EndTurn();
  registry_->Reap();
  EXPECT_EQ(behaviour_.models_alive, 1) << "and then its memory is given back";
  EXPECT_EQ(behaviour_.scorers_alive, 0);
}

TEST_F(PipelineTest, AnUnloadedVersionLeavesNothingBehind) {
  Serve("m", 0);
  Serve("m", 1000);
  Answer(Rows({1, 1}), "m", "2");
  PredictTarget stale = target_;
  ASSERT_TRUE(registry_->Unload("m", "2").ok());
  pipeline_->EndTurn();
  EXPECT_EQ(behaviour_.models_alive, 2) << "a handle pins it";
  // A request that was resolved before still gets its answer.
  ASSERT_TRUE(pipeline_->Predict(context_, stale, Rows({1, 1}), &result_, nullptr, nullptr).ok());
  EXPECT_EQ(result_.outputs[0], 1002);
  stale = {};
  target_ = {};
  pipeline_->EndTurn();
  registry_->Reap();
  EXPECT_EQ(behaviour_.models_alive, 1);
}

TEST_F(PipelineTest, ARunningLateCallMayBeDestroyedWithThePipeline) {
  Serve("m", 0);
  AnswerLater();
  done_ = [](StatusOr<PredictResult>) { FAIL() << "the loop has ended"; };
  ASSERT_EQ(*Predict(Rows({1, 1})), ScoreState::kLater);
  loop_.clear();
  pipeline_.reset();
  EXPECT_EQ(behaviour_.scorers_alive, 0);
}

}  // namespace
}  // namespace vigil
