// Tree ensembles of every operator, mode, aggregate and transform: lifted, and compared with ONNX Runtime.
#include <filesystem>
#include <fstream>

#include "base/testing/paths.h"
#include "gtest/gtest.h"
#include "runtime/cat.h"
#include "runtime/onnx/lifted_model.h"
#include "runtime/onnx/loader.h"
#include "runtime/testing/allocation_counter.h"
#include "runtime/testing/onnx_trees.h"
#include "runtime/testing/onnx_writer.h"

namespace vigil::onnx {
namespace {

using testing::OnnxTreesOptions;
using testing::OnnxWriter;

struct Both {
  std::unique_ptr<LiftedModel> lifted;
  std::unique_ptr<OrtModel> ort;
};

// Lifts the model, and opens it with ONNX Runtime where that is there.
StatusOr<Both> Open(const std::string& bytes) {
  VIGIL_ASSIGN_OR_RETURN(const OnnxFile file, ReadOnnxFile(bytes));
  VIGIL_RETURN_IF_ERROR(CheckOnnxFile(file, ""));
  VIGIL_ASSIGN_OR_RETURN(const OnnxFacts facts, GatherFacts(file));
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<LiftProgram> program, LiftProgram::Make(file, facts, LoadOptions()));
  Both both;
  both.lifted = std::make_unique<LiftedModel>(std::move(program), facts, ModelInfo());
  VIGIL_ASSIGN_OR_RETURN(const OrtLibrary* ort, LoadOrt());
  VIGIL_ASSIGN_OR_RETURN(std::unique_ptr<OnnxSession> session, OnnxSession::Create(*ort, bytes, "", {}));
  VIGIL_ASSIGN_OR_RETURN(both.ort, OrtModel::Make(std::move(session), facts, ModelInfo()));
  return both;
}

// Every combination agrees where it is lifted; returns how many were.
int CheckMany(const OnnxTreesOptions& options, const std::string& what) {
  int lifted = 0;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const StatusOr<Both> both = Open(testing::RandomOnnxTrees(options, seed));
    if (!both.ok() && both.status().code() == absl::StatusCode::kUnimplemented) continue;
    EXPECT_TRUE(both.ok()) << what << ": " << both.status();
    if (!both.ok()) continue;
    ++lifted;
    for (const size_t rows : {400, 1}) {
      const Status status = CheckAgainst(*both->ort, *both->lifted, seed, rows);
      EXPECT_TRUE(status.ok()) << what << ", seed " << seed << ", " << rows << " rows: " << status;
    }
  }
  return lifted;
}

class LiftTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!LoadOrt().ok()) GTEST_SKIP() << "ONNX Runtime is not there: " << LoadOrt().status();
  }
};

TEST_F(LiftTest, RegressorsOfEveryModeAggregateAndTransform) {
  int lifted = 0;
  for (const int version : {1, 3}) {
    for (const bool doubles : {false, true}) {
      if (version == 1 && doubles) continue;  // *_as_tensor came with version 3
      for (const int64_t targets : {1, 3}) {
        for (int aggregate = 0; aggregate < 4; ++aggregate) {
          for (int post = 0; post < 5; ++post) {
            for (const int64_t base : {int64_t{0}, targets}) {
              OnnxTreesOptions options;
              options.version = version;
              options.doubles = doubles;
              options.targets = targets;
              options.aggregate = aggregate;
              options.post_transform = post;
              options.base_values = base;
              options.modes = {0, 1, 2, 3, 4, 5};
              options.weights = post % 2 == 0 ? OnnxTreesOptions::Weights::kEveryTarget : OnnxTreesOptions::Weights::kOneATree;
              lifted += CheckMany(options, Cat("version ", version, doubles ? ", doubles" : "", ", targets ", targets, ", aggregate ",
                                               aggregate, ", post ", post, ", base ", base));
            }
          }
        }
      }
    }
  }
  EXPECT_GT(lifted, 500) << "most of them must be lifted";
}

TEST_F(LiftTest, ClassifiersOfEveryKindOfWeights) {
  int lifted = 0;
  using Weights = OnnxTreesOptions::Weights;
  for (const bool doubles : {false, true}) {
    for (const int64_t classes : {2, 3, 5}) {
      for (int post = 0; post < 5; ++post) {
        for (const int64_t base : {int64_t{0}, int64_t{1}, classes}) {
          for (const Weights weights : {Weights::kOneTarget, Weights::kEveryTarget, Weights::kOneATree, Weights::kSecondOnly}) {
            for (const bool positive : {false, true}) {
              OnnxTreesOptions options;
              options.classifier = true;
              options.doubles = doubles;
              options.targets = classes;
              options.post_transform = post;
              options.base_values = base;
              options.weights = weights;
              options.positive_weights = positive;
              options.text_labels = post == 1;
              if (classes == 2) options.first_label = 0;
              lifted += CheckMany(options, Cat(doubles ? "doubles, " : "", "classes ", classes, ", post ", post, ", base ", base,
                                               ", weights ", static_cast<int>(weights), positive ? ", positive" : ""));
            }
          }
        }
      }
    }
  }
  EXPECT_GT(lifted, 300) << "most of them must be lifted";
}

TEST_F(LiftTest, TreeEnsembleOfVersionFive) {
  int lifted = 0;
  for (const bool doubles : {false, true}) {
    for (const int64_t targets : {1, 3}) {
      for (int aggregate = 0; aggregate < 4; ++aggregate) {
        for (int post = 0; post < 5; ++post) {
          OnnxTreesOptions options;
          options.version = 5;
          options.doubles = doubles;
          options.targets = targets;
          options.aggregate = aggregate;
          options.post_transform = post;
          options.modes = {0, 1, 2, 3, 4, 5, 6};
          lifted += CheckMany(options, Cat(doubles ? "doubles, " : "", "targets ", targets, ", aggregate ", aggregate, ", post ", post));
        }
      }
    }
  }
  EXPECT_GT(lifted, 80) << "most of them must be lifted";
}

