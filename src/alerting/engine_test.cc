#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "alerting/alerting.h"
#include "base/random.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = AlertChange::Kind;

constexpr TimeUs kDay0 = 17'000 * kDayUs;

AlertRule DriftRule() {
  AlertRule rule;
  rule.name = "feature_drift";
  rule.kind = "drift";
  rule.metric = "psi";
  rule.threshold = 0.2;
  rule.cooldown_us = 2 * kDayUs;
  return rule;
}

Finding Psi(int day, const std::string& column, double value) {
  Finding finding;
  finding.model = "fraud";
  finding.version = "3";
  finding.metric = "psi";
  finding.kind = "drift";
  finding.column = column;
  finding.window_start = kDay0 + day * kDayUs;
  finding.window_end = finding.window_start + kDayUs;
  finding.value = value;
  finding.n = 10'000;
  finding.significant = value > 0.1;
  return finding;
}

// One day's findings, evaluated at its end.
std::vector<AlertChange> Day(AlertEngine* engine, int day, std::vector<Finding> findings) {
  return engine->Evaluate(findings, kDay0 + (day + 1) * kDayUs);
}

TEST(AlertEngine, ColumnsThatBreachTogetherAreOneAlertMostDriftedFirst) {
  AlertEngine engine({DriftRule()});
  const auto changes = Day(&engine, 0, {Psi(0, "amount", 0.3), Psi(0, "risk", 0.9), Psi(0, "age", 0.1), Psi(0, "night", 0.5)});
  ASSERT_THAT(changes, SizeIs(1));
  const Alert& alert = changes[0].alert;
  EXPECT_EQ(changes[0].kind, Kind::kFired);
  EXPECT_THAT(alert.columns, ElementsAre("risk", "night", "amount"));
  EXPECT_EQ(alert.value, 0.9);
  EXPECT_EQ(alert.threshold, 0.2);
  EXPECT_EQ(alert.state, AlertState::kFiring);
  EXPECT_EQ(alert.started, kDay0);
  EXPECT_EQ(alert.fired, kDay0 + kDayUs);
  EXPECT_EQ(alert.labels.at("kinds"), "drift");
  EXPECT_EQ(alert.annotations.at("summary"), "psi of risk, night, amount is 0.9, limit 0.2");
  EXPECT_THAT(engine.Active(), SizeIs(1));
  EXPECT_THAT(Day(&engine, 1, {Psi(1, "amount", 0.3), Psi(1, "risk", 0.8)}), IsEmpty()) << "nothing new to tell";
  EXPECT_EQ(engine.Active()[0].value, 0.8);
}

TEST(AlertEngine, TwoWindowsInOneCallAreTwoWindows) {
  AlertRule rule = DriftRule();
  rule.breaches_needed = rule.breaches_of = 2;
  AlertEngine engine({rule});
  // Given by series, not by window.
  EXPECT_THAT(engine.Evaluate({Psi(0, "a", 0.3), Psi(1, "a", 0.1), Psi(0, "b", 0.3), Psi(1, "b", 0.1)}, kDay0 + 2 * kDayUs), IsEmpty());
  EXPECT_THAT(engine.Evaluate({Psi(2, "a", 0.3), Psi(3, "a", 0.3)}, kDay0 + 4 * kDayUs), SizeIs(1));
}

struct HysteresisCase {
  const char* name;
  std::vector<double> values;  // one a day
  std::vector<int> fired_on, resolved_on;
};

TEST(AlertEngine, FiresOnKOfMClearsWithHysteresisAndCoolsDown) {
  const HysteresisCase cases[] = {
      {"one breach is not two of three", {0.1, 0.3, 0.1, 0.1, 0.3, 0.1}, {}, {}},
      {"two of three", {0.1, 0.3, 0.1, 0.3}, {3}, {}},
      {"the band between is neither", {0.3, 0.3, 0.19, 0.19, 0.19}, {1}, {}},
      {"two clear windows in a row", {0.3, 0.3, 0.1, 0.3, 0.1, 0.1}, {1}, {5}},
      {"quiet after resolving", {0.3, 0.3, 0.1, 0.1, 0.3, 0.3, 0.3}, {1, 5}, {3}},
      {"NaN is no value", {0.3, NAN, 0.3}, {2}, {}},
  };
  for (const HysteresisCase& c : cases) {
    SCOPED_TRACE(c.name);
    AlertRule rule = DriftRule();
    rule.breaches_needed = 2;
    rule.breaches_of = 3;
    AlertEngine engine({rule});
    std::vector<int> fired, resolved;
    for (int day = 0; day < static_cast<int>(c.values.size()); ++day) {
      for (const AlertChange& change : Day(&engine, day, {Psi(day, "a", c.values[day])})) {
        if (change.kind == Kind::kFired) fired.push_back(day);
        if (change.kind == Kind::kResolved) resolved.push_back(day);
      }
    }
    EXPECT_EQ(fired, c.fired_on);
    EXPECT_EQ(resolved, c.resolved_on);
  }
}

