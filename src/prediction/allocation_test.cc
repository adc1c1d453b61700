// A warm request allocates nothing. Counts every operator new of this program.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "prediction/testing/served_fixture.h"
#include "runtime/testing/fake_model.h"

namespace {
std::atomic<int64_t> allocations{0};
}  // namespace

// Not inlined, where gcc would take malloc and operator delete for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace vigil {
namespace {

class AllocationTest : public testing::ServedTest {
 protected:
  AllocationTest() {
    log_.keep = false;
    monitor_.keep = false;
  }
  // Allocations of the second of two equal rounds of single-row requests.
  int64_t Warm(const char* entity) {
    int64_t counted = 0;
    for (int round = 0; round < 2; ++round) {
      const int64_t before = allocations;
      for (int i = 0; i < 64; ++i) {
        batch_.Reset(2);
        batch_.rows = 1;
        batch_.values.assign(2, 1.0f);
        batch_.ids.assign(1, "tx-1");
        batch_.entities.assign(1, entity);
        const StatusOr<PredictTarget> target = pipeline_->Resolve("m");
        EXPECT_TRUE(pipeline_->Predict(context_, *target, batch_, &result_, nullptr, nullptr).ok());
        pipeline_->EndTurn();
      }
      counted = allocations - before;
    }
    return counted;
  }
};

TEST_F(AllocationTest, TheCounterCounts) {
  const int64_t before = allocations;
  const auto made = std::make_unique<int>(1);
  EXPECT_EQ(allocations - before, 1) << *made;
}

TEST_F(AllocationTest, AWarmRowAllocatesNothing) {
  Serve("m", 0);
  EXPECT_EQ(Warm("customer"), 0);
}

TEST_F(AllocationTest, NorDoesOneThatIsCleanedRoutedAndShadowed) {
  Serve("m", 0, SchemaOfA([](ColumnRule& a) {
          a.maximum = 0;
          a.on_range = CleanPolicy::kClamp;
        }));
  Serve("m", 1);
  Serve("m", 2);
  TrafficPlan plan = registry_->snapshot().Load()->models.at("m")->plan;
  plan.salt = "s";
  plan.arms = {{"2", "canary", 0, 0.5}, {"1", "champion", 0.5, 1}};
  plan.shadows = {"3"};
  ASSERT_TRUE(registry_->SetPlan("m", plan).ok());
  EXPECT_EQ(Warm("customer"), 0);
  EXPECT_EQ(Warm(""), 0);
  EXPECT_GT(pipeline_->counters().shadow_rows, 0);
  EXPECT_GT(pipeline_->counters().cleaned_cells, 0);
}

// A matrix of doubles, answered in doubles, comes at the same price.
TEST_F(AllocationTest, NorDoesARowOfDoubles) {
  loaders_.push_back(std::make_unique<testing::FakeLoader>(testing::SumOfDoubles(3), clock_));
  VersionFacts facts;
  facts.model = "m";
  facts.uri = dir_.file("doubles");
  std::ofstream(facts.uri, std::ios::binary) << "fake";
  const auto registered = registry_->Register(facts, LoadOptions{}, nullptr, nullptr, true);
  ASSERT_TRUE(registered.ok()) << registered.status();
  int64_t counted = 0;
  for (int round = 0; round < 2; ++round) {
    const int64_t before = allocations;
    for (int i = 0; i < 64; ++i) {
      batch_.Reset((*registered)->loaded->table());
      batch_.AddRow();
      batch_.exact.assign(3, 0.1);
      const StatusOr<PredictTarget> target = pipeline_->Resolve("m");
      EXPECT_TRUE(pipeline_->Predict(context_, *target, batch_, &result_, nullptr, nullptr).ok());
      EXPECT_EQ(result_.tensors[0].As<double>()[0], 0.1 + 0.1 + 0.1);
      pipeline_->EndTurn();
    }
    counted = allocations - before;
  }
  EXPECT_EQ(counted, 0);
}

// A version of doubles in another order, as an arm and as a shadow of a champion of floats.
TEST_F(AllocationTest, NorDoArmsOfAnotherMake) {
  testing::FakeModelOptions doubles = testing::SumOfDoubles(2);
  doubles.signature.columns = {"b", "a"};
  doubles.signature.columns_are_named = true;
  loaders_.push_back(std::make_unique<testing::FakeLoader>(doubles, clock_));
  Serve("m", 0);
  VersionFacts facts;
  facts.model = "m";
  facts.uri = dir_.file("doubles");
  std::ofstream(facts.uri, std::ios::binary) << "fake";
  ASSERT_TRUE(registry_->Register(facts, LoadOptions{}, nullptr, nullptr, false).ok());
  for (const bool shadow : {false, true}) {
    TrafficPlan plan = registry_->snapshot().Load()->models.at("m")->plan;
    plan.salt = "s";
    plan.arms = {{"2", "canary", 0, shadow ? 0.0 : 0.5}, {"1", "champion", shadow ? 0.0 : 0.5, 1}};
    if (shadow) plan.shadows = {"2"};
    ASSERT_TRUE(registry_->SetPlan("m", plan).ok());
    int64_t counted = 0;
    for (int round = 0; round < 2; ++round) {
      const int64_t before = allocations;
      for (int i = 0; i < 64; ++i) {
        const StatusOr<PredictTarget> target = pipeline_->Resolve("m");
        batch_.Reset(target->table());
        batch_.AddRow();
        batch_.values.assign(2, 0.1f);
        batch_.exact.assign(2, 0.1);
        batch_.entities.assign(1, i % 2 == 0 ? "customer" : "another");
        EXPECT_TRUE(pipeline_->Predict(context_, *target, batch_, &result_, nullptr, nullptr).ok());
        EXPECT_EQ(result_.outputs[0], 0.2f);
        pipeline_->EndTurn();
      }
      counted = allocations - before;
    }
    EXPECT_EQ(counted, 0) << (shadow ? "shadow" : "arm");
  }
}

}  // namespace
}  // namespace vigil
