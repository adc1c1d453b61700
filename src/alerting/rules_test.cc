#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "alerting/alerting.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;

TEST(AlertRules, DefaultsAreValidAndNamedApart) {
  std::set<std::string> names;
  for (const AlertRule& rule : DefaultAlertRules()) {
    EXPECT_TRUE(ValidateAlertRule(rule, rule.name).ok()) << ValidateAlertRule(rule, rule.name);
    EXPECT_TRUE(names.insert(rule.name).second);
    EXPECT_FALSE(rule.summary.empty());
  }
}

TEST(AlertRules, AreReadFromJson) {
  const auto rule = AlertRuleFromJson(*ParseJson(R"({"name":"ap","kind":"performance","metric":"average_precision","comparison":"below",
      "relative_to_baseline":0.9,"maturity_min":0.8,"breaches_needed":2,"breaches_of":3,"cooldown":"3d","window":"1d","severity":"critical"})",
                                                 "test"),
                                      "alerting.rules[0]");
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_EQ(rule->comparison, Comparison::kBelow);
  EXPECT_EQ(rule->relative_to_baseline, 0.9);
  EXPECT_FALSE(rule->threshold.has_value());
  EXPECT_EQ(rule->breaches_of, 3);
  EXPECT_EQ(rule->cooldown_us, 3 * kDayUs);
  EXPECT_EQ(rule->window_us, kDayUs);
  EXPECT_EQ(rule->severity, Severity::kCritical);
}

TEST(AlertRules, ErrorsNameTheKeyAndTheNearest) {
  const struct {
    const char* json;
    const char* message;
  } cases[] = {
      {R"({"name":"a","kind":"drift","metric":"psi","treshold":1})", "rules[0].treshold: unknown key (did you mean \"threshold\"?)"},
      {R"({"name":"a","kind":"drif","metric":"psi","threshold":1})", "did you mean \"drift\"?"},
      {R"({"name":"a","kind":"drift","metric":"psi"})", "exactly one of threshold"},
      {R"({"name":"a","kind":"drift","metric":"psi","threshold":1,"anomaly_z":3})", "not 2"},
      {R"({"kind":"drift","metric":"psi","threshold":1})", "name: a rule needs one"},
      {R"({"name":"a","metric":"psi","threshold":1})", "kind:"},
      {R"({"name":"a","kind":"drift","threshold":1})", "metric:"},
      {R"({"name":"a","kind":"drift","metric":"psi","threshold":"high"})", "rules[0].threshold: expected a number"},
      {R"({"name":"a","kind":"drift","metric":"psi","threshold":1,"cooldown":"soon"})", "rules[0].cooldown: expected a span of time"},
      {R"({"name":"a","kind":"drift","metric":"psi","threshold":1,"breaches_needed":3,"breaches_of":2})", "breaches_needed"},
      {R"({"name":"a","kind":"drift","metric":"psi","threshold":1,"clear_factor":0})", "clear_factor"},
      {R"({"name":"a","kind":"drift","metric":"psi","threshold":1,"comparison":"outside"})", "comparison"},
      {R"({"name":"a","kind":"drift","metric":"psi","threshold":1,"n_min":1.5})", "rules[0].n_min: expected a whole number"},
      {R"("x")", "rules[0]: expected an object"},
  };
  for (const auto& c : cases) {
    const auto rule = AlertRuleFromJson(*ParseJson(c.json, "test"), "rules[0]");
    ASSERT_FALSE(rule.ok()) << c.json;
    EXPECT_EQ(rule.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(rule.status().message()), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace vigil
