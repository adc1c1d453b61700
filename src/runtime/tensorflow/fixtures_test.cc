// The shared TensorFlow fixtures through the real library: needs TensorFlow (VIGIL_TENSORFLOW_DIR, or `make tensorflow`).
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/testing/paths.h"
#include "runtime/cat.h"
#include "runtime/tensorflow/library.h"
#include "runtime/tensorflow/loader.h"
#include "runtime/tensorflow/tensorflow_model.h"
#include "runtime/tensorflow/testing/saved_model_writer.h"
#include "runtime/testing/conformance.h"

namespace vigil::tensorflow {
namespace {

std::string SharedFixture(const std::string& name) { return vigil::testing::SharedPath("fixtures/" + name).value_or(""); }

// A thread's loop, for one call at a time.
class Caller {
 public:
  Status Score(Scorer& scorer, const Batch& batch, Outputs* outputs, int64_t deadline_ns = INT64_MAX) {
    ScoreCall call;
    call.deadline_ns = deadline_ns;
    bool answered = false;
    Status answer;
    call.done = [&](Status status) {
      answered = true;
      answer = std::move(status);
    };
    call.post = [this](std::function<void()> work) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(work));
      posted_.notify_one();
    };
    const StatusOr<ScoreState> state = scorer.Score(batch, call, outputs);
    if (!state.ok()) return state.status();
    while (*state == ScoreState::kLater && !answered) RunOne();
    return answer;
  }
  void RunOne() {
    std::unique_lock lock(mutex_);
    posted_.wait(lock, [this] { return !tasks_.empty(); });
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }
  std::function<void(std::function<void()>)> Post() {
    return [this](std::function<void()> work) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(work));
      posted_.notify_one();
    };
  }

 private:
  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> tasks_;
};

// The model as one that answers at once, so that the suite can drive it from several threads.
class WaitingModel final : public LoadedModel {
 public:
  explicit WaitingModel(const LoadedModel& model) : model_(model) {}
  const Signature& signature() const override { return model_.signature(); }
  const ModelInfo& info() const override { return model_.info(); }
  std::unique_ptr<Scorer> NewScorer() const override { return std::make_unique<WaitingScorer>(model_.NewScorer()); }

 private:
  class WaitingScorer final : public Scorer {
   public:
    explicit WaitingScorer(std::unique_ptr<Scorer> scorer) : scorer_(std::move(scorer)) {}
    StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
      VIGIL_RETURN_IF_ERROR(Caller().Score(*scorer_, batch, outputs, call.deadline_ns));
      return ScoreState::kDone;
    }

   private:
    const std::unique_ptr<Scorer> scorer_;
  };
  const LoadedModel& model_;
};

std::vector<std::vector<std::string>> ReadCsv(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string>& cells = rows.emplace_back();
    std::stringstream cut(line + ",");
    for (std::string cell; std::getline(cut, cell, ',');) cells.push_back(cell);
  }
  return rows;
}

float Number(const std::string& cell) { return cell.empty() ? std::nanf("") : std::stof(cell); }

class TensorflowFixtures : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const StatusOr<std::string> library = FindLibrary(); !library.ok()) GTEST_SKIP() << library.status().message();
    if (SharedFixture("models/tensorflow_mlp").empty()) GTEST_SKIP() << "../shared/fixtures is absent";
  }
  static StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const std::string& signature = "") {
    LoadOptions options;
    options.signature = signature;
    std::vector<std::unique_ptr<ModelLoader>> loaders;
    loaders.push_back(MakeTensorflowLoader());
    return LoadModel(loaders, path, options);
  }
  static std::vector<float> MlpRows() {
    std::vector<float> rows;
    const auto table = ReadCsv(SharedFixture("models/tensorflow_mlp/inputs.csv"));
    for (size_t r = 1; r < table.size(); ++r) {
      for (const std::string& cell : table[r]) rows.push_back(Number(cell));
    }
    return rows;
  }
};

void ExpectNear(float got, const std::string& want, size_t row) {
  const float expected = Number(want);
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(got)) << "row " << row << ": " << got;
  } else {
    EXPECT_NEAR(got, expected, 1e-5 + 1e-4 * std::fabs(expected)) << "row " << row;
  }
}

