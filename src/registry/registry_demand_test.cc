// What is in memory when not all of it can be: budgets, single flights, failures, removal, labels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <set>
#include <thread>

#include "base/random.h"
#include "base/testing/paths.h"
#include "registry/registry.h"
#include "registry/testing/sum_model.h"
#include "storage/testing/fake_catalog.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DemandTest : public ::testing::Test {
 protected:
  DemandTest() : loaders_(testing::SumLoaders(behaviour_)) {
    options_.on_demand = true;
    for (int i = 0; i < 40; ++i) testing::WriteSumModel(File(i), static_cast<float>(i));
    Start();
  }
  std::string File(int i) { return dir_.file(Name(i) + ".sum"); }
  static std::string Name(int i) { return "m" + std::to_string(i); }
  void Start() {
    registry_.reset();
    registry_ = std::make_unique<Registry>(
        catalog_, clock_, loaders_, [](const ServedVersion& version) -> StatusOr<uint32_t> { return version.slot; }, options_);
  }
  void Restart() {
    Start();
    ASSERT_TRUE(registry_->Restore().ok());
  }
  Status DeclareSome(int n) {
    std::vector<DeclaredVersion> declared;
    for (int i = 0; i < n; ++i) declared.push_back(Declared(i));
    return registry_->Declare(std::move(declared));
  }
  DeclaredVersion Declared(int i) {
    DeclaredVersion one;
    one.facts.model = Name(i);
    one.facts.uri = one.file = File(i);
    one.facts.created_by = "test";
    one.make_champion = one.take_over = true;
    return one;
  }
  Status Ask(const std::string& model, const std::string& version = "") {
    auto answer = std::make_shared<std::promise<Status>>();
    std::future<Status> told = answer->get_future();
    const Status asked = registry_->RequestLoad(model, version, [answer](Status status) { answer->set_value(std::move(status)); });
    return asked.ok() ? told.get() : asked;
  }
  std::shared_ptr<const ServedModel> Model(int i) { return registry_->snapshot().Load()->models.at(Name(i)); }
  // What the budget counts one of these models as.
  int64_t OneModel() {
    EXPECT_TRUE(DeclareSome(1).ok());
    EXPECT_TRUE(Ask(Name(0)).ok());
    return registry_->counters().resident_bytes;
  }

  testing::TempDir dir_;
  testing::SumBehaviour behaviour_;
  testing::FakeCatalog catalog_;
  FakeClock clock_{1'000'000'000};
  std::vector<std::unique_ptr<ModelLoader>> loaders_;
  RegistryOptions options_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(DemandTest, DeclaringLoadsNothingAndARequestLoadsOne) {
  ASSERT_TRUE(DeclareSome(5).ok());
  EXPECT_EQ(behaviour_.loads, 0);
  EXPECT_EQ(Model(3)->champion, nullptr);
  EXPECT_TRUE(Model(3)->ready());
  EXPECT_EQ(Model(3)->champion_version, "1");
  EXPECT_EQ(registry_->Version("m3", "1")->facts.digest.size(), 64u);
  ASSERT_TRUE(Ask("m3").ok());
  EXPECT_EQ(behaviour_.loads, 1);
  ASSERT_NE(Model(3)->champion, nullptr);
  EXPECT_EQ(Model(3)->champion->facts.format, "sum");
  EXPECT_EQ(Model(2)->champion, nullptr);
  EXPECT_TRUE(Ask("m3").ok());
  EXPECT_EQ(behaviour_.loads, 1);
  EXPECT_THAT(std::string(Ask("m33").message()), HasSubstr("no model is called m33"));
  EXPECT_TRUE(absl::IsNotFound(Ask("m3", "7")));
}

TEST_F(DemandTest, ARestartKnowsEverythingAndWritesNothing) {
  ASSERT_TRUE(DeclareSome(5).ok());
  const size_t events = catalog_.Timeline("", 0, 1000)->size();
  Restart();
  ASSERT_TRUE(DeclareSome(5).ok());
  EXPECT_EQ(behaviour_.loads, 0);
  EXPECT_EQ(catalog_.Timeline("", 0, 1000)->size(), events);
  EXPECT_TRUE(Model(4)->ready());
}

TEST_F(DemandTest, AnotherFileIsANewVersionThatTakesOver) {
  ASSERT_TRUE(DeclareSome(1).ok());
  ASSERT_TRUE(Ask("m0").ok());
  testing::WriteSumModel(File(0), 77);
  ASSERT_TRUE(DeclareSome(1).ok());
  EXPECT_EQ(Model(0)->champion_version, "2");
  EXPECT_EQ(Model(0)->champion, nullptr);
  ASSERT_TRUE(Ask("m0").ok());
  EXPECT_EQ(Model(0)->champion->facts.version, "2");
}

TEST_F(DemandTest, WhatWasUnloadedByNameStaysSoUntilItIsLoadedByName) {
  ASSERT_TRUE(DeclareSome(2).ok());
  ASSERT_TRUE(Ask("m0").ok());
  ASSERT_TRUE(registry_->Unload("m0").ok());
  ASSERT_TRUE(registry_->Unload("m1").ok()) << "also one that was never loaded";
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(Model(i)->ready());
    EXPECT_TRUE(Model(i)->unloaded);
    const Status refused = Ask(Name(i));
    EXPECT_TRUE(absl::IsUnavailable(refused));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("was unloaded"));
  }
  ASSERT_TRUE(DeclareSome(2).ok());
  EXPECT_FALSE(Model(0)->ready()) << "finding the same file again is no wish to have it back";
  EXPECT_EQ(behaviour_.loads, 1);
  ASSERT_TRUE(registry_->Load("m0").ok());
  EXPECT_NE(Model(0)->champion, nullptr);
  EXPECT_FALSE(Model(0)->unloaded);
  testing::WriteSumModel(File(1), 88);
  ASSERT_TRUE(DeclareSome(2).ok());
  EXPECT_TRUE(Model(1)->ready()) << "another version is another matter";
  EXPECT_TRUE(Ask("m1").ok());
}

