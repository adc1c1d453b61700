// Repositories on the disk: what is found in them, what is served from them, what is refused.
#include <filesystem>

#include "base/testing/paths.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/mlflow/loader.h"
#include "runtime/repository/layout.h"
#include "runtime/repository/loader.h"
#include "runtime/testing/small_model.h"
#include "runtime/trees/loader.h"

namespace vigil::repository {
namespace {

using ::testing::HasSubstr;
using vigil::testing::SmallModelShape;
using vigil::testing::SmallXgboostModel;

constexpr char kConfig[] =
    "backend: \"fil\"\nmax_batch_size: 64\n"
    "input [ { name: \"input__0\" data_type: TYPE_FP32 dims: [ 2 ] } ]\n"
    "output [ { name: \"output__0\" data_type: TYPE_FP32 dims: [ 1 ] } ]\n";

class RepositoryTest : public ::testing::Test {
 protected:
  RepositoryTest() {
    loaders_.push_back(trees::MakeXgboostLoader());
    loaders_.push_back(mlflow::MakeMlflowLoader());
    loaders_.push_back(MakeRepositoryLoader());
  }
  // `name` below the test's directory, its folders made.
  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(dir_.file(name)).parent_path());
    testing::WriteText(dir_.file(name), text);
  }
  // A model whose prediction of (0, 1) is the sigmoid of 2 * leaf.
  void WriteModel(const std::string& name, double leaf = 1) {
    SmallModelShape shape;
    shape.leaf = leaf;
    Write(name, SmallXgboostModel(shape));
  }
  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& name) { return LoadModel(loaders_, dir_.file(name), {}); }
  void ExpectRefused(const std::string& name, const std::string& said) {
    const Status status = Load(name).status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(said));
    EXPECT_THAT(std::string(status.message()), HasSubstr(dir_.path()));
  }
  static OwnedTensor Answer(const LoadedModel& model) {
    const float row[] = {0, 1};
    ScoreCall call;
    Outputs outputs;
    const auto state = model.NewScorer()->Score(Batch::FloatMatrix(row, 1, 2), call, &outputs);
    EXPECT_TRUE(state.ok()) << state.status();
    return outputs.tensors.at(0);
  }

  testing::TempDir dir_;
  std::vector<std::unique_ptr<ModelLoader>> loaders_;
};

TEST_F(RepositoryTest, ABasePathServesItsGreatestVersion) {
  WriteModel("fraud/2/model.json", 1);
  WriteModel("fraud/10/model.json", 0);
  WriteModel("fraud/.tmp-11/model.json", 5);
  const auto latest = Load("fraud"), second = Load("fraud/2");
  ASSERT_TRUE(latest.ok()) << latest.status();
  EXPECT_EQ(Answer(**latest).floats[0], 0.5F);
  EXPECT_NEAR(Answer(**second).floats[0], 0.880797, 1e-6);
}

TEST_F(RepositoryTest, AConfigurationNamesChecksAndWarmsUp) {
  WriteModel("fraud/1/xgboost.json");
  WriteModel("fraud/2/xgboost.json", 0);
  const std::string warm_up =
      "model_warmup [ { name: \"w\" batch_size: 3 count: 2 inputs { key: \"input__0\" value { data_type: TYPE_FP32 dims: [ 2 ] ";
  Write("fraud/config.pbtxt",
        std::string(kConfig) + "version_policy { specific { versions: [1] } }\n" + warm_up + "random_data: true } } } ]");
  const auto model = Load("fraud");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->signature().inputs[0].name, "input__0");
  EXPECT_EQ((*model)->signature().outputs[0].name, "output__0");
  const OwnedTensor answer = Answer(**model);
  EXPECT_EQ(answer.name, "output__0");
  EXPECT_NEAR(answer.floats[0], 0.880797, 1e-6) << "the version that the policy names";
  EXPECT_EQ((*model)->info().facts.back(), (std::pair<std::string, std::string>("warm_ups", "2")));

  Write("fraud/config.pbtxt", kConfig + warm_up + "input_data_file: \"rows\" } } } ]");
  Write("fraud/warmup/rows", "short");
  ExpectRefused("fraud", "5 bytes or more; the tensor has 24");
  Write("fraud/warmup/rows", std::string(24, '\0'));
  EXPECT_TRUE(Load("fraud").ok());
  Write("fraud/config.pbtxt", kConfig + warm_up + "input_data_file: \"../../rows\" } } } ]");
  ExpectRefused("fraud", "not inside");
  Write(
      "fraud/config.pbtxt",
      std::string(kConfig) +
          "model_warmup { name: \"w\" batch_size: 1 inputs { key: \"input__0\" value { data_type: TYPE_FP32 dims: 5 zero_data: true } } }");
  ExpectRefused("fraud", "config.pbtxt:5: model_warmup 'w':");
}

