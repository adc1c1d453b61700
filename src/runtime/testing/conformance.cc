#include "runtime/testing/conformance.h"

#include <cstring>
#include <deque>
#include <thread>
#include <utility>

#include "gtest/gtest.h"

namespace vigil::testing {
namespace {

// One caller: a scorer, and the loop that later answers run on.
class Caller {
 public:
  explicit Caller(const RuntimeConformance& runtime) : runtime_(runtime), scorer_(runtime.model->NewScorer()) {}

  Status Score(const Batch& batch, Outputs* outputs, bool margin = false, int64_t deadline_ns = INT64_MAX) {
    std::deque<std::function<void()>> loop;
    int answers = 0;
    Status answer;
    ScoreCall call;
    call.margin = margin;
    call.deadline_ns = deadline_ns;
    call.done = [&](Status status) {
      ++answers;
      answer = std::move(status);
    };
    call.post = [&](std::function<void()> work) { loop.push_back(std::move(work)); };
    const StatusOr<ScoreState> state = scorer_->Score(batch, call, outputs);
    if (!state.ok() || *state == ScoreState::kDone) {
      EXPECT_EQ(answers, 0) << "`done` is only for kLater";
      EXPECT_TRUE(loop.empty()) << "nothing may be posted after an answer";
      return state.ok() ? absl::OkStatus() : state.status();
    }
    EXPECT_EQ(answers, 0) << "kLater means not yet";
    EXPECT_TRUE(runtime_.release != nullptr) << "the model answered later although it was said to answer at once";
    if (runtime_.release == nullptr) return absl::InternalError("no answer");
    runtime_.release();
    while (!loop.empty()) {
      loop.front()();
      loop.pop_front();
    }
    EXPECT_EQ(answers, 1) << "`done` comes exactly once";
    return answer;
  }