TEST_F(DemandTest, OneLoadForAllWhoAsk) {
  ASSERT_TRUE(DeclareSome(2).ok());
  std::vector<std::thread> threads;
  std::atomic<int> answered{0};
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { answered += Ask("m1").ok(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 8);
  EXPECT_EQ(behaviour_.loads, 1);
}

TEST_F(DemandTest, TooManyWaitersAreRefused) {
  options_.load_waiters_max = 1;
  options_.load_threads = 0;  // nobody loads: whoever asks waits
  Start();
  ASSERT_TRUE(DeclareSome(2).ok());
  std::promise<Status> told;
  ASSERT_TRUE(registry_->RequestLoad("m0", "", [&](Status status) { told.set_value(std::move(status)); }).ok());
  const Status refused = registry_->RequestLoad("m1", "", [](Status) { FAIL(); });
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_EQ(registry_->counters().waits_refused, 1);
  registry_->StopLoading();
  EXPECT_TRUE(absl::IsUnavailable(told.get_future().get()));
}

TEST_F(DemandTest, AFailureIsAnsweredAtOnceUntilItIsTimeToTryAgain) {
  ASSERT_TRUE(DeclareSome(1).ok());
  testing::WriteSumModel(File(0), 99);  // not what was registered
  const Status failed = Ask("m0");
  EXPECT_TRUE(absl::IsUnavailable(failed));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("has digest"));
  const int loads = behaviour_.loads;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Ask("m0"), failed);
  EXPECT_EQ(behaviour_.loads, loads);
  EXPECT_EQ(catalog_.Timeline("m0", 0, 1)->at(0).kind, "model.load_failed");
  testing::WriteSumModel(File(0), 0);
  clock_.Advance(2 * kSecondUs);
  EXPECT_TRUE(Ask("m0").ok());
  EXPECT_EQ(registry_->counters().load_failures, 1);
}

TEST_F(DemandTest, TheLeastRecentlyUsedGoesFirstAndItsMemoryWithIt) {
  options_.memory_bytes_max = 3 * OneModel() + 100;
  Start();
  ASSERT_TRUE(registry_->Restore().ok());
  ASSERT_TRUE(DeclareSome(4).ok());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Ask(Name(i)).ok());
    clock_.Advance(kSecondUs);
  }
  Model(0)->champion->last_use.Touch(clock_.MonotonicNs());
  ASSERT_TRUE(Ask("m3").ok());
  EXPECT_NE(Model(0)->champion, nullptr);
  EXPECT_EQ(Model(1)->champion, nullptr);
  EXPECT_TRUE(Model(1)->ready());
  EXPECT_EQ(registry_->counters().evictions, 1);
  EXPECT_EQ(behaviour_.models_alive, 3);
  EXPECT_EQ(registry_->counters().retiring_bytes, 0);
}

