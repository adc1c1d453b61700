#include "runtime/batching.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "gtest/gtest.h"
#include "runtime/testing/fake_model.h"

namespace vigil {
namespace {

using testing::FakeModel;
using testing::FakeModelOptions;
using testing::SumOfColumns;

constexpr float kRows[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

WaitingCall Call(const Batch& batch, int64_t arrived_ns, int64_t deadline_ns = INT64_MAX) {
  WaitingCall call;
  call.batch = &batch;
  call.arrived_ns = arrived_ns;
  call.call.deadline_ns = deadline_ns;
  return call;
}

BatchingOptions Options(int64_t rows_max, int64_t delay_us) {
  BatchingOptions options;
  options.rows_max = rows_max;
  options.delay_us_max = delay_us;
  return options;
}

TEST(BatchQueueTest, AFullBatchGoesAtOnceAndAThinOneWaitsForOthers) {
  BatchQueue queue(Options(4, 10));
  EXPECT_EQ(queue.DueNs(), INT64_MAX);
  const Batch two = Batch::FloatMatrix(kRows, 2, 3), three = Batch::FloatMatrix(kRows, 3, 3);
  queue.Add(Call(two, 1'000));
  EXPECT_EQ(queue.DueNs(), 11'000) << "the first has waited ten microseconds";
  queue.Add(Call(two, 2'000));
  EXPECT_EQ(queue.DueNs(), INT64_MIN) << "four rows are a full batch";
  EXPECT_EQ(queue.TakeBatch().size(), 2u);
  queue.Add(Call(three, 3'000));
  queue.Add(Call(two, 4'000));
  EXPECT_EQ(queue.DueNs(), INT64_MIN) << "the second does not fit: nothing is gained by waiting";
  EXPECT_EQ(queue.TakeBatch().size(), 1u);
  EXPECT_EQ(queue.rows(), 2);
  EXPECT_EQ(queue.DueNs(), 14'000);
}

TEST(BatchQueueTest, OnlyCallsThatAreAlikeGoTogether) {
  BatchQueue queue(Options(64, 10));
  const Batch three = Batch::FloatMatrix(kRows, 1, 3), two = Batch::FloatMatrix(kRows, 1, 2);
  queue.Add(Call(three, 0));
  queue.Add(Call(two, 0));
  EXPECT_EQ(queue.TakeBatch().size(), 1u);
  EXPECT_EQ(queue.TakeBatch().size(), 1u);
  WaitingCall margin = Call(three, 0);
  margin.call.margin = true;
  queue.Add(Call(three, 0));
  queue.Add(std::move(margin));
  EXPECT_EQ(queue.TakeBatch().size(), 1u) << "one asks for margins, the other does not";
  Batch text(1);
  const std::string_view words[] = {"a"};
  text.Add({"input", DType::kString, {1, 3}, words});
  EXPECT_FALSE(Alike(Call(three, 0), Call(text, 0)));
  Batch odd(1);
  odd.Add({"input", DType::kFloat32, {2}, kRows});
  EXPECT_FALSE(Alike(Call(odd, 0), Call(odd, 0))) << "without a row for each of the batch nothing can be put together";
}

TEST(BatchQueueTest, ADeadlineShortensTheWait) {
  BatchQueue queue(Options(64, 1'000));
  const Batch one = Batch::FloatMatrix(kRows, 1, 3);
  queue.Served(50'000);
  queue.Add(Call(one, 0));
  EXPECT_EQ(queue.DueNs(), 1'000'000);
  queue.Add(Call(one, 0, 400'000));
  EXPECT_EQ(queue.DueNs(), 300'000) << "twice what a batch takes before the deadline";
  queue.Served(10'000);
  EXPECT_EQ(queue.service_ns(), 47'500) << "an estimate goes down slowly";
  EXPECT_TRUE(queue.TakeExpired(399'999).empty());
  EXPECT_EQ(queue.TakeExpired(400'000).size(), 1u);
  EXPECT_EQ(queue.rows(), 1);
}

TEST(BatchQueueTest, ABoundedNumberOfRowsWaits) {
  BatchingOptions options = Options(64, 10);
  options.queue_rows_max = 5;
  BatchQueue queue(options);
  const Batch three = Batch::FloatMatrix(kRows, 3, 3), four = Batch::FloatMatrix(kRows, 4, 3);
  EXPECT_TRUE(queue.HasRoom(1000)) << "a single call larger than the bound is not refused for ever";
  queue.Add(Call(three, 0));
  EXPECT_TRUE(queue.HasRoom(2));
  EXPECT_FALSE(queue.HasRoom(static_cast<int64_t>(four.rows())));
}

// A caller's loop: what is posted to it runs in Turn.
class Loop {
 public:
  std::function<void(std::function<void()>)> Post() {
    return [this](std::function<void()> work) {
      const std::lock_guard lock(mutex_);
      work_.push_back(std::move(work));
      wake_.notify_one();
    };
  }
  // Runs work until `done()` or ten seconds have passed.
  template <typename Done>
  bool Turn(Done done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    std::unique_lock lock(mutex_);
    while (!done()) {
      if (work_.empty() && wake_.wait_until(lock, limit) == std::cv_status::timeout) return false;
      if (work_.empty()) continue;
      const auto work = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
};

// A model of three columns that counts its batches, waits while held, and fails on a row that begins with -1.
struct Held {
  std::mutex mutex;
  std::condition_variable wake;
  bool held = false;
  std::vector<size_t> batches;

  std::unique_ptr<LoadedModel> Make(const Clock& clock) {
    FakeModelOptions options = SumOfColumns(3);
    const auto sum = options.score;
    options.score = [this, sum](const Batch& batch, Outputs* outputs) -> Status {
      {
        std::unique_lock lock(mutex);
        batches.push_back(batch.rows());
        wake.notify_all();
        wake.wait(lock, [this] { return !held; });
      }
      for (size_t r = 0; r < batch.rows(); ++r) {
        if (batch.float_matrix()[r * 3] == -1) return absl::InvalidArgumentError("a row that cannot be scored");
      }
      return sum(batch, outputs);
    };
    return std::make_unique<FakeModel>(std::move(options), clock);
  }
  void Hold() {
    const std::lock_guard lock(mutex);
    held = true;
  }
  void LetGo() {
    const std::lock_guard lock(mutex);
    held = false;
    wake.notify_all();
  }
  void AwaitBatch(size_t count) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(wake.wait_for(lock, std::chrono::seconds(10), [&] { return batches.size() >= count; }));
  }
};

struct Asked {
  Batch batch;
  Outputs outputs;
  int answers = 0;
  Status status;
};

StatusOr<ScoreState> Ask(Scorer& scorer, Loop& loop, Asked* asked, int64_t deadline_ns = INT64_MAX) {
  ScoreCall call;
  call.deadline_ns = deadline_ns;
  call.post = loop.Post();
  call.done = [asked](Status status) {
    ++asked->answers;
    asked->status = std::move(status);
  };
  return scorer.Score(asked->batch, call, &asked->outputs);
}

TEST(BatchingTest, CallsThatWaitAreScoredTogetherAndAnsweredApart) {
  const SystemClock clock;
  Held held;
  const auto model = MakeBatchingModel(held.Make(clock), Options(64, 0), clock);
  const auto scorer = model->NewScorer();
  Loop loop;
  std::vector<Asked> asked(5);
  held.Hold();
  asked[0].batch = Batch::FloatMatrix(kRows, 1, 3);
  ASSERT_TRUE(Ask(*scorer, loop, &asked[0]).ok());
  held.AwaitBatch(1);  // its thread is busy: the rest must wait
  for (size_t i = 1; i < asked.size(); ++i) {
    asked[i].batch = Batch::FloatMatrix(kRows + 3 * (i - 1), i == 2 ? 2 : 1, 3);
    const auto state = Ask(*scorer, loop, &asked[i]);
    ASSERT_TRUE(state.ok());
    EXPECT_EQ(*state, ScoreState::kLater);
  }
  held.LetGo();
  ASSERT_TRUE(loop.Turn([&] { return std::all_of(asked.begin(), asked.end(), [](const Asked& a) { return a.answers == 1; }); }));
  EXPECT_EQ(held.batches, (std::vector<size_t>{1, 5}));
  EXPECT_EQ(asked[0].outputs.tensors[0].floats, std::vector<float>{6});
  EXPECT_EQ(asked[1].outputs.tensors[0].floats, std::vector<float>{6});
  EXPECT_EQ(asked[2].outputs.tensors[0].floats, (std::vector<float>{15, 24}));
  EXPECT_EQ(asked[4].outputs.tensors[0].floats, std::vector<float>{33});
  EXPECT_EQ(asked[2].outputs.tensors[0].shape, (absl::InlinedVector<int64_t, 4>{2}));
  for (const Asked& one : asked) EXPECT_TRUE(one.status.ok());
}

TEST(BatchingTest, OneBadCallSpoilsNoOther) {
  const SystemClock clock;
  Held held;
  const auto model = MakeBatchingModel(held.Make(clock), Options(64, 0), clock);
  const auto scorer = model->NewScorer();
  Loop loop;
  const float bad[] = {-1, 0, 0};
  std::vector<Asked> asked(3);
  held.Hold();
  asked[0].batch = asked[1].batch = Batch::FloatMatrix(kRows, 1, 3);
  asked[2].batch = Batch::FloatMatrix(bad, 1, 3);
  ASSERT_TRUE(Ask(*scorer, loop, &asked[0]).ok());
  held.AwaitBatch(1);
  ASSERT_TRUE(Ask(*scorer, loop, &asked[1]).ok());
  ASSERT_TRUE(Ask(*scorer, loop, &asked[2]).ok());
  held.LetGo();
  ASSERT_TRUE(loop.Turn([&] { return asked[0].answers + asked[1].answers + asked[2].answers == 3; }));
  EXPECT_TRUE(asked[1].status.ok());
  EXPECT_EQ(asked[1].outputs.tensors[0].floats, std::vector<float>{6});
  EXPECT_EQ(asked[2].status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(BatchingTest, TheQueueIsBoundedAndDeadlinesAreKept) {
  const SystemClock clock;
  Held held;
  BatchingOptions options = Options(1, 0);
  options.queue_rows_max = 2;
  const auto model = MakeBatchingModel(held.Make(clock), options, clock);
  const auto scorer = model->NewScorer();
  Loop loop;
  std::vector<Asked> asked(4);
  for (Asked& one : asked) one.batch = Batch::FloatMatrix(kRows, 1, 3);
  held.Hold();
  ASSERT_TRUE(Ask(*scorer, loop, &asked[0]).ok());
  held.AwaitBatch(1);
  ASSERT_TRUE(Ask(*scorer, loop, &asked[1], clock.MonotonicNs() + 1'000'000).ok());
  ASSERT_TRUE(Ask(*scorer, loop, &asked[2]).ok());
  EXPECT_EQ(Ask(*scorer, loop, &asked[3]).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Ask(*scorer, loop, &asked[3], clock.MonotonicNs()).status().code(), absl::StatusCode::kDeadlineExceeded);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  held.LetGo();
  ASSERT_TRUE(loop.Turn([&] { return asked[0].answers + asked[1].answers + asked[2].answers == 3; }));
  EXPECT_EQ(asked[1].status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(asked[2].status.ok());
  EXPECT_EQ(asked[3].answers, 0);
  EXPECT_EQ(held.batches.size(), 2u) << "what is late is not scored";
}

TEST(BatchingTest, WhatWaitsWhenTheModelGoesIsAnswered) {
  const SystemClock clock;
  Held held;
  auto model = MakeBatchingModel(held.Make(clock), Options(64, 60'000'000), clock);
  const auto scorer = model->NewScorer();
  Loop loop;
  Asked asked;
  asked.batch = Batch::FloatMatrix(kRows, 1, 3);
  ASSERT_TRUE(Ask(*scorer, loop, &asked).ok());
  model.reset();
  ASSERT_TRUE(loop.Turn([&] { return asked.answers == 1; }));
  EXPECT_EQ(asked.status.code(), absl::StatusCode::kUnavailable);
  Asked late;
  late.batch = asked.batch;
  EXPECT_EQ(Ask(*scorer, loop, &late).status().code(), absl::StatusCode::kUnavailable);
}

TEST(BatchingTest, ACallerThatCannotWaitIsScoredAtOnce) {
  const SystemClock clock;
  Held held;
  const auto model = MakeBatchingModel(held.Make(clock), Options(64, 60'000'000), clock);
  ScoreCall call;
  Outputs outputs;
  const auto state = model->NewScorer()->Score(Batch::FloatMatrix(kRows, 2, 3), call, &outputs);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(*state, ScoreState::kDone);
  EXPECT_EQ(outputs.tensors[0].floats, (std::vector<float>{6, 15}));
}

TEST(BatchingTest, ManyThreadsEachGetTheirOwnAnswers) {
  const SystemClock clock;
  BatchingOptions options = Options(8, 200);
  options.threads = 2;
  const auto model = MakeBatchingModel(std::make_unique<FakeModel>(SumOfColumns(3), clock), options, clock);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto scorer = model->NewScorer();
      Loop loop;
      for (int i = 0; i < 200; ++i) {
        const float rows[] = {static_cast<float>(t), static_cast<float>(i), 1, static_cast<float>(i), 0, 0};
        Asked asked;
        const size_t n = 1 + static_cast<size_t>(i) % 2;
        asked.batch = Batch::FloatMatrix(rows, n, 3);
        if (!Ask(*scorer, loop, &asked).ok() || !loop.Turn([&] { return asked.answers == 1; }) || !asked.status.ok() ||
            asked.outputs.tensors[0].floats.size() != n || asked.outputs.tensors[0].floats[0] != static_cast<float>(t + i + 1)) {
          ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace vigil
