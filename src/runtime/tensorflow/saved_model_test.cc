#include "runtime/tensorflow/saved_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/testing/paths.h"
#include "runtime/tensorflow/example_features.h"
#include "runtime/tensorflow/loader.h"
#include "runtime/tensorflow/tensorflow_model.h"
#include "runtime/tensorflow/testing/saved_model_writer.h"

namespace vigil::tensorflow {
namespace {

using testing::ExampleModel;

StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path) {
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(MakeTensorflowLoader());
  return LoadModel(loaders, path, {});
}

TEST(SavedModelFile, SaysItsSignatures) {
  const std::string bytes = ExampleModel();
  const auto model = ReadSavedModel(bytes);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->names(), (std::vector<std::string>{"classify", "raw", "serving_default"}));
  EXPECT_EQ(model->tags, std::vector<std::string>{"serve"});
  EXPECT_EQ(model->version, "2.21.0");
  EXPECT_EQ(model->variables, 0);
  const auto chosen = ChooseSignature(*model, "");
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ((*chosen)->method, kRegressMethod);
  EXPECT_EQ((*chosen)->inputs[0].tensor, "examples:0");
  EXPECT_EQ((*chosen)->outputs[0].spec.shape, (std::vector<int64_t>{-1, 1}));
}

TEST(SavedModelFile, ACutFileIsRefusedEverywhere) {
  const std::string bytes = ExampleModel();
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto model = ReadSavedModel(std::string_view(bytes).substr(0, length));
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument) << length;
  }
}

TEST(SavedModelFile, ColumnsOfExamplesComeFromTheGraph) {
  const std::string bytes = ExampleModel();
  const auto model = ReadSavedModel(bytes);
  ASSERT_TRUE(model.ok()) << model.status();
  const Plan plan = MakePlan(*model->Find("serving_default"), model->graph);
  ASSERT_EQ(plan.signature.inputs.size(), 3u);
  EXPECT_EQ(plan.signature.inputs[0].name, "age");
  EXPECT_TRUE(plan.features[0].has_default);
  EXPECT_EQ(plan.signature.inputs[1].name, "amount");
  EXPECT_FALSE(plan.features[1].has_default);
  EXPECT_EQ(plan.signature.inputs[2].dtype, DType::kString);
  EXPECT_EQ(plan.signature.task, Task::kRegression);
  const Plan raw = MakePlan(*model->Find("raw"), model->graph);
  EXPECT_EQ(raw.signature.inputs[0].name, "bytes") << "not known to be examples: taken as it is";
}

// The bytes that `tf.train.Example(features=...).SerializeToString()` gives for one feature at a time (maps have no order of their own).
TEST(Examples, AreWrittenAsTheirMessageIs) {
  const float amount[] = {1.5f};
  const int64_t count[] = {300};
  const std::string_view word[] = {"ab"};
  ExampleWriter writer;
  writer.Add("a", {"a", DType::kFloat32, {1}, amount}, 0, false);
  EXPECT_EQ(writer.Finish(), std::string("\x0a\x0f\x0a\x0d\x0a\x01\x61\x12\x08\x12\x06\x0a\x04\x00\x00\xc0\x3f", 17));
  writer.Add("n", {"n", DType::kInt64, {1}, count}, 0, false);
  EXPECT_EQ(writer.Finish(), std::string("\x0a\x0d\x0a\x0b\x0a\x01\x6e\x12\x06\x1a\x04\x0a\x02\xac\x02", 15));
  writer.Add("s", {"s", DType::kString, {1}, word}, 0, false);
  EXPECT_EQ(writer.Finish(), std::string("\x0a\x0d\x0a\x0b\x0a\x01\x73\x12\x06\x0a\x04\x0a\x02\x61\x62", 15));
  const float missing[] = {std::nanf("")};
  writer.Add("a", {"a", DType::kFloat32, {1}, missing}, 0, true);
  EXPECT_EQ(writer.Finish(), std::string("\x0a\x00", 2)) << "absent, so that the graph's default stands";
}

TEST(SavedModelFolder, BrokenOnesAreRefusedBeforeTheLibraryIsAsked) {
  for (const auto& [name, place] : {std::pair("garbage", "saved_model.pb"), std::pair("no_variables", "variables/variables.index")}) {
    const auto path = vigil::testing::SharedPath(std::string("fixtures/bad_models/saved_model_") + name);
    if (!path) GTEST_SKIP() << "../shared/fixtures is absent";
    const auto model = Load(*path);
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument) << model.status();
    EXPECT_NE(model.status().message().find(place), absl::string_view::npos) << model.status();
  }
}

TEST(SavedModelFolder, WithoutTheLibraryTheCommandIsNamed) {
  const vigil::testing::TempDir dir;
  std::ofstream(dir.file("saved_model.pb"), std::ios::binary) << ExampleModel();
  const char* const before = std::getenv("VIGIL_TENSORFLOW_DIR");
  const std::string kept = before == nullptr ? "" : before;
  setenv("VIGIL_TENSORFLOW_DIR", dir.path().c_str(), 1);
  const auto model = Load(dir.path());
  before == nullptr ? unsetenv("VIGIL_TENSORFLOW_DIR") : setenv("VIGIL_TENSORFLOW_DIR", kept.c_str(), 1);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kUnavailable) << model.status();
  EXPECT_NE(model.status().message().find("make tensorflow"), absl::string_view::npos) << model.status();
}

TEST(SavedModelFolder, TextFormSaysHowToSave) {
  const vigil::testing::TempDir dir;
  std::ofstream(dir.file("saved_model.pbtxt")) << "x";
  EXPECT_EQ(Load(dir.path()).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace vigil::tensorflow