TEST_F(DemandTest, WhatIsInUseOutlivesItsEviction) {
  options_.memory_bytes_max = OneModel() + 100;
  Start();
  ASSERT_TRUE(registry_->Restore().ok());
  ASSERT_TRUE(DeclareSome(2).ok());
  ASSERT_TRUE(Ask("m0").ok());
  std::shared_ptr<const ServedVersion> held = Model(0)->champion;
  ASSERT_TRUE(Ask("m1").ok());
  EXPECT_EQ(Model(0)->champion, nullptr);
  EXPECT_EQ(behaviour_.models_alive, 2);
  EXPECT_EQ(registry_->counters().retiring_bytes, held->memory_bytes);
  EXPECT_EQ(held->loaded->info().format, "sum");
  held.reset();
  registry_->Reap();
  EXPECT_EQ(behaviour_.models_alive, 1);
}

TEST_F(DemandTest, WhatARolloutNeedsStays) {
  options_.memory_bytes_max = 2 * OneModel() + 100;
  Start();
  ASSERT_TRUE(registry_->Restore().ok());
  ASSERT_TRUE(DeclareSome(3).ok());
  testing::WriteSumModel(dir_.file("next.sum"), 50);
  VersionFacts facts;
  facts.model = "m0";
  facts.uri = dir_.file("next.sum");
  ASSERT_TRUE(registry_->Register(facts, LoadOptions{}, nullptr, nullptr, false).ok());
  TrafficPlan plan;
  plan.epoch = registry_->GetRole("m0", Role::kChampion)->epoch;
  plan.experiment = "r1";
  plan.salt = "salt";
  plan.arms = {{"1", "champion", 0, 0.5}, {"2", "canary", 0.5, 1}};
  ASSERT_TRUE(registry_->SetPlan("m0", plan).ok());
  const Status full = Ask("m1");
  EXPECT_TRUE(absl::IsUnavailable(full)) << full;
  EXPECT_THAT(std::string(full.message()), HasSubstr("no room"));
  plan.arms.clear();
  ASSERT_TRUE(registry_->SetPlan("m0", plan).ok());
  clock_.Advance(2 * kSecondUs);
  EXPECT_TRUE(Ask("m1").ok());
}

