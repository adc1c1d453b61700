// MLflow model directories: what is served, as whom it answers, and what is refused.
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

#include "base/testing/paths.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/mlflow/loader.h"
#include "runtime/mlflow/mlmodel.h"
#include "runtime/testing/conformance.h"
#include "runtime/testing/small_model.h"
#include "runtime/trees/loader.h"

namespace vigil::mlflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using vigil::testing::SmallModelShape;
using vigil::testing::SmallXgboostModel;
using vigil::testing::WriteText;

std::string Booster(const std::string& model_class = "xgboost.core.Booster", const std::string& data = "model.json") {
  return "flavors:\n  python_function: {loader_module: mlflow.xgboost}\n  xgboost: {data: " + data + ", model_class: " + model_class +
         "}\n";
}

std::string Columns(const std::string& names) {
  std::string list;
  for (const char name : names) list += std::string(list.empty() ? "" : ", ") + "{\"type\": \"double\", \"name\": \"" + name + "\"}";
  return "signature:\n  inputs: '[" + list + "]'\n";
}

class MlflowTest : public ::testing::Test {
 protected:
  MlflowTest() {
    loaders_.push_back(trees::MakeXgboostLoader());
    loaders_.push_back(MakeMlflowLoader());
    WriteText(dir_.file("model.json"), SmallXgboostModel());
  }
  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& mlmodel) {
    WriteText(dir_.file("MLmodel"), mlmodel);
    return LoadModel(loaders_, dir_.path(), {});
  }
  void ExpectRefused(const std::string& mlmodel, absl::StatusCode code, const std::string& said) {
    const Status status = Load(mlmodel).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(said));
    EXPECT_THAT(std::string(status.message()), HasSubstr(dir_.path()));
  }
  static Outputs Score(const LoadedModel& model, const std::vector<float>& rows, ScoreCall call = {}) {
    Outputs outputs;
    const auto state = model.NewScorer()->Score(Batch::FloatMatrix(rows.data(), rows.size() / 2, 2), call, &outputs);
    EXPECT_TRUE(state.ok()) << state.status();
    return outputs;
  }
  static std::vector<int64_t> Labels(const OwnedTensor& tensor) {
    std::vector<int64_t> labels(tensor.bytes.size() / sizeof(int64_t));
    std::memcpy(labels.data(), tensor.bytes.data(), tensor.bytes.size());
    return labels;
  }

  testing::TempDir dir_;
  std::vector<std::unique_ptr<ModelLoader>> loaders_;
};

constexpr float kSigmoid2 = 0.880797F;  // of margin 2: two rounds of leaf 1

TEST_F(MlflowTest, ABoosterAnswersAsItself) {
  const auto model = Load(Booster() + Columns("ba"));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->info().format, "mlflow/xgboost-json");
  EXPECT_EQ((*model)->info().digest.size(), 64u);
  EXPECT_THAT((*model)->signature().columns, ElementsAre("a", "b")) << "by name, in the model's order";
  EXPECT_NEAR(Score(**model, {0, 1}).tensors[0].floats[0], kSigmoid2, 1e-6);
}

TEST_F(MlflowTest, TheDescriptionIsPartOfTheDigest) {
  const std::string digest = (*Load(Booster()))->info().digest;
  EXPECT_EQ((*Load(Booster()))->info().digest, digest);
  EXPECT_NE((*Load(Booster("xgboost.sklearn.XGBClassifier")))->info().digest, digest);
}

TEST_F(MlflowTest, AClassifiersWrapperAnswersLabelAndProbability) {
  const auto model = Load(Booster("xgboost.sklearn.XGBClassifier"));
  ASSERT_TRUE(model.ok()) << model.status();
  const Signature& signature = (*model)->signature();
  ASSERT_EQ(signature.outputs.size(), 2u);
  EXPECT_EQ(signature.outputs[0].name, "label");
  EXPECT_EQ(signature.outputs[1].name, "probability");
  EXPECT_THAT(signature.outputs[1].shape, ElementsAre(-1, 2));
  ScoreCall call;
  call.margin = true;
  const Outputs outputs = Score(**model, {0, 0, 0, 1, NAN, NAN}, call);
  ASSERT_EQ(outputs.tensors.size(), 3u);
  EXPECT_THAT(Labels(outputs.tensors[0]), ElementsAre(0, 1, 0));
  EXPECT_NEAR(outputs.tensors[1].floats[2], 1 - kSigmoid2, 1e-6);
  EXPECT_NEAR(outputs.tensors[1].floats[3], kSigmoid2, 1e-6);
  EXPECT_EQ(outputs.tensors[2].name, "margin");
  EXPECT_THAT(outputs.tensors[2].floats, ElementsAre(-2, 2, -2));
}