TEST(AlertEngine, ANewFiringHasANewId) {
  AlertRule rule = DriftRule();
  rule.cooldown_us = 0;
  rule.clears_needed = 1;
  AlertEngine engine({rule});
  const std::string first = Day(&engine, 0, {Psi(0, "a", 0.3)})[0].alert.id;
  const Alert resolved = Day(&engine, 1, {Psi(1, "a", 0.0)})[0].alert;
  EXPECT_EQ(resolved.id, first);
  EXPECT_EQ(resolved.ended, kDay0 + 2 * kDayUs);
  EXPECT_EQ(resolved.state, AlertState::kResolved);
  EXPECT_THAT(engine.Active(), IsEmpty());
  EXPECT_NE(Day(&engine, 2, {Psi(2, "a", 0.3)})[0].alert.id, first);
}

TEST(AlertEngine, IgnoresWhatItMayNotJudge) {
  AlertRule rule = DriftRule();
  rule.n_min = 500;
  rule.maturity_min = 0.9;
  rule.significant_only = true;
  rule.window_us_min = kDayUs;
  rule.warmup_us = 3 * kDayUs;
  AlertEngine engine({rule});
  EXPECT_THAT(Day(&engine, 0, {Psi(0, "a", 9)}), IsEmpty()) << "warm-up";
  const auto judged = [&](auto change) {
    AlertEngine fresh({rule});
    Day(&fresh, 0, {Psi(0, "a", 0)});
    Finding finding = Psi(3, "a", 9);
    change(&finding);
    return !Day(&fresh, 3, {finding}).empty();
  };
  EXPECT_TRUE(judged([](Finding*) {}));
  EXPECT_FALSE(judged([](Finding* f) { f->n = 499; }));
  EXPECT_FALSE(judged([](Finding* f) { f->maturity = 0.5; }));
  EXPECT_FALSE(judged([](Finding* f) { f->significant = false; }));
  EXPECT_FALSE(judged([](Finding* f) { f->window_end = f->window_start + kHourUs; }));
  EXPECT_FALSE(judged([](Finding* f) { f->segment = "arm=canary"; }));
  EXPECT_FALSE(judged([](Finding* f) { f->metric = "ks"; }));
  EXPECT_FALSE(judged([](Finding* f) { f->kind = "quality"; }));
  EXPECT_FALSE(judged([](Finding* f) { f->value = INFINITY; }));
}

TEST(AlertEngine, ModelsDoNotShareAlerts) {
  AlertEngine engine({DriftRule()});
  Finding other = Psi(0, "a", 0.4);
  other.model = "churn";
  EXPECT_THAT(Day(&engine, 0, {Psi(0, "a", 0.3), other}), SizeIs(2));
  EXPECT_THAT(engine.Active(), SizeIs(2));
}

TEST(AlertEngine, ANumberOfColumnsCanBeAskedFor) {
  AlertRule rule = DriftRule();
  rule.columns_min = 2;
  AlertEngine engine({rule});
  EXPECT_THAT(Day(&engine, 0, {Psi(0, "a", 0.3), Psi(0, "b", 0.1)}), IsEmpty());
  EXPECT_THAT(Day(&engine, 1, {Psi(1, "a", 0.3), Psi(1, "b", 0.3)}), SizeIs(1));
}

std::vector<AlertRule> GroupedRules() {
  AlertRule drift = DriftRule(), performance = DriftRule();
  drift.group = performance.group = "model_health";
  performance.name = "performance_drop";
  performance.kind = "performance";
  performance.metric = "average_precision";
  performance.comparison = Comparison::kBelow;
  performance.threshold.reset();
  performance.relative_to_baseline = 0.9;
  performance.clear_factor = 0.95;
  performance.severity = Severity::kCritical;
  return {drift, performance};
}