// Random requests of many threads: never above the budget but for what is being loaded, and what a request holds stays whole.
TEST_F(DemandTest, RandomLoadsStayWithinTheBudget) {
  constexpr int kModels = 40, kThreads = 4, kAsks = 400, kFit = 5;
  options_.memory_bytes_max = kFit * OneModel() + 100;
  Start();
  ASSERT_TRUE(registry_->Restore().ok());
  ASSERT_TRUE(DeclareSome(kModels).ok());
  std::atomic<bool> stop{false};
  std::atomic<int64_t> over{0};
  std::thread auditor([&] {
    while (!stop) {
      const RegistryCounters counters = registry_->counters();
      over += counters.resident_bytes > counters.memory_bytes_max;
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0}, failed{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Random random(static_cast<uint64_t>(t) + 1);
      for (int i = 0; i < kAsks; ++i) {
        const int which = static_cast<int>(random.Below(kModels));
        std::shared_ptr<const ServedVersion> version;
        for (int attempt = 0; version == nullptr && attempt < 1000; ++attempt) {
          version = registry_->snapshot().Load()->models.at(Name(which))->champion;
          if (version == nullptr) failed += !Ask(Name(which)).ok();
        }
        if (version == nullptr) {
          ++failed;
          continue;
        }
        version->last_use.Touch(clock_.MonotonicNs());
        const float row[] = {1, 2};
        Outputs outputs;
        ScoreCall call;
        const auto scorer = version->loaded->NewScorer();
        const bool scored = scorer->Score(Batch::FloatMatrix(row, 1, 2, "input"), call, &outputs).ok();
        wrong += !scored || outputs.tensors[0].floats[0] != 3 + static_cast<float>(which);
        clock_.Advance(1000);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  stop = true;
  auditor.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(over, 0);
  registry_->Reap();
  EXPECT_LE(behaviour_.models_alive, kFit);
  EXPECT_GT(registry_->counters().evictions, 0);
}

TEST_F(DemandTest, ARemovedModelIsGoneUntilItReturns) {
  ASSERT_TRUE(DeclareSome(2).ok());
  ASSERT_TRUE(Ask("m1").ok());
  ASSERT_TRUE(registry_->SetLabel("m1", "stable", "1", 0, "ann", "").ok());
  ASSERT_TRUE(registry_->Remove("m1", "watch", "its files are gone").ok());
  EXPECT_THAT(registry_->Models(), ElementsAre("m0"));
  EXPECT_EQ(registry_->snapshot().Load()->models.size(), 1u);
  EXPECT_TRUE(absl::IsNotFound(Ask("m1")));
  EXPECT_EQ(registry_->Version("m1", "1")->state, VersionState::kRetired);
  EXPECT_EQ(catalog_.Timeline("m1", 0, 1)->at(0).kind, "model.removed");
  EXPECT_EQ(behaviour_.models_alive, 0);
  Restart();
  EXPECT_THAT(registry_->Models(), ElementsAre("m0"));
  ASSERT_TRUE(DeclareSome(2).ok());
  EXPECT_THAT(registry_->Models(), ElementsAre("m0", "m1"));
  EXPECT_EQ(registry_->Version("m1", "1")->state, VersionState::kRegistered);
  EXPECT_TRUE(Ask("m1").ok());
  EXPECT_TRUE(Model(1)->labels.empty());
}

TEST_F(DemandTest, LabelsMoveByCompareAndSetAndOutliveARestart) {
  ASSERT_TRUE(DeclareSome(1).ok());
  testing::WriteSumModel(File(0), 60);
  ASSERT_TRUE(DeclareSome(1).ok());
  const auto first = registry_->SetLabel("m0", "stable", "1", 0, "ann", "tested");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(Model(0)->labels.at("stable"), "1");
  EXPECT_TRUE(absl::IsAborted(registry_->SetLabel("m0", "stable", "2", first->epoch + 1, "bob", "").status()));
  const auto second = registry_->SetLabel("m0", "stable", "2", first->epoch, "bob", "");
  ASSERT_TRUE(second.ok());
  const TimelineEvent event = catalog_.Timeline("m0", 0, 1)->at(0);
  EXPECT_EQ(event.kind, "label.changed");
  EXPECT_EQ(event.by, "bob");
  EXPECT_EQ(event.summary, "label stable points to version 2 instead of 1");
  EXPECT_TRUE(absl::IsFailedPrecondition(registry_->SetState("m0", "2", VersionState::kRetired, "ann", "")));
  EXPECT_TRUE(absl::IsNotFound(registry_->SetLabel("m0", "stable", "9", Registry::kAnyEpoch, "ann", "").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(registry_->SetLabel("m0", "a/b", "1", 0, "ann", "").status()));
  Restart();
  EXPECT_EQ(Model(0)->labels.at("stable"), "2");
  ASSERT_TRUE(registry_->ClearLabel("m0", "stable", second->epoch, "ann", "").ok());
  EXPECT_TRUE(Model(0)->labels.empty());
  const auto again = registry_->SetLabel("m0", "stable", "1", 0, "ann", "");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->epoch, second->epoch + 2);
  EXPECT_TRUE(absl::IsNotFound(registry_->ClearLabel("m0", "stabel", Registry::kAnyEpoch, "ann", "")));
}

TEST(ServedModelsTest, IsAMapWhoseCopiesDoNotChange) {
  ServedModels models;
  std::map<std::string, std::shared_ptr<const ServedModel>> want;
  Random random(7);
  std::vector<std::pair<ServedModels, size_t>> copies;
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "m" + std::to_string(random.Below(900));
    if (random.Below(3) == 0) {
      models.Erase(name);
      want.erase(name);
    } else {
      auto model = std::make_shared<ServedModel>();
      model->name = name;
      models.Set(name, model);
      want[name] = model;
    }
    ASSERT_EQ(models.size(), want.size());
    if (i % 500 == 0) copies.emplace_back(models, want.size());
  }
  auto at = want.begin();
  for (const auto& [name, model] : models) {
    ASSERT_EQ(name, at->first);
    ASSERT_EQ(model, (at++)->second);
    ASSERT_EQ(models.find(name)->second, model);
  }
  EXPECT_EQ(at, want.end());
  EXPECT_EQ(models.find("zzz"), models.end());
  EXPECT_EQ(models.find(""), models.end());
  for (const auto& [copy, size] : copies) EXPECT_EQ(copy.size(), size);
}

}  // namespace
}  // namespace vigil
