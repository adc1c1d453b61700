#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "retraining/retraining.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;

const TimeUs kMonday = *ParseTime("2018-07-16");

Alert Firing(const std::string& id, const std::string& kinds) {
  Alert alert;
  alert.id = id;
  alert.state = AlertState::kFiring;
  alert.labels["kinds"] = kinds;
  alert.annotations["summary"] = "psi of amount is 0.9";
  return alert;
}

Job Ended(JobState state) {
  Job job;
  job.state = state;
  return job;
}

TEST(TriggerPolicy, AlertsOfTheRightKindAskAfterTheySettled) {
  TriggerOptions options;
  options.settle_us = 2 * kDayUs;
  TriggerPolicy policy(options);
  policy.OnAlert(Firing("7", "traffic"), kMonday);
  EXPECT_FALSE(policy.Due(kMonday + 9 * kDayUs, false).has_value());
  policy.OnAlert(Firing("8", "quality,drift"), kMonday);
  EXPECT_FALSE(policy.Due(kMonday + kDayUs, false).has_value());
  EXPECT_FALSE(policy.Due(kMonday + 2 * kDayUs, true).has_value()) << "busy";
  const auto ask = policy.Due(kMonday + 2 * kDayUs, false);
  ASSERT_TRUE(ask.has_value());
  EXPECT_EQ(ask->trigger, "alert/8");
  EXPECT_THAT(ask->reason, HasSubstr("psi of amount"));
  EXPECT_FALSE(policy.Due(kMonday + 2 * kDayUs + 1, false).has_value()) << "taken to be started";
}

TEST(TriggerPolicy, AResolvedAlertNoLongerAsks) {
  TriggerOptions options;
  options.settle_us = kDayUs;
  TriggerPolicy policy(options);
  Alert alert = Firing("8", "drift");
  policy.OnAlert(alert, kMonday);
  alert.state = AlertState::kResolved;
  policy.OnAlert(alert, kMonday + kHourUs);
  EXPECT_FALSE(policy.Due(kMonday + 2 * kDayUs, false).has_value());
}

TEST(TriggerPolicy, AnAlertThatStaysAsksAgainAfterTheCoolDown) {
  for (const bool repeat : {true, false}) {
    TriggerOptions options;
    options.repeat_while_firing = repeat;
    TriggerPolicy policy(options);
    policy.OnAlert(Firing("8", "drift"), kMonday);
    ASSERT_TRUE(policy.Due(kMonday, false).has_value());
    policy.OnJobEnded(Ended(JobState::kDone), kMonday + kHourUs);
    EXPECT_FALSE(policy.Due(kMonday + 7 * kDayUs - 1, false).has_value());
    EXPECT_EQ(policy.Due(kMonday + 7 * kDayUs, false).has_value(), repeat);
    policy.OnAlert(Firing("9", "drift"), kMonday + 8 * kDayUs);
    EXPECT_EQ(policy.Due(kMonday + 14 * kDayUs, false).has_value(), true);
  }
}

TEST(TriggerPolicy, ScheduleRunsTheLatestMissedTimeOnce) {
  TriggerOptions options;
  options.cron = "0 3 * * *";
  options.cooldown_us = 0;
  TriggerPolicy policy(options);
  EXPECT_FALSE(policy.Due(0, false).has_value()) << "an event clock before its first event";
  EXPECT_FALSE(policy.Due(kMonday, false).has_value()) << "the schedule begins when first seen";
  EXPECT_FALSE(policy.Due(kMonday + 3 * kHourUs - 1, false).has_value());
  const auto ask = policy.Due(kMonday + 3 * kHourUs, false);
  ASSERT_TRUE(ask.has_value());
  EXPECT_EQ(ask->trigger, "cron");
  EXPECT_FALSE(policy.Due(kMonday + kDayUs + 4 * kHourUs, true).has_value());
  EXPECT_FALSE(policy.Due(kMonday + 5 * kDayUs, true).has_value());
  EXPECT_TRUE(policy.Due(kMonday + 5 * kDayUs + kHourUs, false).has_value()) << "missed while busy";
  EXPECT_FALSE(policy.Due(kMonday + 5 * kDayUs + 2 * kHourUs, false).has_value()) << "once";
}

TEST(TriggerPolicy, AsksAreCoalesced) {
  TriggerOptions options;
  options.cron = "0 3 * * *";
  options.new_labels_min = 100;
  TriggerPolicy policy(options);
  policy.Due(kMonday, true);
  policy.OnLabels(60, kMonday);
  policy.OnLabels(60, kMonday);
  policy.OnAlert(Firing("8", "performance"), kMonday);
  policy.RequestNow("asked for by ann");
  const auto ask = policy.Due(kMonday + 4 * kHourUs, false);
  ASSERT_TRUE(ask.has_value());
  EXPECT_EQ(ask->trigger, "manual");
  EXPECT_EQ(ask->reason, "asked for by ann; psi of amount is 0.9; 120 new labels; scheduled (0 3 * * *)");
  policy.OnJobEnded(Ended(JobState::kDone), kMonday);
  Alert resolved = Firing("8", "performance");
  resolved.state = AlertState::kResolved;
  policy.OnAlert(resolved, kMonday);
  policy.OnLabels(99, kMonday);
  EXPECT_FALSE(policy.Due(kMonday + 4 * kHourUs + 1, false).has_value());
}