TEST_F(TensorflowFixtures, MlpGivesTheLibrarysNumbersInEverySignature) {
  for (const char* signature : {"", "serve", "serving_default"}) {
    const auto model = Load(SharedFixture("models/tensorflow_mlp/saved_model"), signature);
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ((*model)->signature().inputs[0].name, "features");
    EXPECT_EQ((*model)->signature().columns.size(), 15u);
    const std::vector<float> rows = MlpRows();
    const auto expected = ReadCsv(SharedFixture("models/tensorflow_mlp/expected.csv"));
    ASSERT_EQ(rows.size() / 15 + 1, expected.size());
    Outputs outputs;
    const auto scorer = (*model)->NewScorer();
    const Status status = Caller().Score(*scorer, Batch::FloatMatrix(rows.data(), rows.size() / 15, 15, "features"), &outputs);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(outputs.tensors.size(), 1u);
    for (size_t r = 0; r + 1 < expected.size(); ++r) ExpectNear(outputs.tensors[0].floats[r], expected[r + 1][0], r);
  }
}

TEST_F(TensorflowFixtures, StringsAndSeveralOutputs) {
  const auto model = Load(SharedFixture("models/tensorflow_strings/saved_model/saved_model.pb"));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto table = ReadCsv(SharedFixture("models/tensorflow_strings/inputs.csv"));
  const auto expected = ReadCsv(SharedFixture("models/tensorflow_strings/expected.csv"));
  const auto at = [&](const std::string& name, const std::vector<std::string>& header) {
    return static_cast<size_t>(std::find(header.begin(), header.end(), name) - header.begin());
  };
  std::vector<float> numbers;
  std::vector<std::string_view> channels;
  for (size_t r = 1; r < table.size(); ++r) {
    for (const char* name : {"amount", "customer_avg_amount_7d", "terminal_risk_7d"})
      numbers.push_back(Number(table[r][at(name, table[0])]));
    channels.push_back(table[r][at("channel", table[0])]);
  }
  const auto rows = static_cast<int64_t>(channels.size());
  Batch batch(channels.size());
  batch.Add({"numbers", DType::kFloat32, {rows, 3}, numbers.data()});
  batch.Add({"channel", DType::kString, {rows}, channels.data()});
  Outputs outputs;
  const auto scorer = (*model)->NewScorer();
  const Status status = Caller().Score(*scorer, batch, &outputs);
  ASSERT_TRUE(status.ok()) << status;
  const OwnedTensor *probability = outputs.Find("probability"), *bucket = outputs.Find("bucket");
  ASSERT_NE(probability, nullptr);
  ASSERT_NE(bucket, nullptr);
  for (size_t r = 0; r < channels.size(); ++r) {
    ExpectNear(probability->floats[r], expected[r + 1][at("probability", expected[0])], r);
    int64_t value = 0;
    std::memcpy(&value, bucket->bytes.data() + r * sizeof(value), sizeof(value));
    EXPECT_EQ(value, std::stoll(expected[r + 1][at("bucket", expected[0])])) << "row " << r;
  }
}

