#include "alerting/alert_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vigil {
namespace {

using ::testing::HasSubstr;

Alert Whole() {
  Alert alert;
  alert.id = "a1";
  alert.rule = "drift";
  alert.model = "fraud";
  alert.version = "3";
  alert.state = AlertState::kResolved;
  alert.severity = Severity::kCritical;
  alert.labels = {{"alertname", "drift"}};
  alert.annotations = {{"summary", "\"psi\" of amount"}};
  alert.columns = {"amount", "night"};
  alert.value = 0.31;
  alert.threshold = 0.2;
  alert.started = 1;
  alert.fired = 2;
  alert.ended = 3;
  alert.acknowledged = 4;
  alert.acknowledged_by = "ann";
  alert.silenced_until = 5;
  return alert;
}

TEST(AlertJson, RoundTripIsExact) {
  const Json json = AlertToJson(Whole());
  const auto back = AlertFromJson(*ParseJson(DumpJson(json), "alert"));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(AlertToJson(*back), json);
  EXPECT_EQ(back->state, AlertState::kResolved);
  EXPECT_EQ(back->severity, Severity::kCritical);
  EXPECT_EQ(back->columns, Whole().columns);
  EXPECT_EQ(back->silenced_until, 5);
}

TEST(AlertJson, ValuesThatAreNotFiniteComeBackAsNaN) {
  Alert alert = Whole();
  alert.value = INFINITY;
  const auto back = AlertFromJson(*ParseJson(DumpJson(AlertToJson(alert)), "alert"));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(std::isnan(back->value));
  EXPECT_EQ(back->threshold, 0.2);
}

TEST(AlertJson, WhatIsNotAnAlertIsNamed) {
  const auto refuse = [](const char* key, const Json& value, const char* message) {
    Json json = AlertToJson(Whole());
    json[key] = value;
    const auto back = AlertFromJson(json);
    EXPECT_EQ(back.status().code(), absl::StatusCode::kDataLoss) << key;
    EXPECT_THAT(std::string(back.status().message()), HasSubstr(message));
  };
  refuse("state", "burning", "no state is called \"burning\"");
  refuse("severity", "dire", "no severity is called \"dire\"");
  refuse("severity", 2, "severity: ");
  refuse("columns", "amount", "columns: ");
  refuse("fired", 1e300, "fired: no time in microseconds");
  refuse("ended", uint64_t{1} << 63, "ended: no time in microseconds");
  Json json = AlertToJson(Whole());
  json.erase("fired");
  EXPECT_THAT(std::string(AlertFromJson(json).status().message()), HasSubstr("fired"));
  EXPECT_FALSE(AlertFromJson(Json::array()).ok());
}

}  // namespace
}  // namespace vigil
