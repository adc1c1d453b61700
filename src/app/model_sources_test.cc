#include "app/model_sources.h"

#include <filesystem>
#include <fstream>

#include "app/model_watch.h"
#include "base/testing/paths.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;

class ModelSourcesTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text = "x") {
    std::filesystem::create_directories(std::filesystem::path(dir_.file(name)).parent_path());
    std::ofstream(dir_.file(name)) << text;
  }
  ModelConfig Model(const std::string& name, const std::string& given = "") {
    return ModelFromArgument((given.empty() ? "" : given + "=") + dir_.file(name));
  }
  std::string Versions(const ModelConfig& model) {
    const auto versions = FindVersions(model);
    if (!versions.ok()) return std::string(versions.status().message());
    std::string text;
    for (const SourceVersion& version : *versions) text += version.version + ":" + version.path.substr(dir_.path().size()) + " ";
    return text;
  }
  testing::TempDir dir_;
};

TEST_F(ModelSourcesTest, ARepositoryBecomesItsModels) {
  Write("repository/fraud/1/model.json");
  Write("repository/churn/1/model.json");
  Write("single/only/3/model.json");
  Write("base/5/model.json");
  std::vector<ModelConfig> models = {Model("repository"), Model("single"), Model("base"), Model("file.json")};
  models[0].reference = "profile.json";
  ASSERT_TRUE(ExpandRepositories(&models).ok());
  std::string names;
  for (const ModelConfig& model : models) names += model.name + " ";
  EXPECT_EQ(names, "churn fraud only base file ");
  EXPECT_EQ(models[0].reference, "profile.json");
  std::vector<ModelConfig> named = {Model("single", "mine"), Model("base", "other")};
  ASSERT_TRUE(ExpandRepositories(&named).ok());
  EXPECT_EQ(named[0].name, "mine");
  EXPECT_EQ(named[1].name, "other");
  std::vector<ModelConfig> twice = {Model("repository"), Model("x.json", "fraud")};
  EXPECT_THAT(std::string(ExpandRepositories(&twice).message()), HasSubstr("two models are called fraud"));
}

TEST_F(ModelSourcesTest, AStoresModelsComeAndGo) {
  const auto names = [](const std::vector<ModelConfig>& models) {
    std::string text;
    for (const ModelConfig& model : models) text += model.name + model.within + " ";
    return text;
  };
  Write("1/repo/a/1/model.json");
  Write("1/repo/b/1/model.json");
  ModelConfig entry = Model("1/repo", "all");
  entry.source = "s3://bucket/repo";
  std::map<std::string, ModelConfig> before;
  before["local"] = Model("file.json", "local");
  StatusOr<SourceModels> models = ExpandSource({entry, before["local"]}, entry.source, dir_.file("1/repo"), before);
  ASSERT_TRUE(models.ok()) << models.status();
  EXPECT_EQ(names(models->now), "a/a b/b ");
  EXPECT_TRUE(models->gone.empty());
  for (const ModelConfig& model : models->now) before[model.name] = model;

  Write("2/repo/b/1/model.json");  // one alone, and still called by its folder
  models = ExpandSource({entry}, entry.source, dir_.file("2/repo"), before);
  ASSERT_TRUE(models.ok()) << models.status();
  EXPECT_EQ(names(models->now), "b/b ");
  EXPECT_EQ(models->gone, std::vector<std::string>{"a"});
  EXPECT_EQ(models->now[0].path, dir_.file("2/repo/b"));

  Write("3/repo/local/1/model.json");
  Write("3/repo/b/1/model.json");
  models = ExpandSource({entry}, entry.source, dir_.file("3/repo"), before);
  EXPECT_TRUE(absl::IsInvalidArgument(models.status()));
  EXPECT_THAT(std::string(models.status().message()), HasSubstr("two models are called local: s3://bucket/repo/local and " + dir_.path()));

  // The one that an entry names keeps its name when another comes.
  std::map<std::string, ModelConfig> alone;
  models = ExpandSource({entry}, entry.source, dir_.file("2/repo"), alone);
  ASSERT_EQ(names(models->now), "all/b ");
  alone["all"] = models->now[0];
  models = ExpandSource({entry}, entry.source, dir_.file("1/repo"), alone);
  EXPECT_EQ(names(models->now), "a/a all/b ");
  EXPECT_TRUE(models->gone.empty());
  Write("4/repo/x.json");
  models = ExpandSource({entry}, entry.source, dir_.file("4/repo"), {});
  EXPECT_EQ(names(models->now), "x/x.json ");
}