TEST(TriggerPolicy, TheDaysBudgetHolds) {
  TriggerOptions options;
  options.cooldown_us = 0;
  options.runs_per_day_max = 2;
  options.new_labels_min = 1;
  TriggerPolicy policy(options);
  int runs = 0;
  for (int hour = 0; hour < 48; ++hour) {
    policy.OnLabels(1, kMonday);
    runs += policy.Due(kMonday + hour * kHourUs, false).has_value();
    policy.OnJobEnded(Ended(JobState::kDone), kMonday);
  }
  EXPECT_EQ(runs, 4);
}

TEST(TriggerPolicy, TheCircuitOpensAfterRefusalsUntilAPersonAsks) {
  TriggerOptions options;
  options.cooldown_us = kDayUs;
  options.new_labels_min = 1;
  TriggerPolicy policy(options);
  TimeUs now = kMonday;
  for (int i = 0; i < 3; ++i, now += kDayUs) {
    policy.OnLabels(1, now);
    ASSERT_TRUE(policy.Due(now, false).has_value()) << i;
    policy.OnJobEnded(Ended(JobState::kRefused), now);
  }
  policy.OnLabels(1, now);
  EXPECT_TRUE(policy.circuit_open());
  EXPECT_FALSE(policy.Due(now + 100 * kDayUs, false).has_value());
  policy.RequestNow("asked for by ann");
  EXPECT_TRUE(policy.Due(now, false).has_value()) << "neither circuit nor cool-down stops a person";
  EXPECT_FALSE(policy.circuit_open());
}

TEST(TriggerPolicy, NotReadyIsAskedAgainWithoutPenalty) {
  TriggerOptions options;
  options.new_labels_min = 1;
  options.runs_per_day_max = 1;
  TriggerPolicy policy(options);
  policy.OnLabels(1, kMonday);
  ASSERT_TRUE(policy.Due(kMonday, false).has_value());
  policy.OnJobEnded(Ended(JobState::kNotReady), kMonday + kMinuteUs);
  EXPECT_FALSE(policy.Due(kMonday + kHourUs, false).has_value());
  const auto again = policy.Due(kMonday + kDayUs + kMinuteUs, false);
  ASSERT_TRUE(again.has_value()) << "well within the cool-down of a week";
  EXPECT_EQ(again->trigger, "labels");
}

TEST(TriggerPolicy, StateSurvivesARestart) {
  TriggerOptions options;
  options.cron = "0 3 * * *";
  options.new_labels_min = 10;
  TriggerPolicy policy(options);
  policy.Due(kMonday, false);
  policy.OnLabels(7, kMonday);
  policy.OnAlert(Firing("8", "drift"), kMonday);
  ASSERT_TRUE(policy.Due(kMonday + kHourUs, false).has_value());
  policy.OnJobEnded(Ended(JobState::kRefused), kMonday);
  policy.OnLabels(3, kMonday);
  TriggerPolicy restarted(options);
  ASSERT_TRUE(restarted.Load(*ParseJson(DumpJson(policy.Save()), "state")).ok());
  EXPECT_EQ(restarted.Save(), policy.Save());
  EXPECT_FALSE(restarted.Due(kMonday + 7 * kDayUs, false).has_value()) << "the cool-down is remembered";
  EXPECT_THAT(restarted.Due(kMonday + 7 * kDayUs + kHourUs, false)->reason, HasSubstr("scheduled"));
  EXPECT_EQ(restarted.Load(Json::object()).code(), absl::StatusCode::kDataLoss);
}

TEST(TriggerOptions, ErrorsNameTheKey) {
  const auto message = [](const char* text) {
    return std::string(TriggerOptionsFromJson(*ParseJson(text, "test"), "retraining").status().message());
  };
  EXPECT_THAT(message(R"({"crn":"* * * * *"})"), HasSubstr("retraining.crn: unknown key (did you mean \"cron\"?)"));
  EXPECT_THAT(message(R"({"cron":"* * *"})"), HasSubstr("retraining.cron: cron \"* * *\": 3 fields"));
  EXPECT_THAT(message(R"({"alert_kinds":["drifts"]})"), HasSubstr("did you mean \"drift\"?"));
  EXPECT_THAT(message(R"({"runs_per_day_max":0})"), HasSubstr("runs_per_day_max"));
  const auto options =
      TriggerOptionsFromJson(*ParseJson(R"({"cron":"@weekly","cooldown":"3d","settle":"12h","alert_kinds":["drift"]})", "t"), "r");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->cooldown_us, 3 * kDayUs);
  EXPECT_EQ(options->settle_us, 12 * kHourUs);
}

}  // namespace
}  // namespace vigil