Finding AveragePrecision(int day, double value, std::optional<double> baseline) {
  Finding finding = Psi(day, "", value);
  finding.kind = "performance";
  finding.metric = "average_precision";
  finding.baseline = baseline;
  return finding;
}

TEST(AlertEngine, RulesOfAGroupAreSymptomsOfOneAlert) {
  AlertEngine engine(GroupedRules());
  const auto fired = Day(&engine, 0, {Psi(0, "a", 0.3)});
  ASSERT_THAT(fired, SizeIs(1));
  EXPECT_EQ(fired[0].alert.severity, Severity::kWarning);
  const auto joined = Day(&engine, 1, {Psi(1, "a", 0.3), AveragePrecision(1, 0.5, 0.75)});
  ASSERT_THAT(joined, SizeIs(1));
  EXPECT_EQ(joined[0].kind, Kind::kUpdated);
  EXPECT_EQ(joined[0].alert.id, fired[0].alert.id);
  EXPECT_EQ(joined[0].alert.severity, Severity::kCritical);
  EXPECT_EQ(joined[0].alert.labels.at("kinds"), "drift,performance");
  EXPECT_EQ(joined[0].alert.labels.at("rules"), "feature_drift,performance_drop");
  // It ends with its last symptom.
  Day(&engine, 2, {Psi(2, "a", 0.0), AveragePrecision(2, 0.5, 0.75)});
  const auto one_left = Day(&engine, 3, {Psi(3, "a", 0.0), AveragePrecision(3, 0.75, 0.75)});
  ASSERT_THAT(one_left, SizeIs(1));
  EXPECT_EQ(one_left[0].alert.labels.at("rules"), "performance_drop");
  const auto ended = Day(&engine, 4, {AveragePrecision(4, 0.75, 0.75)});
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].kind, Kind::kResolved);
}

TEST(AlertEngine, LabelsThatCameAWeekLaterReopenTheSameIncident) {
  AlertEngine engine(GroupedRules());
  const std::string id = Day(&engine, 0, {Psi(0, "a", 0.3)})[0].alert.id;
  Day(&engine, 1, {Psi(1, "a", 0.3)});
  Day(&engine, 2, {Psi(2, "a", 0.0)});
  ASSERT_EQ(Day(&engine, 3, {Psi(3, "a", 0.0)})[0].kind, Kind::kResolved);
  const auto late = Day(&engine, 8, {AveragePrecision(1, 0.5, 0.75)});
  ASSERT_THAT(late, SizeIs(1));
  EXPECT_EQ(late[0].kind, Kind::kUpdated);
  EXPECT_EQ(late[0].alert.id, id);
  EXPECT_EQ(late[0].alert.state, AlertState::kFiring);
  EXPECT_EQ(late[0].alert.ended, 0);
  EXPECT_THAT(late[0].alert.columns, IsEmpty());
}

TEST(AlertEngine, AnUnrelatedFallIsAnAlertOfItsOwn) {
  AlertEngine engine(GroupedRules());
  const std::string id = Day(&engine, 0, {Psi(0, "a", 0.3)})[0].alert.id;
  Day(&engine, 1, {Psi(1, "a", 0.0)});
  Day(&engine, 2, {Psi(2, "a", 0.0)});
  const auto later = Day(&engine, 12, {AveragePrecision(5, 0.5, 0.75)});
  ASSERT_THAT(later, SizeIs(1));
  EXPECT_EQ(later[0].kind, Kind::kFired);
  EXPECT_NE(later[0].alert.id, id);
}

TEST(AlertEngine, TheFirstWindowsServeAsBaselineWhereNoneIsKnown) {
  auto rules = GroupedRules();
  rules[1].baseline_windows = 3;
  AlertEngine engine(rules);
  for (int day = 0; day < 3; ++day) {
    const double value = 0.70 + 0.01 * day;
    EXPECT_THAT(Day(&engine, day, {AveragePrecision(day, value, std::nullopt), AveragePrecision(day, value, std::nullopt)}), IsEmpty());
  }
  EXPECT_THAT(Day(&engine, 3, {AveragePrecision(3, 0.64, std::nullopt)}), IsEmpty()) << "limit 0.639";
  EXPECT_THAT(Day(&engine, 4, {AveragePrecision(4, 0.638, std::nullopt)}), SizeIs(1));
}