TEST_F(RepositoryTest, ARepositoryOfSeveralModelsIsReadWhole) {
  WriteModel("repository/fraud/1/model.json");
  WriteModel("repository/churn/7/model.json");
  Write("repository/churn/config.pbtxt", std::string("name: \"churn\"\n") + kConfig);
  Write("repository/notes/readme.md", "no model");
  const auto models = ReadRepository(dir_.file("repository"));
  ASSERT_TRUE(models.ok()) << models.status();
  ASSERT_EQ(models->size(), 2u);
  EXPECT_EQ((*models)[0].name, "churn");
  EXPECT_TRUE((*models)[0].config.has_value());
  EXPECT_EQ((*models)[0].versions[0].number, 7);
  EXPECT_EQ((*models)[1].name, "fraud");
  ExpectRefused("repository", "is a repository of 2 models; give the folder of one: churn, fraud");
}

TEST_F(RepositoryTest, VersionsMayBeModelDirectories) {
  WriteModel("fraud/3/model.json");
  Write("fraud/3/MLmodel", "flavors: {xgboost: {data: model.json, model_class: xgboost.sklearn.XGBClassifier}}");
  const auto model = Load("fraud");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->signature().outputs[0].name, "label");
}

TEST_F(RepositoryTest, AFolderWithOneModelFileIsThatModel) {
  WriteModel("model/model.bst");
  Write("model/readme.md", "about it");
  EXPECT_TRUE(Load("model").ok());
  WriteModel("model/model.json");
  ExpectRefused("model", "holds several models, model.json, model.bst");
}

TEST_F(RepositoryTest, WhatIsWrongIsNamed) {
  Write("a/config.pbtxt", kConfig);
  ExpectRefused("a", "has no version");
  Write("b/1/readme.md", "");
  ExpectRefused("b", "holds no model file");
  WriteModel("c/1/model.json");
  WriteModel("c/01/model.json");
  ExpectRefused("c", "are the same version");
  WriteModel("d/1/model.json");
  Write("d/config.pbtxt", std::string("name: \"e\"\n") + kConfig);
  ExpectRefused("d", "is of model 'e'; its folder is called 'd'");
  ExpectRefused("d/1", "is of model 'e'");
  Write("d/config.pbtxt", std::string("version_policy { specific { versions: 4 } }\n") + kConfig);
  ExpectRefused("d", "has none of the versions 4; it has 1");
  Write("d/config.pbtxt", std::string("default_model_filename: \"../model.json\"\n") + kConfig);
  ExpectRefused("d", "not inside");
  Write("f/other/readme.md", "");
  ExpectRefused("f", "is a directory that is no model");
  Write("g/1/model.pkl", "\x80\x04");
  ExpectRefused("g", "pickle");
}

TEST(RepositoryFixtures, TheBrokenOnesAreRefused) {
  const auto bad = testing::SharedPath("fixtures/bad_models");
  if (!bad.has_value()) GTEST_SKIP() << "fixtures/bad_models is not there; set VIGIL_SHARED";
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(MakeRepositoryLoader());
  const std::pair<const char*, const char*> cases[] = {
      {"triton_bad_config", "triton_bad_config/fraud/config.pbtxt:5: list 'input' of line 4"},
      {"triton_bad_config/fraud/1", "config.pbtxt:5: "},
      {"triton_no_version", "triton_no_version/fraud: has no version"},
      {"directory.json", "directory.json: is a directory"},
      {"directory.onnx", "directory.onnx: is a directory"}};
  for (const auto& [name, said] : cases) {
    const Status status = LoadModel(loaders, *bad + "/" + name, {}).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr(said));
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(name).substr(0, std::string(name).find('/'))));
  }
}

TEST(RepositoryFixtures, TheGoodOneIsFound) {
  const auto path = testing::SharedPath("fixtures/models/triton_mlp/repository");
  if (!path.has_value()) GTEST_SKIP() << "fixtures/models/triton_mlp is not there; set VIGIL_SHARED";
  const auto models = ReadRepository(*path);
  ASSERT_TRUE(models.ok()) << models.status();
  ASSERT_EQ(models->size(), 1u);
  EXPECT_EQ((*models)[0].name, "fraud_mlp");
  EXPECT_EQ((*models)[0].config->max_batch_size, 256);
  const auto file = ModelFileIn((*models)[0].versions[0].path, "");
  EXPECT_TRUE(file.ok()) << file.status();
}

}  // namespace
}  // namespace vigil::repository
