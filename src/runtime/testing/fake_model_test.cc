#include "runtime/testing/fake_model.h"

#include <limits>
#include <utility>

#include "gtest/gtest.h"
#include "runtime/testing/conformance.h"

namespace vigil::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const std::vector<float> kRows = {1, 2, 3, 4, kNan, 6, 7, 8, -9, 10, 11, 12};

TEST(FakeModelTest, ConformsAtOnce) {
  const SystemClock clock;
  const FakeModel model(SumOfColumns(3), clock);
  CheckRuntime({.model = &model, .rows = kRows});
  EXPECT_GT(model.calls(), 0);
}

TEST(FakeModelTest, ConformsLater) {
  const SystemClock clock;
  FakeModelOptions options = SumOfColumns(3);
  options.later = true;
  FakeModel model(options, clock);
  CheckRuntime({.model = &model, .rows = kRows, .release = [&model] { model.Release(); }});
}

TEST(FakeModelTest, LaterAnswersInOrderAndHonoursDeadlines) {
  FakeClock clock(1'000'000);
  FakeModelOptions options = SumOfColumns(3);
  options.later = true;
  FakeModel model(options, clock);
  const std::unique_ptr<Scorer> scorer = model.NewScorer();
  std::vector<std::function<void()>> loop;
  std::vector<std::pair<int, Status>> answers;
  const Batch batches[] = {Batch::FloatMatrix(kRows.data(), 1, 3), Batch::FloatMatrix(kRows.data() + 3, 1, 3)};
  Outputs outputs[2];
  for (int i = 0; i < 2; ++i) {
    ScoreCall call;
    call.deadline_ns = i == 0 ? INT64_MAX : clock.MonotonicNs() + 5'000'000;
    call.post = [&loop](std::function<void()> work) { loop.push_back(std::move(work)); };
    call.done = [&answers, i](Status status) { answers.emplace_back(i, std::move(status)); };
    const auto state = scorer->Score(batches[i], call, &outputs[i]);
    ASSERT_TRUE(state.ok());
    EXPECT_EQ(*state, ScoreState::kLater);
  }
  EXPECT_EQ(model.waiting(), 2u);
  clock.Advance(5'000);
  model.Release();
  EXPECT_EQ(model.waiting(), 0u);
  EXPECT_TRUE(answers.empty()) << "answers come on the caller's loop, not inside Release";
  for (const auto& work : loop) work();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].first, 0);
  EXPECT_TRUE(answers[0].second.ok());
  EXPECT_EQ(outputs[0].tensors[0].floats, std::vector<float>{6});
  EXPECT_EQ(answers[1].second.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(FakeModelTest, ACallerThatCannotWaitIsTold) {
  const SystemClock clock;
  FakeModelOptions options = SumOfColumns(3);
  options.later = true;
  const FakeModel model(options, clock);
  ScoreCall call;
  Outputs outputs;
  EXPECT_EQ(model.NewScorer()->Score(Batch::FloatMatrix(kRows.data(), 1, 3), call, &outputs).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(FakeModelTest, TensorsOfAnyType) {
  const SystemClock clock;
  FakeModelOptions options;
  options.signature.inputs = {{"word", DType::kString, {-1}}, {"count", DType::kInt64, {-1, 2}}};
  options.signature.outputs = {{"joined", DType::kString, {-1}}};
  options.score = [](const Batch& batch, Outputs* outputs) {
    outputs->tensors.resize(1);
    OwnedTensor& joined = outputs->tensors[0];
    joined.name = "joined";
    joined.dtype = DType::kString;
    joined.shape = {static_cast<int64_t>(batch.rows())};
    joined.strings.clear();
    const auto* words = static_cast<const std::string_view*>(batch.Find("word")->data);
    const auto* counts = static_cast<const int64_t*>(batch.Find("count")->data);
    for (size_t r = 0; r < batch.rows(); ++r) {
      if (words[r] == "fail") return absl::InternalError("told to");
      joined.strings.push_back(std::string(words[r]) + std::to_string(counts[2 * r] + counts[2 * r + 1]));
    }
    return absl::OkStatus();
  };
  const FakeModel model(options, clock);
  const std::unique_ptr<Scorer> scorer = model.NewScorer();
  const std::string_view words[] = {"a", "b"};
  const int64_t counts[] = {1, 2, 3, 4};
  Batch batch(2);
  batch.Add({"word", DType::kString, {2}, words});
  batch.Add({"count", DType::kInt64, {2, 2}, counts});
  ScoreCall call;
  Outputs outputs;
  ASSERT_TRUE(scorer->Score(batch, call, &outputs).ok());
  EXPECT_EQ(outputs.tensors[0].strings, (std::vector<std::string>{"a3", "b7"}));

  const std::string_view bad[] = {"a", "fail"};
  Batch failing(2);
  failing.Add({"word", DType::kString, {2}, bad});
  failing.Add({"count", DType::kInt64, {2, 2}, counts});
  EXPECT_EQ(scorer->Score(failing, call, &outputs).status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace vigil::testing
