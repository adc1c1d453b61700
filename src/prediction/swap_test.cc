// Serving threads resolve and score while the champion is promoted and rolled back under them.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "prediction/testing/served_fixture.h"

namespace vigil {
namespace {

class SwapTest : public testing::ServedTest {};

TEST_F(SwapTest, AThousandSwapsFailNoRequestAndMixNoVersions) {
  constexpr int kSwaps = 500;  // each a promotion and a rollback
  constexpr int kReaders = 3;
  constexpr size_t kRows = 4;
  Serve("m", 1000);
  Serve("m", 2000);
  std::atomic<bool> stop{false};
  std::atomic<int64_t> requests{0}, failures{0}, mixed{0}, second{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      Pipeline pipeline(*registry_, nullptr, nullptr, clock_, nullptr, {});
      RequestContext context;
      RowBatch batch;
      PredictResult result;
      while (!stop) {
        batch.Reset(2);
        batch.rows = kRows;
        batch.values.assign(2 * kRows, 0.0f);
        const StatusOr<PredictTarget> target = pipeline.Resolve("m");
        if (!target.ok() || !pipeline.Predict(context, *target, batch, &result, nullptr, nullptr).ok()) {
          ++failures;
          continue;
        }
        for (float output : result.outputs) mixed += output != (result.version == "1" ? 1000.0f : 2000.0f);
        second += result.version == "2";
        ++requests;
        if (requests % 16 == 0) pipeline.EndTurn();
      }
    });
  }
  for (int i = 0; i < kSwaps; ++i) {
    ASSERT_TRUE(registry_->SetRole("m", Role::kChampion, "2", Registry::kAnyEpoch, "test", "").ok());
    if (i % 16 == 0) std::this_thread::yield();
    ASSERT_TRUE(registry_->Rollback("m", "test", "").ok());
  }
  while (requests < 100) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(mixed, 0);
  registry_->Reap();
  EXPECT_EQ(behaviour_.models_alive, 1) << "what was rolled back is given back";
  EXPECT_EQ(behaviour_.scorers_alive, 0);
  EXPECT_EQ(registry_->GetRole("m", Role::kChampion)->epoch, 2 * kSwaps + 1);
}

}  // namespace
}  // namespace vigil