TEST(AlertEngine, ALateCorrectionReplacesItsWindow) {
  AlertRule rule = DriftRule();
  rule.breaches_needed = rule.breaches_of = 2;
  AlertEngine engine({rule});
  Day(&engine, 0, {Psi(0, "a", 0.3)});
  Day(&engine, 0, {Psi(0, "a", 0.1)});
  EXPECT_THAT(Day(&engine, 1, {Psi(1, "a", 0.3)}), IsEmpty());
  EXPECT_THAT(Day(&engine, 1, {Psi(0, "a", 0.3)}), SizeIs(1));
}

AlertRule TrafficRule() {
  AlertRule rule;
  rule.name = "traffic";
  rule.kind = "traffic";
  rule.metric = "rows";
  rule.anomaly_z = 8;
  rule.comparison = Comparison::kOutside;
  return rule;
}

Finding Rows(int hour, double value) {
  Finding finding;
  finding.model = "fraud";
  finding.kind = "traffic";
  finding.metric = "rows";
  finding.window_start = kDay0 + hour * kHourUs;
  finding.window_end = finding.window_start + kHourUs;
  finding.value = value;
  return finding;
}

double Usual(int hour, Random& random) {
  return std::round(400 * (1.2 + std::sin(2 * M_PI * (hour % 24) / 24)) * (1 + 0.05 * random.Normal()));
}

TEST(AlertEngine, AnomaliesAreJudgedAgainstTheSameHourOfOtherDays) {
  AlertEngine engine({TrafficRule()});
  Random random(1);
  for (int hour = 0; hour < 24 * 28; ++hour) {
    ASSERT_THAT(engine.Evaluate({Rows(hour, Usual(hour, random))}, 0), IsEmpty()) << "false alarm at hour " << hour;
  }
  // Twice the usual at the hour of least traffic: far below the daily peak, and yet unusual then.
  const int night = 24 * 28 + 18;
  ASSERT_LT(2 * Usual(night, random), Usual(24 * 28 + 6, random));
  const auto changes = engine.Evaluate({Rows(night, 2 * Usual(night, random))}, 0);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_NEAR(changes[0].alert.threshold, 80, 12) << "the usual value of that hour";
}

TEST(AlertEngine, AnomalyRulesAreSilentUntilTheyKnowTheSeason) {
  AlertEngine engine({TrafficRule()});
  for (int day = 0; day < 7; ++day) {
    EXPECT_THAT(engine.Evaluate({Rows(24 * day, day == 3 ? 1e6 : 100)}, 0), IsEmpty());
  }
  EXPECT_THAT(engine.Evaluate({Rows(24 * 7, 1e6)}, 0), SizeIs(1));
}

