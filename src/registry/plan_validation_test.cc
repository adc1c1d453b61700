#include "registry/plan_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "registry/testing/sum_model.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;

class PlanTest : public ::testing::Test {
 protected:
  PlanTest() {
    model_.name = "fraud";
    model_.champion = Add("1", {"a", "b"});
    Add("2", {"a", "b"});
    Add("3", {"a", "c"});
  }
  std::shared_ptr<const ServedVersion> Add(const std::string& version, std::vector<std::string> columns) {
    auto served = std::make_shared<ServedVersion>();
    served->facts.model = "fraud";
    served->facts.version = version;
    served->loaded = std::make_shared<testing::SumModel>(0.0f, std::move(columns), version, behaviour_);
    model_.versions[version] = served;
    return served;
  }
  static TrafficPlan Plan(std::vector<TrafficArm> arms, std::vector<std::string> shadows = {}) {
    TrafficPlan plan;
    plan.salt = "salt";
    plan.arms = std::move(arms);
    plan.shadows = std::move(shadows);
    return plan;
  }
  std::string Error(const TrafficPlan& plan) {
    const Status status = CheckPlan(model_, plan);
    return status.ok() ? "" : std::string(status.message());
  }

  testing::SumBehaviour behaviour_;
  ServedModel model_;
};

TEST_F(PlanTest, AcceptsWhatCoversTheLineOnceInAnyOrder) {
  EXPECT_EQ(Error(Plan({})), "");
  EXPECT_EQ(Error(Plan({{"1", "champion", 0, 1}})), "");
  EXPECT_EQ(Error(Plan({{"1", "champion", 0.1, 1}, {"2", "canary", 0, 0.1}})), "");
  EXPECT_EQ(Error(Plan({{"2", "canary", 0, 0}, {"1", "champion", 0, 1}}, {"2"})), "");
}

TEST_F(PlanTest, RefusesGapsOverlapsAndNonsense) {
  EXPECT_THAT(Error(Plan({{"1", "champion", 0.2, 1}, {"2", "canary", 0, 0.1}})),
              HasSubstr("arm champion begins at 0.2, but the arms so far end at 0.1"));
  EXPECT_THAT(Error(Plan({{"1", "champion", 0.1, 1}, {"2", "canary", 0, 0.3}})), HasSubstr("already cover"));
  EXPECT_THAT(Error(Plan({{"1", "champion", 0, 0.9}})), HasSubstr("end at 0.9, not at 1"));
  EXPECT_THAT(Error(Plan({{"1", "champion", 0, std::nan("")}})), HasSubstr("no part of"));
  EXPECT_THAT(Error(Plan({{"1", "champion", 0.5, 0.2}})), HasSubstr("no part of"));
  EXPECT_THAT(Error(Plan({{"1", "", 0, 1}})), HasSubstr("no name"));
  TrafficPlan unsalted = Plan({{"1", "champion", 0.5, 1}, {"2", "canary", 0, 0.5}});
  unsalted.salt.clear();
  EXPECT_THAT(Error(unsalted), HasSubstr("salt"));
  EXPECT_THAT(Error(Plan(std::vector<TrafficArm>(kTrafficArmsMax + 1, {"1", "champion", 0, 0}))), HasSubstr("at most"));
}

TEST_F(PlanTest, RefusesVersionsThatCannotAnswer) {
  EXPECT_THAT(Error(Plan({{"1", "champion", 0.1, 1}, {"9", "canary", 0, 0.1}})), HasSubstr("version 9 of fraud is not loaded"));
  EXPECT_THAT(Error(Plan({{"1", "champion", 0.1, 1}, {"3", "canary", 0, 0.1}})),
              HasSubstr("version 3 cannot stand beside champion 1: the rows lack the model's column \"c\""));
  EXPECT_THAT(Error(Plan({}, {"3"})), HasSubstr("lack the model's column"));
  EXPECT_THAT(Error(Plan({}, {"1"})), HasSubstr("scores these rows already"));
  EXPECT_THAT(Error(Plan({}, {"2", "2"})), HasSubstr("scores these rows already"));
  model_.champion = nullptr;
  EXPECT_THAT(Error(Plan({})), HasSubstr("no champion"));
}

}  // namespace
}  // namespace vigil
