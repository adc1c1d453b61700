#include "app/base_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vigil {
namespace {

using ::testing::HasSubstr;

TEST(BasePaths, ReadsTensorFlowServingsFile) {
  const auto models = ParseModelServerConfig(R"(
# two models
model_config_list {
  config {
    name: "fraud"
    base_path: '/models/fraud'
    model_platform: "tensorflow"
    model_version_policy { specific { versions: 1 versions: 3 } }
    version_labels { key: "stable" value: 1 }
    version_labels { key: "canary" value: 3 }
  }
  config: { name: "churn", base_path: "s3://bucket/churn", model_version_policy { latest { num_versions: 2 } } }
  config { name: "all" base_path: "/models/all" model_version_policy { all {} } }
})",
                                             "models.config");
  ASSERT_TRUE(models.ok()) << models.status();
  ASSERT_EQ(models->size(), 3u);
  EXPECT_EQ((*models)[0].versions, "1 3");
  EXPECT_EQ((*models)[0].platform, "tensorflow");
  EXPECT_EQ((*models)[1].versions, "latest 2");
  EXPECT_EQ((*models)[2].versions, "all");
  const ModelConfig config = ModelOfBasePath((*models)[0]);
  EXPECT_EQ(config.path, "/models/fraud");
  EXPECT_EQ(config.labels, (std::map<std::string, std::string>{{"canary", "3"}, {"stable", "1"}}));
}

TEST(BasePaths, RefusalsNameThePlace) {
  const auto refuse = [](const std::string& text, const std::string& why) {
    const auto models = ParseModelServerConfig(text, "models.config");
    ASSERT_FALSE(models.ok()) << text;
    EXPECT_THAT(std::string(models.status().message()), HasSubstr(why));
    EXPECT_EQ(models.status().message().find("models.config"), 0u) << models.status();
  };
  const auto entry = [](const std::string& fields) { return "model_config_list {\nconfig {\n" + fields + "\n}\n}"; };
  refuse(entry("nmae: \"a\""), "models.config:3: unknown field \"nmae\" (did you mean \"name\"?)");
  refuse(entry("name: a"), "name must be a text in quotes");
  refuse(entry("name: \"a\" base_path: \"models/a\""), "absolute path or URI");
  refuse(entry("base_path: \"/models/a\""), "no name");
  refuse(entry("name: \"a\" base_path: \"/a\" model_version_policy { specific {} }"), "specific must list versions");
  refuse(entry("name: \"a\" base_path: \"/a\" model_version_policy { latest { num_versions: x } }"), "whole number");
  refuse(entry("name: \"a\" base_path: \"/a\" version_labels { value: 3 }"), "a label needs a key");
  refuse(entry("name: \"a\" base_path: \"/a\" } config { name: \"a\" base_path: \"/b\""), "Illegal to list model a multiple times");
  refuse("custom_model_config {}", "custom_model_config is not served");
  refuse("model_config_list { config {", "models.config");
}

TEST(BasePaths, AModelKeepsItsPlatform) {
  const BasePathModel before{"a", "/a", "tensorflow", "", {}};
  BasePathModel after = before;
  EXPECT_TRUE(CheckBasePaths({after}, {before}).ok());
  after.platform = "onnx";
  EXPECT_THAT(std::string(CheckBasePaths({after}, {before}).message()), HasSubstr("Illegal to change a model's platform"));
  EXPECT_TRUE(CheckBasePaths({after}, {}).ok());
}

}  // namespace
}  // namespace vigil