TEST_F(MlflowTest, SeveralClasses) {
  SmallModelShape shape;
  shape.objective = "multi:softprob";
  shape.classes = 3;
  WriteText(dir_.file("model.json"), SmallXgboostModel(shape));
  const auto model = Load(Booster("xgboost.sklearn.XGBClassifier"));
  ASSERT_TRUE(model.ok()) << model.status();
  const Outputs outputs = Score(**model, {0, 1, 0, 0});
  EXPECT_THAT(Labels(outputs.tensors[0]), ElementsAre(2, 0));
  EXPECT_THAT(outputs.tensors[1].shape, ElementsAre(2, 3));
}

TEST_F(MlflowTest, AWrapperStopsWhereTrainingStoppedEarly) {
  SmallModelShape shape;
  shape.objective = "reg:squarederror";
  shape.rounds = 5;
  shape.best_iteration = 1;
  WriteText(dir_.file("model.json"), SmallXgboostModel(shape));
  const auto booster = Load(Booster());
  EXPECT_EQ(Score(**booster, {0, 1}).tensors[0].floats[0], 5.5F);
  const auto wrapper = Load(Booster("xgboost.sklearn.XGBRegressor"));
  EXPECT_EQ(Score(**wrapper, {0, 1}).tensors[0].floats[0], 2.5F);
  ScoreCall call;
  call.tree_limit = 3;
  EXPECT_EQ(Score(**wrapper, {0, 1}, call).tensors[0].floats[0], 3.5F) << "what a caller asks for goes first";
}

TEST_F(MlflowTest, AClassifierWithoutProbabilitiesIsRefused) {
  SmallModelShape shape;
  shape.objective = "reg:squarederror";
  WriteText(dir_.file("model.json"), SmallXgboostModel(shape));
  ExpectRefused(Booster("xgboost.sklearn.XGBClassifier"), absl::StatusCode::kUnimplemented, "reg:squarederror");
}

TEST_F(MlflowTest, TheSignatureNamesColumnsAndIsHeldTo) {
  SmallModelShape shape;
  shape.named = false;
  WriteText(dir_.file("model.json"), SmallXgboostModel(shape));
  const auto model = Load(Booster() + Columns("xy"));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT((*model)->signature().columns, ElementsAre("x", "y"));
  EXPECT_TRUE((*model)->signature().columns_are_named);
  ExpectRefused(Booster() + Columns("xyz"), absl::StatusCode::kInvalidArgument, "3 columns; the model takes 2");
  WriteText(dir_.file("model.json"), SmallXgboostModel());
  ExpectRefused(Booster() + Columns("ax"), absl::StatusCode::kInvalidArgument, "no column 'b'");
}

TEST_F(MlflowTest, TheInputExampleIsScored) {
  const std::string example = "saved_input_example_info: {artifact_path: example.json, type: dataframe, pandas_orient: split}\n";
  const auto fact = [&](const LoadedModel& model) { return model.info().facts.back().second; };
  EXPECT_EQ(fact(**Load(Booster() + example)), "example.json is absent");
  WriteText(dir_.file("example.json"), R"({"columns": ["b", "a"], "data": [[1, null], [0.25, 3]]})");
  EXPECT_EQ(fact(**Load(Booster() + example)), "2 rows scored at load");
  WriteText(dir_.file("example.json"), R"({"columns": ["a", "c"], "data": [[1, 2]]})");
  ExpectRefused(Booster() + example, absl::StatusCode::kInvalidArgument, "no column 'b'");
  WriteText(dir_.file("example.json"), R"({"inputs": [[1, "x"]]})");
  ExpectRefused(Booster() + example, absl::StatusCode::kInvalidArgument, "row 0, column 1: \"x\" is no number");
  WriteText(dir_.file("example.json"), R"({"inputs": [[1]]})");
  ExpectRefused(Booster() + example, absl::StatusCode::kInvalidArgument, "row 0 has 1 values");
}