// As CatBoost exports two classes: one's weights are minus the other's.
TEST_F(LiftTest, MirroredClassesTakeHalfTheTrees) {
  OnnxTreesOptions options;
  options.classifier = true;
  options.targets = 2;
  options.first_label = 0;
  options.modes = {3};  // BRANCH_GT
  options.weights = OnnxTreesOptions::Weights::kMirrored;
  for (int post = 0; post < 5; ++post) {
    options.post_transform = post;
    EXPECT_EQ(CheckMany(options, Cat("mirrored, post ", post)), 3);
  }
  const StatusOr<Both> both = Open(testing::RandomOnnxTrees(options, 1));
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_EQ(both->lifted->program().trees()[0]->forest().outputs, 1);
}

TEST_F(LiftTest, AWarmCallAllocatesNothing) {
  OnnxTreesOptions options;
  options.classifier = true;
  options.targets = 3;
  const StatusOr<Both> both = Open(testing::RandomOnnxTrees(options, 1));
  ASSERT_TRUE(both.ok()) << both.status();
  const std::vector<float> rows(64 * 5, 0.5f);
  const std::unique_ptr<Scorer> scorer = both->lifted->NewScorer();
  Outputs outputs;
  const auto score = [&](size_t n) {
    ScoreCall call;
    EXPECT_TRUE(scorer->Score(Batch::FloatMatrix(rows.data(), n, 5), call, &outputs).ok());
  };
  score(64);
  const int64_t before = testing::ThreadAllocations();
  for (const size_t n : {64, 1, 7}) score(n);
  EXPECT_EQ(testing::ThreadAllocations(), before);
}

// One classifier with what converters put around it.
TEST_F(LiftTest, OperatorsAroundTheTrees) {
  OnnxTreesOptions options;
  options.features = 4;
  options.classifier = true;
  options.targets = 3;
  const std::string trees = testing::RandomOnnxTrees(options, 7);
  const auto file = ReadOnnxFile(trees);
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<std::string> attributes;
  for (const OnnxAttribute& attribute : file->graph.nodes[0].attributes) attributes.emplace_back(attribute.message);
  OnnxWriter model;
  model.Opset("", 13).Opset("ai.onnx.ml", 3).Input("amount", 11, {-1, 1}).Input("hour", 7, {-1, 1}).Input("rest", 1, {-1, 3});
  model.Initializer(testing::RawTensor<int64_t>("picked", 7, {2}, {2, 0}));
  model.Initializer(testing::RawTensor<float>("one", 1, {}, {1.0f}));
  model.Initializer(testing::RawTensor<float>("shift", 1, {1, 2}, {0.5f, -0.25f}));
  model.Node("Cast", "", {"amount"}, {"amount32"}, {testing::Int("to", 1)});
  model.Node("Scaler", "ai.onnx.ml", {"hour"}, {"hour_scaled"}, {testing::Floats("offset", {11.5f}), testing::Floats("scale", {0.125f})});
  model.Node("ArrayFeatureExtractor", "ai.onnx.ml", {"rest", "picked"}, {"rest2"});
  model.Node("Imputer", "ai.onnx.ml", {"rest2"}, {"rest3"},
             {testing::Floats("imputed_value_floats", {1.5f, -2.0f}),
              testing::ProtoWriter().Bytes(1, "replaced_value_float").Float(2, std::nanf("")).Number(20, 1).bytes()});
  model.Node("Add", "", {"rest3", "shift"}, {"rest4"});
  model.Node("Concat", "", {"amount32", "hour_scaled", "rest4"}, {"columns"}, {testing::Int("axis", 1)});
  model.Node("Normalizer", "ai.onnx.ml", {"columns"}, {"normal"}, {testing::Text("norm", "L2")});
  model.Node("TreeEnsembleClassifier", "ai.onnx.ml", {"normal"}, {"raw_label", "raw_scores"}, attributes);
  model.Node("Identity", "", {"raw_label"}, {"label1"});
  model.Node("Cast", "", {"label1"}, {"label"}, {testing::Int("to", 7)});
  model.Node("Mul", "", {"raw_scores", "one"}, {"scores"});
  model.Node("ZipMap", "ai.onnx.ml", {"scores"}, {"probability"}, {testing::Texts("classlabels_strings", {"a", "b", "c"})});
  model.Output("label", 7, {-1}).MapOutput("probability", true);
  const StatusOr<Both> both = Open(model.Build());
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_EQ(both->lifted->signature().outputs.size(), 4u);
  EXPECT_EQ(both->lifted->signature().outputs[1].name, "probability[a]");
  const Status status = CheckAgainst(*both->ort, *both->lifted, 3, 400);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(LiftTest, WhatIsNotLiftedIsServedByOnnxRuntimeAndSaysWhy) {
  OnnxTreesOptions options;
  options.aggregate = 2;  // MIN
  options.targets = 3;
  const std::string path = (std::filesystem::path(::testing::TempDir()) / "vigil_least.onnx").string();
  std::ofstream(path, std::ios::binary) << testing::RandomOnnxTrees(options, 1);
  LoadOptions load;
  const auto model = MakeOnnxLoader()->Load(path, load);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->info().engine, "onnxruntime");
  EXPECT_NE((*model)->info().engine_reason.find("TreeEnsembleRegressor"), std::string::npos) << (*model)->info().engine_reason;
  load.engine = "reference";
  EXPECT_EQ(MakeOnnxLoader()->Load(path, load).status().code(), absl::StatusCode::kFailedPrecondition);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace vigil::onnx
