#include "app/settings.h"

#include <gtest/gtest.h>

#include "app/config.h"

namespace vigil {
namespace {

Status Check(const std::string& yaml) {
  const auto document = ParseYaml(yaml, "vigil.yaml");
  return document.ok() ? CheckSettings(*document, "vigil.yaml") : document.status();
}

TEST(Settings, AnErrorNamesFileLineAndTheNearestKey) {
  EXPECT_EQ(Check("server:\n  htpp_port: 1\n").message(), "vigil.yaml:2: server.htpp_port: unknown key (did you mean \"http_port\"?)");
  EXPECT_EQ(Check("server:\n  http_port: many\n").message(), "vigil.yaml:2: server.http_port: must be integer, not string");
  EXPECT_EQ(Check("server:\n  http_port: 70000\n").message(), "vigil.yaml:2: server.http_port: 70000 is above 65535");
  EXPECT_EQ(Check("server:\n  clock: evnt\n").message(),
            "vigil.yaml:2: server.clock: \"evnt\" is not one of wall, event (did you mean \"event\"?)");
  EXPECT_EQ(Check("models:\n- name: a\n").message(), "vigil.yaml:2: models.0: needs the key \"path\"");
  EXPECT_EQ(Check("monitoring:\n  lateness: soon\n").message(),
            "vigil.yaml:2: monitoring.lateness: \"soon\" is not a duration such as 10ms, 30s, 5m, 1h30m or 7d");
}

TEST(Settings, BadYamlIsRefusedWithItsLine) {
  EXPECT_FALSE(Check("server: [1,\n").ok());
  EXPECT_EQ(Check("server:\n  host: a\n  host: b\n").message(), "vigil.yaml:3: key \"host\" stands twice");
}

TEST(Settings, AnAliasBombIsRefusedBeforeItExpands) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string from = "*a" + std::to_string(i - 1), name = "a" + std::to_string(i);
    bomb += name + ": &" + name + " [" + from;
    for (int k = 0; k < 9; ++k) bomb += "," + from;
    bomb += "]\n";
  }
  EXPECT_NE(Check(bomb).message().find("more values"), std::string_view::npos);
}

TEST(Settings, WhatIsNotFiniteIsNoNumber) {
  EXPECT_EQ(Check("monitoring:\n  significance: nan\n").message(), "vigil.yaml:2: monitoring.significance: must be number, not string");
  EXPECT_FALSE(MergeSettings(YamlDocument{}, {{"VIGIL_MONITORING_SIGNIFICANCE", "nan"}}, {}).ok());
}

TEST(Settings, BytesThatAreNotUtf8AreRefusedLikeOthers) {
  EXPECT_NE(Check("server:\n  clock: [\"\xff"
                  "\"]\n")
                .message()
                .find("is not one of wall, event"),
            std::string_view::npos);
}

TEST(Settings, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  const auto document = ParseYaml("server:\n  http_port: 1\n  threads: 2\n  host: 127.0.0.2\n", "f");
  const auto merged = MergeSettings(*document, {{"VIGIL_HTTP_PORT", "3"}, {"VIGIL_THREADS", "4"}}, {{"/server/http_port", "5"}});
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_EQ(merged->value["server"]["http_port"], 5);
  EXPECT_EQ(merged->origins.at("/server/http_port"), "flag --http-port");
  EXPECT_EQ(merged->value["server"]["threads"], 4);
  EXPECT_EQ(merged->origins.at("/server/threads"), "environment VIGIL_THREADS");
  EXPECT_EQ(merged->value["server"]["host"], "127.0.0.2");
  EXPECT_EQ(merged->origins.at("/server/host"), "file");
  EXPECT_EQ(merged->value["log"]["sync"], "10ms");
  EXPECT_EQ(merged->origins.at("/log/sync"), "default");
}

TEST(Settings, AVariableOfTheWrongTypeIsRefusedByName) {
  const auto merged = MergeSettings(YamlDocument{}, {{"VIGIL_HTTP_PORT", "x"}}, {});
  EXPECT_EQ(merged.status().message(), "environment VIGIL_HTTP_PORT: \"x\" is not a integer");
}

TEST(Config, ReadsEveryPart) {
  const auto config = LoadConfig("", {}, {{"/log/sync", "always"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->log.sync, LogSync::kAlways);
  EXPECT_EQ(config->monitor.label_horizon_us, 7 * kDayUs);
  EXPECT_FALSE(config->alert_rules.empty());
  EXPECT_FALSE(LoadConfig("", {}, {{"/log/sync", "sometimes"}}).ok());
}

TEST(Config, AModelIsNamedByItsFileOrByTheCaller) {
  EXPECT_EQ(ModelFromArgument("oip://127.0.0.1:8000/fraud/3").name, "fraud");
  EXPECT_EQ(ModelFromArgument("dir/fraud.json").name, "fraud");
  EXPECT_EQ(ModelFromArgument("models/fraud/").name, "fraud");
  EXPECT_EQ(ModelFromArgument("card=dir/fraud.json").name, "card");
  EXPECT_EQ(ModelFromArgument("card=dir/fraud.json").path, "dir/fraud.json");
  EXPECT_EQ(ModelFromArgument("/data/a=b/fraud.ubj").path, "/data/a=b/fraud.ubj");
}

TEST(Config, ARuleOnAnUnknownColumnNamesTheNearest) {
  EXPECT_NE(SchemaFromRules(FloatTable({"amount"}), {{"amonut", ColumnRule{}}}, "fraud").status().message().find("amount"),
            std::string_view::npos);
}

}  // namespace
}  // namespace vigil