TEST_F(ModelSourcesTest, WhatLeftAStoreBetweenTwoStartsIsKnown) {
  Write("1/repo/a/1/model.json");
  Write("1/repo/b/1/model.json");
  Write("2/repo/b/1/model.json");
  Write("2/repo/c/1/model.json");
  ModelConfig entry = Model("2/repo");
  entry.source = "s3://bucket/repo";
  std::vector<ModelConfig> now = {entry};
  ASSERT_TRUE(ExpandRepositories(&now).ok());
  EXPECT_EQ(GoneSince({{entry.source, dir_.file("1/repo")}}, {entry}, now), std::vector<std::string>{"a"});
  EXPECT_TRUE(GoneSince({{entry.source, dir_.file("2/repo")}}, {entry}, now).empty());
  EXPECT_TRUE(GoneSince({{entry.source, dir_.file("no longer there")}}, {entry}, now).empty());
  EXPECT_TRUE(GoneSince({}, {entry}, now).empty());
}

TEST_F(ModelSourcesTest, ThePolicyChoosesVersionsAndTheNewestComesFirst) {
  for (const char* version : {"1", "2", "10"}) Write(std::string("base/") + version + "/model.json");
  ModelConfig model = Model("base");
  EXPECT_EQ(Versions(model), "10:/base/10 ");
  model.versions = "all";
  EXPECT_EQ(Versions(model), "10:/base/10 2:/base/2 1:/base/1 ");
  model.versions = "1 2";
  EXPECT_EQ(Versions(model), "2:/base/2 1:/base/1 ");
  Write("base/config.pbtxt", "version_policy { latest { num_versions: 2 } }");
  model.versions = "";
  EXPECT_EQ(Versions(model), "10:/base/10 2:/base/2 ");
  EXPECT_EQ(Versions(Model("file.json")), ":/file.json ");
}

TEST_F(ModelSourcesTest, AFingerprintFollowsWhatIsThere) {
  EXPECT_EQ(SourceFingerprint(dir_.file("absent")), 0u);
  Write("base/1/model.json");
  const uint64_t first = SourceFingerprint(dir_.file("base"));
  EXPECT_EQ(SourceFingerprint(dir_.file("base")), first);
  Write("base/.upload/model.json");
  EXPECT_EQ(SourceFingerprint(dir_.file("base")), first) << "hidden: an upload in progress";
  Write("base/2/model.json");
  const uint64_t second = SourceFingerprint(dir_.file("base"));
  EXPECT_NE(second, first);
  Write("base/2/model.json", "longer");
  EXPECT_NE(SourceFingerprint(dir_.file("base")), second);
  Write("file.json");
  const uint64_t file = SourceFingerprint(dir_.file("file.json"));
  Write("new.json");
  std::filesystem::rename(dir_.file("new.json"), dir_.file("file.json"));
  EXPECT_NE(SourceFingerprint(dir_.file("file.json")), file) << "another file of the same size";
}

TEST(SourceState, AChangeCountsOnceItHasSettled) {
  SourceState state(7);
  EXPECT_FALSE(state.Look(7));
  EXPECT_FALSE(state.Look(8)) << "still being written, perhaps";
  EXPECT_FALSE(state.Look(9));
  EXPECT_TRUE(state.Look(9));
  EXPECT_FALSE(state.Look(9)) << "once only";
  EXPECT_FALSE(state.Look(0));
  EXPECT_FALSE(state.Look(0)) << "what is gone is no version";
  EXPECT_FALSE(state.Look(9));
  EXPECT_FALSE(state.Look(9)) << "it came back as it was";
}

}  // namespace
}  // namespace vigil