TEST_F(MlflowTest, PathsThatLeaveTheDirectoryAreRefused) {
  testing::TempDir outside;
  WriteText(outside.file("model.json"), SmallXgboostModel());
  ASSERT_EQ(symlink(outside.file("model.json").c_str(), dir_.file("link.json").c_str()), 0);
  for (const std::string& data : {std::string("../x.json"), outside.file("model.json"), std::string("link.json"), std::string("."),
                                  std::string("a/../../model.json"), std::string("\"\"")}) {
    ExpectRefused(Booster("xgboost.core.Booster", data), absl::StatusCode::kInvalidArgument, "is not inside the model's directory");
  }
  ExpectRefused(Booster("xgboost.core.Booster", "absent.json"), absl::StatusCode::kNotFound, "absent.json");
  ASSERT_EQ(mkdir(dir_.file("deep").c_str(), 0755), 0);
  WriteText(dir_.file("deep/model.json"), SmallXgboostModel());
  EXPECT_TRUE(Load(Booster("xgboost.core.Booster", "deep/model.json")).ok());
}

TEST_F(MlflowTest, WhatIsNoModelIsRefusedWithItsPlace) {
  const auto bad = absl::StatusCode::kInvalidArgument;
  ExpectRefused("", bad, "has no flavors");
  ExpectRefused("[1, 2]", bad, "not a map");
  ExpectRefused("flavors: [xgboost]", bad, "flavors: is not a map");
  ExpectRefused("flavors: {xgboost: {model_class: x}}", bad, "flavors.xgboost: has no data");
  ExpectRefused("flavors:\n  xgboost: {data: [", bad, "MLmodel:");
  ExpectRefused(Booster() + "signature: {inputs: '{'}", bad, "signature.inputs");
  ExpectRefused(Booster() + "signature: {inputs: '[{\"name\": 3}]'}", bad, "signature.inputs[0].name");
  const std::string named = "{\"name\": \"a\"}", unnamed = "{\"type\": \"double\"}";
  ExpectRefused(Booster() + "signature: {inputs: '[" + named + ", " + unnamed + "]'}", bad, "[1]: either every column has a name or none");
  ExpectRefused(Booster() + "signature: {inputs: '[" + unnamed + ", " + named + "]'}", bad, "[1]: either every column has a name or none");
  ExpectRefused(Booster() + Columns("aa"), bad, "two columns are called 'a'");
  ExpectRefused("flavors: {sklearn: {pickled_model: model.pkl}, python_function: {}}", absl::StatusCode::kUnimplemented,
                "none of sklearn, python_function is served");
  ExpectRefused(std::string("flavors: ") + std::string(2 << 20, ' '), bad, "larger than");
  WriteText(dir_.file("model.pkl"), "\x80\x04");
  ExpectRefused(Booster("xgboost.core.Booster", "model.pkl"), bad, "pickle");
}

TEST_F(MlflowTest, ABombOfAliasesIsRefusedAtOnce) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 8; ++k) bomb += "," + before;
    bomb += "]\n";
  }
  ExpectRefused(bomb, absl::StatusCode::kInvalidArgument, "more values");
}

TEST(MlflowFixtures, TheBrokenOnesAreRefused) {
  const auto bad = testing::SharedPath("fixtures/bad_models");
  if (!bad.has_value()) GTEST_SKIP() << "fixtures/bad_models is not there; set VIGIL_SHARED";
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(trees::MakeXgboostLoader());
  loaders.push_back(MakeMlflowLoader());
  const std::pair<const char*, const char*> cases[] = {
      {"mlflow_escape", "not inside"}, {"mlflow_missing_data", "model.ubj"}, {"mlflow_yaml_bomb", "MLmodel:"}};
  for (const auto& [name, said] : cases) {
    const Status status = LoadModel(loaders, *bad + "/" + name, {}).status();
    EXPECT_THAT(std::string(status.message()), ::testing::AllOf(HasSubstr(said), HasSubstr(name)));
  }
}

TEST(MlflowFixtures, TheGoodOneConforms) {
  const auto path = testing::SharedPath("fixtures/models/mlflow_xgboost/model");
  if (!path.has_value()) GTEST_SKIP() << "fixtures/models/mlflow_xgboost is not there; set VIGIL_SHARED";
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(trees::MakeXgboostLoader());
  loaders.push_back(MakeMlflowLoader());
  const auto model = LoadModel(loaders, *path, {});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->info().format, "mlflow/xgboost-ubj");
  EXPECT_EQ((*model)->info().facts.back().second, "3 rows scored at load");
}

}  // namespace
}  // namespace vigil::mlflow
