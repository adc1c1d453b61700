#include "runtime/trees/tree_model.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "gtest/gtest.h"
#include "runtime/engine_bench.h"
#include "runtime/testing/allocation_counter.h"
#include "runtime/testing/conformance.h"
#include "runtime/testing/random_forest.h"
#include "runtime/trees/engine_choice.h"

namespace vigil::trees {
namespace {

std::unique_ptr<TreeModel> MakeModel(const testing::RandomForestShape& shape, const char* objective, const std::string& engine = "") {
  TreeModelParts parts;
  parts.forest = testing::MakeRandomForest(shape, 3);
  parts.objective = *FindObjective(objective);
  parts.info.format = "test";
  parts.info.digest = std::string(64, '0');
  LoadOptions options;
  options.engine = engine;
  auto model = TreeModel::Make(std::move(parts), options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

TEST(TreeModelTest, ConformsOnEveryEngine) {
  testing::RandomForestShape shape;
  shape.features = 5;
  Random random(1);
  for (const std::string& engine : EngineNames()) {
    if (engine == "linear-terms") continue;  // of models without splits: engines_test.cc
    shape.oblivious = engine == "rank-oblivious";
    const auto model = MakeModel(shape, "binary:logistic", engine);
    EXPECT_EQ(model->info().engine, engine);
    testing::CheckRuntime({.model = model.get(), .rows = ProbeRows(model->forest(), 150, &random), .gives_margin = true});
  }
  shape.oblivious = false;
  shape.outputs = 3;
  shape.trees_per_round = 3;
  for (const char* objective : {"multi:softprob", "multi:softmax"}) {
    const auto model = MakeModel(shape, objective);
    testing::CheckRuntime({.model = model.get(), .rows = ProbeRows(model->forest(), 150, &random), .gives_margin = true});
  }
}

TEST(TreeModelTest, SignatureFollowsTheObjective) {
  testing::RandomForestShape shape;
  shape.features = 2;
  shape.outputs = 3;
  const auto softprob = MakeModel(shape, "multi:softprob");
  EXPECT_EQ(softprob->signature().output_width, 3);
  EXPECT_EQ(softprob->signature().outputs[0].shape, (std::vector<int64_t>{-1, 3}));
  EXPECT_EQ(softprob->signature().columns, (std::vector<std::string>{"f0", "f1"}));
  EXPECT_FALSE(softprob->signature().columns_are_named);
  EXPECT_EQ(softprob->signature().task, Task::kMulticlass);
  const auto softmax = MakeModel(shape, "multi:softmax");
  EXPECT_EQ(softmax->signature().output_width, 1);
  EXPECT_EQ(softmax->signature().outputs[0].shape, (std::vector<int64_t>{-1}));
}

TEST(TreeModelTest, SoftmaxGivesAClassAndKeepsTheMargins) {
  testing::RandomForestShape shape;
  shape.outputs = 3;
  const auto model = MakeModel(shape, "multi:softmax");
  Random random(2);
  const std::vector<float> rows = ProbeRows(model->forest(), 40, &random);
  ScoreCall call;
  call.margin = true;
  Outputs outputs;
  ASSERT_TRUE(model->NewScorer()->Score(Batch::FloatMatrix(rows.data(), 40, 10), call, &outputs).ok());
  ASSERT_EQ(outputs.tensors[1].shape, (absl::InlinedVector<int64_t, 4>{40, 3}));
  for (size_t r = 0; r < 40; ++r) {
    const float* margins = outputs.tensors[1].floats.data() + 3 * r;
    const auto best = static_cast<size_t>(outputs.tensors[0].floats[r]);
    for (size_t o = 0; o < 3; ++o) EXPECT_LE(margins[o], margins[best]);
  }
}

TEST(TreeModelTest, AWarmCallAllocatesNothing) {
  for (const std::string& engine : EngineNames()) {
    if (engine == "linear-terms") continue;  // of models without splits: engines_test.cc
    testing::RandomForestShape shape;
    shape.oblivious = engine == "rank-oblivious";
    shape.outputs = engine == "reference" ? 1 : 3;
    const auto model = MakeModel(shape, shape.outputs == 1 ? "binary:logistic" : "multi:softmax", engine);
    Random random(2);
    const std::vector<float> rows = ProbeRows(model->forest(), 200, &random);
    const auto scorer = model->NewScorer();
    Outputs outputs;
    for (const bool margin : {false, true}) {
      ScoreCall call;
      call.margin = margin;
      const Batch batch = Batch::FloatMatrix(rows.data(), 200, 10), one = Batch::FloatMatrix(rows.data(), 1, 10);
      ASSERT_TRUE(scorer->Score(batch, call, &outputs).ok());
      const int64_t before = testing::ThreadAllocations();
      for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(scorer->Score(batch, call, &outputs).ok());
        ASSERT_TRUE(scorer->Score(one, call, &outputs).ok());
      }
      EXPECT_EQ(testing::ThreadAllocations(), before) << engine << (margin ? " with margins" : "");
    }
  }
}

TEST(TreeModelTest, OtherNumericTypesAreConverted) {
  testing::RandomForestShape shape;
  shape.features = 4;
  const auto model = MakeModel(shape, "reg:squarederror");
  const std::vector<float> floats = {1, -2, 0, 3, 4, 100, -7, 1};
  const std::vector<double> doubles(floats.begin(), floats.end());
  const std::vector<int64_t> integers(floats.begin(), floats.end());
  const auto scorer = model->NewScorer();
  ScoreCall call;
  Outputs want, got;
  ASSERT_TRUE(scorer->Score(Batch::FloatMatrix(floats.data(), 2, 4), call, &want).ok());
  Batch as_doubles(2), as_integers(2);
  as_doubles.Add({"input", DType::kFloat64, {2, 4}, doubles.data()});
  as_integers.Add({"input", DType::kInt64, {2, 4}, integers.data()});
  ASSERT_TRUE(scorer->Score(as_doubles, call, &got).ok());
  EXPECT_EQ(got.tensors[0].floats, want.tensors[0].floats);
  ASSERT_TRUE(scorer->Score(as_integers, call, &got).ok());
  EXPECT_EQ(got.tensors[0].floats, want.tensors[0].floats);
  call.tree_limit = model->forest().rounds + 1;
  EXPECT_EQ(scorer->Score(as_doubles, call, &got).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(TreeModelTest, DoublesAreKeptWhereAskedForAndElseRounded) {
  testing::RandomForestShape shape;
  shape.inputs = shape.sums = Precision::kFloat64;
  shape.outputs = 3;
  for (const char* objective : {"reg:squarederror", "multi:softprob", "multi:softmax"}) {
    const auto model = MakeModel(shape, objective);
    EXPECT_EQ(model->signature().inputs[0].dtype, DType::kFloat64);
    EXPECT_EQ(model->signature().outputs[0].dtype, DType::kFloat64);
    Random random(2);
    const std::vector<double> rows = ProbeRowsOf<double>(model->forest(), 20, &random);
    Batch batch(20);
    batch.Add({"input", DType::kFloat64, {20, 10}, rows.data()});
    const auto scorer = model->NewScorer();
    ScoreCall call;
    call.margin = true;
    Outputs rounded, exact;
    ASSERT_TRUE(scorer->Score(batch, call, &rounded).ok());
    call.doubles = true;
    ASSERT_TRUE(scorer->Score(batch, call, &exact).ok());
    std::vector<int32_t> ends(3);
    model->forest().TreeEnds(0, absl::MakeSpan(ends));
    std::vector<double> sums(60);
    MakeReferenceEngine(model->forest())->Score(rows.data(), 20, ends, nullptr, sums.data());
    const OwnedTensor& margin = exact.tensors[1];
    ASSERT_EQ(margin.dtype, DType::kFloat64);
    EXPECT_EQ(margin.shape, (absl::InlinedVector<int64_t, 4>{20, 3}));
    EXPECT_EQ(std::memcmp(margin.bytes.data(), sums.data(), 60 * sizeof(double)), 0);
    for (size_t t = 0; t < 2; ++t) {
      ASSERT_EQ(rounded.tensors[t].floats.size() * sizeof(double), exact.tensors[t].bytes.size());
      EXPECT_EQ(rounded.tensors[t].shape, exact.tensors[t].shape);
      for (size_t i = 0; i < rounded.tensors[t].floats.size(); ++i) {
        double value;
        std::memcpy(&value, exact.tensors[t].bytes.data() + i * sizeof(double), sizeof(value));
        EXPECT_EQ(rounded.tensors[t].floats[i], static_cast<float>(value));
      }
    }
  }
}

TEST(EngineBenchTest, MeasuresEveryEngineThatFits) {
  testing::RandomForestShape shape;
  shape.trees = 5;
  shape.depth = 7;
  const auto model = MakeModel(shape, "binary:logistic");
  const auto bench = BenchEngines(*model, 1, 100'000);
  ASSERT_TRUE(bench.ok()) << bench.status();
  EXPECT_EQ(bench->engine, model->info().engine);
  std::vector<std::string> names;
  for (const EngineTiming& timing : bench->timings) {
    names.push_back(timing.engine);
    ASSERT_EQ(timing.ns_per_row.size(), std::size(kBenchBatches));
    for (const auto& [batch, ns] : timing.ns_per_row) EXPECT_GT(ns, 0) << timing.engine << " at " << batch;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"chosen", "rank-leaves", "rank-nodes", "float-interleaved", "reference"}));
  for (const float x : BenchRows(*model, 100, 1)) EXPECT_TRUE(std::isnan(x) || std::abs(x) < 10);
}

}  // namespace
}  // namespace vigil::trees