 private:
  const RuntimeConformance& runtime_;
  const std::unique_ptr<Scorer> scorer_;
};

size_t Width(const RuntimeConformance& runtime) { return runtime.model->signature().columns.size(); }
size_t Rows(const RuntimeConformance& runtime) { return runtime.rows.size() / Width(runtime); }

Batch RowsFrom(const RuntimeConformance& runtime, size_t first, size_t n) {
  return Batch::FloatMatrix(runtime.rows.data() + first * Width(runtime), n, Width(runtime), runtime.model->signature().inputs[0].name);
}

// Bits of an output's rows [first, first + n), whatever its type.
std::string Bits(const OwnedTensor& tensor, size_t rows, size_t first, size_t n) {
  if (tensor.dtype == DType::kFloat32) {
    const size_t width = rows == 0 ? 0 : tensor.floats.size() / rows;
    return std::string(reinterpret_cast<const char*>(tensor.floats.data() + first * width), n * width * sizeof(float));
  }
  if (tensor.dtype == DType::kString) {
    const size_t width = rows == 0 ? 0 : tensor.strings.size() / rows;
    std::string all;
    for (size_t i = first * width; i < (first + n) * width; ++i) all += tensor.strings[i] + '\0';
    return all;
  }
  const size_t width = rows == 0 ? 0 : tensor.bytes.size() / rows;
  return std::string(reinterpret_cast<const char*>(tensor.bytes.data() + first * width), n * width);
}

void CheckDescription(const LoadedModel& model) {
  const ModelInfo& info = model.info();
  EXPECT_FALSE(info.format.empty());
  EXPECT_FALSE(info.engine.empty());
  EXPECT_FALSE(info.engine_reason.empty());
  EXPECT_EQ(info.digest.size(), 64u) << "a sha256 in hexadecimal";
  const Signature& signature = model.signature();
  EXPECT_FALSE(signature.inputs.empty());
  EXPECT_FALSE(signature.outputs.empty());
  EXPECT_GE(signature.output_width, 1);
  if (!signature.columns.empty()) {
    ASSERT_EQ(signature.inputs.size(), 1u) << "columns are those of a single matrix";
    ASSERT_EQ(signature.inputs[0].shape.size(), 2u);
    EXPECT_EQ(signature.inputs[0].shape[1], static_cast<int64_t>(signature.columns.size()));
  }
}

void CheckOutputs(const RuntimeConformance& runtime) {
  Caller caller(runtime);
  const Signature& signature = runtime.model->signature();
  for (const size_t n : {size_t{1}, Rows(runtime), size_t{0}}) {
    Outputs outputs;
    const Status status = caller.Score(RowsFrom(runtime, 0, n), &outputs);
    ASSERT_TRUE(status.ok()) << n << " rows: " << status;
    ASSERT_EQ(outputs.tensors.size(), signature.outputs.size());
    for (size_t i = 0; i < outputs.tensors.size(); ++i) {
      const TensorSpec& spec = signature.outputs[i];
      EXPECT_EQ(outputs.tensors[i].name, spec.name);
      EXPECT_EQ(outputs.tensors[i].dtype, spec.dtype);
      ASSERT_EQ(outputs.tensors[i].shape.size(), spec.shape.size());
      EXPECT_EQ(outputs.tensors[i].shape[0], static_cast<int64_t>(n));
      for (size_t d = 1; d < spec.shape.size(); ++d) {
        if (spec.shape[d] == -1) continue;
        EXPECT_EQ(outputs.tensors[i].shape[d], spec.shape[d]);
      }
    }
    if (!runtime.gives_margin) continue;
    ASSERT_TRUE(caller.Score(RowsFrom(runtime, 0, n), &outputs, /*margin=*/true).ok());
    ASSERT_NE(outputs.Find("margin"), nullptr);
    ASSERT_TRUE(caller.Score(RowsFrom(runtime, 0, n), &outputs).ok());
    EXPECT_EQ(outputs.Find("margin"), nullptr) << "the margin of an earlier call must not stay";
  }
}

void CheckRowsAreIndependent(const RuntimeConformance& runtime) {
  if (runtime.row_results_depend_on_batch) return;
  const size_t rows = Rows(runtime);
  Outputs whole;
  ASSERT_TRUE(Caller(runtime).Score(RowsFrom(runtime, 0, rows), &whole).ok());
  Caller caller(runtime);
  for (size_t n = 1; n < rows; n = 2 * n + 1) {
    for (size_t first = 0; first < rows; first += n) {
      const size_t count = std::min(n, rows - first);
      Outputs part;
      ASSERT_TRUE(caller.Score(RowsFrom(runtime, first, count), &part).ok());
      for (size_t i = 0; i < whole.tensors.size(); ++i) {
        ASSERT_EQ(Bits(part.tensors[i], count, 0, count), Bits(whole.tensors[i], rows, first, count))
            << "row " << first << " in batches of " << n;
      }
    }
  }
}

void CheckUnfitBatches(const RuntimeConformance& runtime) {
  Caller caller(runtime);
  Outputs outputs;
  const size_t width = Width(runtime);
  const std::string name = runtime.model->signature().inputs[0].name;
  Batch none(1);
  EXPECT_EQ(caller.Score(none, &outputs).code(), absl::StatusCode::kInvalidArgument) << "no tensor at all";
  const Batch wide = Batch::FloatMatrix(runtime.rows.data(), 1, width + 1, name);
  EXPECT_EQ(caller.Score(wide, &outputs).code(), absl::StatusCode::kInvalidArgument) << "a column too many";
  const std::string_view words[] = {"a"};
  Batch text(1);
  text.Add({name, DType::kString, {1, 1}, words});
  EXPECT_EQ(caller.Score(text, &outputs).code(), absl::StatusCode::kInvalidArgument) << "strings for numbers";
  Batch flat(1);
  flat.Add({name, DType::kFloat32, {static_cast<int64_t>(width)}, runtime.rows.data()});
  EXPECT_EQ(caller.Score(flat, &outputs).code(), absl::StatusCode::kInvalidArgument) << "a vector for a matrix";
  EXPECT_TRUE(caller.Score(RowsFrom(runtime, 0, 2), &outputs).ok()) << "the scorer must stay usable";
}

void CheckThreads(const RuntimeConformance& runtime) {
  if (runtime.release != nullptr) return;  // release() is the test's, of one thread
  Outputs want;
  ASSERT_TRUE(Caller(runtime).Score(RowsFrom(runtime, 0, Rows(runtime)), &want).ok());
  std::vector<std::string> got(4);
  std::vector<std::thread> threads;
  for (std::string& bits : got) {
    threads.emplace_back([&runtime, &bits] {
      Caller caller(runtime);
      for (int i = 0; i < 20; ++i) {
        Outputs outputs;
        if (!caller.Score(RowsFrom(runtime, 0, Rows(runtime)), &outputs).ok()) return;
        bits = Bits(outputs.tensors[0], Rows(runtime), 0, Rows(runtime));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& bits : got) EXPECT_EQ(bits, Bits(want.tensors[0], Rows(runtime), 0, Rows(runtime)));
}

void CheckDeadline(const RuntimeConformance& runtime) {
  if (runtime.release == nullptr) return;  // an answer at once needs no deadline
  Outputs outputs;
  EXPECT_EQ(Caller(runtime).Score(RowsFrom(runtime, 0, 1), &outputs, false, INT64_MIN).code(), absl::StatusCode::kDeadlineExceeded);
}

}  // namespace

void CheckRuntime(const RuntimeConformance& runtime) {
  ASSERT_NE(runtime.model, nullptr);
  CheckDescription(*runtime.model);
  ASSERT_GT(Width(runtime), 0u) << "this suite drives models of one matrix";
  ASSERT_GE(Rows(runtime), 3u);
  CheckOutputs(runtime);
  CheckRowsAreIndependent(runtime);
  CheckUnfitBatches(runtime);
  CheckThreads(runtime);
  CheckDeadline(runtime);
}

}  // namespace vigil::testing
