#include "prediction/route.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "domain/route_hash.h"

namespace vigil {
namespace {

class RouteTest : public ::testing::Test {
 protected:
  RouteTest() {
    for (const char* version : {"1", "2", "3"}) {
      auto served = std::make_shared<ServedVersion>();
      served->facts.version = version;
      model_.versions[version] = served;
    }
    model_.champion = model_.versions["1"];
    model_.plan.salt = "experiment-1";
  }
  void Ramp(double share) { model_.plan.arms = {{"2", "canary", 0, share}, {"1", "champion", share, 1}}; }
  std::string VersionOf(const RouteTable& table, const std::string& entity) {
    return table.arms()[table.Pick(entity)].version->facts.version;
  }

  ServedModel model_;
};

TEST_F(RouteTest, WithoutAPlanTheChampionAnswers) {
  const RouteTable table(model_);
  ASSERT_TRUE(table.is_single());
  EXPECT_EQ(table.arms()[0].version, model_.champion.get());
  EXPECT_EQ(table.arms()[0].name, "champion");
  EXPECT_EQ(table.Pick("anyone"), 0u);
}

TEST_F(RouteTest, AnExplicitVersionBypassesThePlan) {
  Ramp(0.5);
  const RouteTable table(model_, *model_.versions["2"]);
  EXPECT_TRUE(table.is_single());
  EXPECT_EQ(table.arms()[0].name, "explicit");
  EXPECT_EQ(table.arms()[0].code, ArmCode::kTreatment);
}

TEST_F(RouteTest, ArmsGetTheirShareAndARampMovesEntitiesOneWay) {
  constexpr int kEntities = 20'000;
  std::map<std::string, int> before;
  int last = 0;
  for (double share : {0.0, 0.01, 0.1, 0.25, 0.5, 1.0}) {
    Ramp(share);
    const RouteTable table(model_);
    int treated = 0;
    for (int i = 0; i < kEntities; ++i) {
      const std::string entity = absl::StrCat("customer-", i);
      const bool is_treated = VersionOf(table, entity) == "2";
      treated += is_treated;
      EXPECT_TRUE(is_treated || before[entity] == 0) << entity << " went back at " << share;
      before[entity] = is_treated;
      EXPECT_EQ(is_treated, EntityPoint("experiment-1", entity) < share);
    }
    // Four standard deviations.
    EXPECT_NEAR(treated, kEntities * share, 4 * std::sqrt(kEntities * share * (1 - share)) + 1e-9) << share;
    EXPECT_GE(treated, last);
    last = treated;
  }
  EXPECT_EQ(last, kEntities);
}

TEST_F(RouteTest, AnotherSaltIsAnotherSplit) {
  Ramp(0.5);
  const RouteTable first(model_);
  ServedModel other = model_;
  other.plan.salt = "experiment-2";
  const RouteTable second(other);
  int same = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string entity = absl::StrCat("e", i);
    same += first.Pick(entity) == second.Pick(entity);
  }
  EXPECT_NEAR(same, 5000, 4 * 50);
}

TEST_F(RouteTest, ArmNamesSayWhatTheMonitorCounts) {
  EXPECT_EQ(ArmCodeOf("champion"), ArmCode::kControl);
  EXPECT_EQ(ArmCodeOf("control"), ArmCode::kControl);
  EXPECT_EQ(ArmCodeOf("a"), ArmCode::kControl);
  EXPECT_EQ(ArmCodeOf("b"), ArmCode::kTreatment);
  EXPECT_EQ(ArmCodeOf("canary"), ArmCode::kTreatment);
  EXPECT_EQ(ArmCodeOf("shadow"), ArmCode::kShadow);
}

}  // namespace
}  // namespace vigil