TEST(AlertEngine, StateSurvivesARestart) {
  auto rules = GroupedRules();
  rules[0].breaches_needed = rules[0].breaches_of = 2;
  rules[1].baseline_windows = 2;
  rules.push_back(TrafficRule());
  const auto feed = [](AlertEngine* engine, int day) {
    std::vector<Finding> findings{Psi(day, "a", day > 2 ? 0.4 : 0.1), AveragePrecision(day, day > 4 ? 0.4 : 0.7, std::nullopt),
                                  Rows(24 * day, 100)};
    return Day(engine, day, findings);
  };
  AlertEngine whole(rules);
  auto restarted = std::make_unique<AlertEngine>(rules);
  for (int day = 0; day < 8; ++day) {
    const auto expected = feed(&whole, day);
    const auto actual = feed(restarted.get(), day);
    ASSERT_EQ(expected.size(), actual.size()) << day;
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(actual[i].kind, expected[i].kind);
      EXPECT_EQ(actual[i].alert.id, expected[i].alert.id);
      EXPECT_EQ(actual[i].alert.labels, expected[i].alert.labels);
    }
    const std::string saved = DumpJson(restarted->Save());
    restarted = std::make_unique<AlertEngine>(rules);
    ASSERT_TRUE(restarted->Load(*ParseJson(saved, "state")).ok());
    EXPECT_EQ(DumpJson(restarted->Save()), saved);
  }
  EXPECT_THAT(whole.Active(), SizeIs(1));

  AlertEngine fewer({TrafficRule()});
  ASSERT_TRUE(fewer.Load(restarted->Save()).ok());
  const std::vector<AlertChange> ended = fewer.EndOrphans(99 * kDayUs);
  ASSERT_THAT(ended, SizeIs(1)) << "an alert of rules that are gone";
  EXPECT_EQ(ended[0].kind, AlertChange::Kind::kResolved);
  EXPECT_EQ(ended[0].alert.id, whole.Active()[0].id);
  EXPECT_EQ(ended[0].alert.ended, 99 * kDayUs);
  EXPECT_THAT(fewer.Active(), IsEmpty());
  EXPECT_THAT(fewer.EndOrphans(100 * kDayUs), IsEmpty());
  AlertEngine changed(rules);
  ASSERT_TRUE(changed.Load(restarted->Save()).ok());
  changed.SetRules(rules);
  EXPECT_EQ(DumpJson(changed.Save()), DumpJson(restarted->Save())) << "the same rules again change nothing";
  EXPECT_THAT(changed.EndOrphans(0), IsEmpty());
  changed.SetRules({TrafficRule()});
  EXPECT_THAT(changed.EndOrphans(0), SizeIs(1));
  Json broken = restarted->Save();
  broken["tracks"][0].erase("firing");
  EXPECT_EQ(restarted->Load(broken).code(), absl::StatusCode::kDataLoss);
  Json older = restarted->Save();
  older["version"] = 1;
  EXPECT_EQ(restarted->Load(older).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(restarted->Active(), SizeIs(1)) << "what was there stays";
  EXPECT_EQ(fewer.Load(Json::array()).code(), absl::StatusCode::kDataLoss);
}

TEST(AlertEngine, AcknowledgeAndSilence) {
  AlertEngine engine({DriftRule()});
  const std::string id = Day(&engine, 0, {Psi(0, "a", 0.3)})[0].alert.id;
  ASSERT_TRUE(engine.Acknowledge(id, "ann", 5).ok());
  ASSERT_TRUE(engine.Silence(id, 99).ok());
  const Alert alert = engine.Active()[0];
  EXPECT_EQ(alert.acknowledged_by, "ann");
  EXPECT_EQ(alert.acknowledged, 5);
  EXPECT_EQ(alert.silenced_until, 99);
  EXPECT_EQ(engine.Acknowledge("nope", "ann", 5).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(engine.Silence("nope", 5).status().code(), absl::StatusCode::kNotFound);
}

// The story of the acceptance test: quiet weeks, then one drift whose labels come a week late.
TEST(AlertEngine, DefaultRulesTellOneDriftOnceAndQuietWeeksNot) {
  AlertEngine engine(DefaultAlertRules());
  Random random(3);
  std::vector<int> fired, resolved;
  for (int day = 0; day < 60; ++day) {
    const auto drifted = [](int d) { return d >= 30 && d < 38; };
    std::vector<Finding> findings;
    for (int c = 0; c < 15; ++c) {
      findings.push_back(Psi(day, absl::StrCat("f", c), drifted(day) && c < 4 ? 0.5 + 0.1 * c : 0.02 + 0.02 * random.Uniform()));
    }
    findings.push_back(Psi(day, "score", drifted(day) ? 0.3 : 0.03));
    if (day >= 13) {
      // The week that ended seven days ago, as monitoring reports it.
      int bad_days = 0;
      for (int d = day - 13; d <= day - 7; ++d) bad_days += drifted(d);
      Finding week = AveragePrecision(day - 7, 0.73 - 0.23 * bad_days / 7 + 0.01 * random.Normal(), 0.73);
      week.window_start -= 6 * kDayUs;
      findings.push_back(week);
    }
    for (const AlertChange& change : Day(&engine, day, findings)) {
      if (change.kind == Kind::kFired) fired.push_back(day);
      if (change.kind == Kind::kResolved) resolved.push_back(day);
    }
  }
  EXPECT_THAT(fired, ElementsAre(30));
  ASSERT_FALSE(resolved.empty());
  EXPECT_GE(resolved.back(), 50) << "the last week that held a drifted day matures on the 50th";
  EXPECT_LE(resolved.back(), 53);
}

}  // namespace
}  // namespace vigil