// The columns of classify and regress signatures go into tf.Example, whose defaults stand for missing numbers.
TEST_F(TensorflowFixtures, ExamplesAreMadeFromColumns) {
  const vigil::testing::TempDir dir;
  std::ofstream(dir.file("saved_model.pb"), std::ios::binary) << testing::ExampleModel();
  const float amount[] = {1.5f, 2.5f, std::nanf("")}, age[] = {10, std::nanf(""), 1};
  const std::string_view channel[] = {"web", "", "a\xff"};
  Batch batch(3);
  batch.Add({"age", DType::kFloat32, {3}, age});
  batch.Add({"amount", DType::kFloat32, {3}, amount});
  batch.Add({"channel", DType::kString, {3}, channel});
  Outputs outputs;
  for (const char* signature : {"", "classify"}) {
    const auto model = Load(dir.path(), signature);
    ASSERT_TRUE(model.ok()) << model.status();
    const auto scorer = (*model)->NewScorer();
    const Status status = Caller().Score(*scorer, batch, &outputs);
    ASSERT_TRUE(status.ok()) << status;
    const OwnedTensor* sum = outputs.Find(*signature == 0 ? "outputs" : "scores");
    ASSERT_NE(sum, nullptr);
    EXPECT_EQ(sum->floats[0], 11.5f);
    EXPECT_EQ(sum->floats[1], 4.5f) << "the graph's default age is 2";
    EXPECT_TRUE(std::isnan(sum->floats[2])) << "amount has no default: what is missing stays so";
  }
  EXPECT_EQ(outputs.Find("classes")->strings, (std::vector<std::string>{"web", "", "a\xff"}));
  // Examples that the caller made, to a signature of which nothing is known.
  const auto raw = Load(dir.path(), "raw");
  ASSERT_TRUE(raw.ok()) << raw.status();
  ExampleWriter writer;
  writer.Add("amount", batch.tensors()[1], 0, false);
  writer.Add("channel", batch.tensors()[2], 0, false);
  const std::string example = writer.Finish();
  const std::string_view bytes[] = {example, "no example"};
  Batch one(1), broken(2);
  one.Add({"bytes", DType::kString, {1}, bytes});
  broken.Add({"bytes", DType::kString, {2}, bytes});
  const auto scorer = (*raw)->NewScorer();
  ASSERT_TRUE(Caller().Score(*scorer, one, &outputs).ok());
  EXPECT_EQ(outputs.tensors[0].floats, std::vector<float>{3.5f});
  EXPECT_EQ(Caller().Score(*scorer, broken, &outputs).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(TensorflowFixtures, KeepsEveryPromiseOfARuntime) {
  const auto model = Load(SharedFixture("models/tensorflow_mlp/saved_model"));
  ASSERT_TRUE(model.ok()) << model.status();
  const WaitingModel waiting(**model);
  vigil::testing::RuntimeConformance runtime;
  runtime.model = &waiting;
  runtime.rows = MlpRows();
  runtime.rows.resize(20 * 15);
  runtime.row_results_depend_on_batch = true;  // matrix products of other sizes add in another order
  vigil::testing::CheckRuntime(runtime);
}

TEST_F(TensorflowFixtures, AKilledWorkerFailsItsCallsAndServesTheNext) {
  const auto model = Load(SharedFixture("models/tensorflow_mlp/saved_model"));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto& worker = static_cast<TensorflowModel&>(**model).worker();
  const std::vector<float> row(15, 1.0f);
  const Batch batch = Batch::FloatMatrix(row.data(), 1, 15, "features");
  Caller caller;
  const auto scorer = (*model)->NewScorer();
  Outputs before, outputs;
  ASSERT_TRUE(caller.Score(*scorer, batch, &before).ok());
  for (int time = 1; time <= 2; ++time) {
    // A stopped worker takes the call and cannot answer it.
    const auto pid = static_cast<pid_t>(worker.pid());
    ASSERT_GT(pid, 0);
    kill(pid, SIGSTOP);
    Status answer = absl::UnknownError("not answered");
    ScoreCall call;
    call.post = caller.Post();
    call.done = [&](Status status) { answer = std::move(status); };
    const auto state = scorer->Score(batch, call, &outputs);
    ASSERT_TRUE(state.ok() && *state == ScoreState::kLater) << state.status();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    kill(pid, SIGKILL);
    caller.RunOne();
    EXPECT_EQ(answer.code(), absl::StatusCode::kUnavailable) << answer;
    EXPECT_NE(answer.message().find("signal 9"), absl::string_view::npos) << answer;
    // The second death comes soon after the first: its restart waits a moment, and says so.
    Status next;
    for (int tries = 0; tries < 100; ++tries) {
      next = caller.Score(*scorer, batch, &outputs);
      if (next.ok()) break;
      EXPECT_EQ(next.code(), absl::StatusCode::kUnavailable) << next;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ASSERT_TRUE(next.ok()) << next;
    EXPECT_EQ(outputs.tensors[0].floats, before.tensors[0].floats);
    EXPECT_EQ(worker.restarts(), time);
  }
}

TEST_F(TensorflowFixtures, ADeadlineIsKeptWhileTheWorkerHangs) {
  const auto model = Load(SharedFixture("models/tensorflow_mlp/saved_model"));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto& worker = static_cast<TensorflowModel&>(**model).worker();
  const std::vector<float> row(15, 1.0f);
  const Batch batch = Batch::FloatMatrix(row.data(), 1, 15, "features");
  Caller caller;
  const auto scorer = (*model)->NewScorer();
  Outputs outputs;
  kill(static_cast<pid_t>(worker.pid()), SIGSTOP);
  const int64_t start = Worker::NowNs();
  EXPECT_EQ(caller.Score(*scorer, batch, &outputs, start + 100'000'000).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_GE(Worker::NowNs() - start, 100'000'000);
  EXPECT_LT(Worker::NowNs() - start, 5'000'000'000);
  kill(static_cast<pid_t>(worker.pid()), SIGCONT);
  EXPECT_TRUE(caller.Score(*scorer, batch, &outputs).ok()) << "the late answer of the first call must not be taken for this one's";
}

TEST_F(TensorflowFixtures, UnknownSignatureNamesTheOthers) {
  const auto model = Load(SharedFixture("models/tensorflow_mlp/saved_model"), "serv");
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(model.status().message().find("did you mean \"serve\"?"), absl::string_view::npos) << model.status();
  EXPECT_NE(model.status().message().find("serving_default"), absl::string_view::npos) << model.status();
}

}  // namespace
}  // namespace vigil::tensorflow
