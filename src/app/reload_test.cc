#include "app/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Json Effective(const std::string& yaml) {
  const auto document = ParseYaml(yaml, "f");
  EXPECT_TRUE(document.ok() && CheckSettings(*document, "f").ok()) << yaml;
  return MergeSettings(*document, {}, {})->value;
}

TEST(Reload, TellsWhatIsLiveFromWhatWaitsForARestart) {
  const Json before = Effective("models:\n- {path: a/fraud.json}\n- {path: churn.json, name: c}\n");
  const Json after = Effective(
      "server: {http_port: 1}\nmonitoring: {rows_min: 5}\nalerts: {webhooks: [\"http://a/b\"]}\nmodels:\n"
      "- {path: b/fraud.json, columns: {amount: {minimum: 0}}, retraining: {cron: \"@daily\"}, rollout: {alpha: 0.1}}\n- {path: "
      "new.json}\n");
  const SettingsChange change = CompareSettings(before, after);
  EXPECT_THAT(change.live,
              UnorderedElementsAre("alerts.webhooks", "models.fraud.columns", "models.fraud.retraining", "models.fraud.rollout"));
  EXPECT_THAT(change.restart, UnorderedElementsAre("server.http_port", "monitoring.rows_min", "models.fraud.path", "models.c (removed)",
                                                   "models.new (added)"));
}

TEST(Reload, EverySectionIsCompared) {
  const Json before = Effective("models:\n- {path: fraud.json}\n");
  for (const auto& [section, keys] : before.items()) {
    if (section == "models" || !keys.is_object() || keys.empty()) continue;
    Json after = before;
    after[section].begin().value() = "another";
    const SettingsChange change = CompareSettings(before, after);
    EXPECT_EQ(change.live.size() + change.restart.size(), 1u) << section << "." << keys.begin().key();
  }
}

TEST(Reload, WhatWasTakenOverIsNoLongerAChange) {
  const Json before = Effective("models:\n- {path: fraud.json, columns: {amount: {minimum: 0}}}\n");
  const Json after = Effective("server: {threads: 3}\nalerts: {external_url: \"http://v\"}\nmodels:\n- {path: fraud.json}\n");
  const SettingsChange change = CompareSettings(WithLiveSettings(before, after), after);
  EXPECT_THAT(change.live, IsEmpty());
  EXPECT_THAT(change.restart, ElementsAre("server.threads"));
  EXPECT_THAT(CompareSettings(after, after).restart, IsEmpty());
}

Status Load(const std::string& yaml) {
  const std::string path = ::testing::TempDir() + "/reload_test.yaml";
  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fputs(yaml.c_str(), file);
  std::fclose(file);
  return LoadConfig(path, {}, {}).status();
}

TEST(Reload, ValuesThatTheSchemaCannotJudgeAreRefusedByName) {
  const auto refused = [](const std::string& yaml, const std::string& part) {
    EXPECT_THAT(std::string(Load(yaml).message()), ::testing::HasSubstr(part));
  };
  refused("models: [{path: m.json, retraining: {cron: \"61 * * * *\"}}]", "models.m.retraining.cron: ");
  refused("models: [{path: m.json, rollout: {steps: [{share: 0.5}, {share: 0.1}]}}]", "models.m.rollout: ");
  refused("models: [{path: m.json}, {path: x/m.json}]", "two models are called m");
  refused("alerts: {webhooks: [\"alerts.example/x\"]}", "alerts.webhooks.0: ");
  const std::string rule = "{name: r, kind: drift, metric: psi, threshold: 1}";
  refused("alerts: {rules: [" + rule + ", " + rule + "]}", "two rules are called r");
  EXPECT_TRUE(Load("alerts: {rules: [" + rule + "], webhooks: [\"https://alerts.example/x\"]}").ok());
}

}  // namespace
}  // namespace vigil
