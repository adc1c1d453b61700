// What every catalog does; each backend's test runs it: INSTANTIATE_TEST_SUITE_P(Name, CatalogConformance, ::testing::Values(factory)).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/catalog.h"

namespace vigil::testing {

using CatalogFactory = std::function<std::unique_ptr<Catalog>()>;

class CatalogConformance : public ::testing::TestWithParam<CatalogFactory> {
 protected:
  void SetUp() override { catalog_ = GetParam()(); }
  Catalog& catalog() { return *catalog_; }
  Status Put(const std::string& key, const std::string& value, int64_t expected) {
    return catalog().Apply({{"role", key, value, expected}}).status();
  }

 private:
  std::unique_ptr<Catalog> catalog_;
};

TEST_P(CatalogConformance, WritesReadBackWithRisingEpochs) {
  EXPECT_TRUE(absl::IsNotFound(catalog().Get("role", "fraud/champion").status()));
  EXPECT_EQ(catalog().Apply({{"role", "fraud/champion", "{\"version\":\"1\"}", 0}}).value(), std::vector<int64_t>{1});
  EXPECT_EQ(catalog().Apply({{"role", "fraud/champion", "{\"version\":\"2\"}", 1}}).value(), std::vector<int64_t>{2});
  const CatalogEntry entry = catalog().Get("role", "fraud/champion").value();
  EXPECT_EQ(entry.key, "fraud/champion");
  EXPECT_EQ(entry.value, "{\"version\":\"2\"}");
  EXPECT_EQ(entry.epoch, 2);
  EXPECT_TRUE(absl::IsNotFound(catalog().Get("model", "fraud/champion").status())) << "kinds are apart";
}

TEST_P(CatalogConformance, StaleWritesAreAbortedAndSayWhy) {
  ASSERT_TRUE(Put("k", "a", 0).ok());
  const Status again = Put("k", "b", 0);
  EXPECT_TRUE(absl::IsAborted(again));
  EXPECT_NE(std::string(again.message()).find("\"k\" is at epoch 1, not 0"), std::string::npos) << again;
  EXPECT_TRUE(absl::IsAborted(Put("k", "b", 7)));
  EXPECT_TRUE(absl::IsAborted(Put("absent", "b", 1)));
  EXPECT_TRUE(Put("k", "c", CatalogWrite::kAnyEpoch).ok());
  EXPECT_EQ(catalog().Get("role", "k").value().epoch, 2);
}

TEST_P(CatalogConformance, ATransactionIsAllOrNothing) {
  ASSERT_TRUE(Put("a", "1", 0).ok());
  TimelineEvent event;
  event.model = "fraud";
  const auto failed = catalog().Apply({{"role", "b", "new", 0}, {"role", "a", "2", 9}}, {event});
  EXPECT_TRUE(absl::IsAborted(failed.status()));
  EXPECT_TRUE(absl::IsNotFound(catalog().Get("role", "b").status()));
  EXPECT_TRUE(catalog().Timeline("", 0, 10).value().empty());
  const auto done = catalog().Apply({{"role", "b", "new", 0}, {"role", "a", "2", 1}}, {event});
  EXPECT_EQ(done.value(), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(catalog().Timeline("", 0, 10).value().size(), 1u);
}

TEST_P(CatalogConformance, AnEpochNeverComesBackAfterADeletion) {
  ASSERT_TRUE(Put("k", "a", 0).ok());
  ASSERT_EQ(catalog().Apply({{"role", "k", std::nullopt, 1}}).value(), std::vector<int64_t>{2});
  EXPECT_TRUE(absl::IsNotFound(catalog().Get("role", "k").status()));
  EXPECT_TRUE(absl::IsAborted(Put("k", "b", 1)));
  EXPECT_TRUE(absl::IsAborted(Put("k", "b", 2)));
  EXPECT_EQ(catalog().Apply({{"role", "k", "b", 0}}).value(), std::vector<int64_t>{3});
  EXPECT_TRUE(catalog().Apply({{"role", "never", std::nullopt, CatalogWrite::kAnyEpoch}}).ok());
  EXPECT_TRUE(absl::IsAborted(catalog().Apply({{"role", "never", std::nullopt, 1}}).status()));
}

TEST_P(CatalogConformance, ListsByPrefixInOrderAndPages) {
  for (const char* key : {"m/b", "m/a", "n/a", "m/c", "m", "m%d", "m/\xC3\xA9"}) ASSERT_TRUE(Put(key, key, 0).ok());
  ASSERT_TRUE(catalog().Apply({{"other", "m/z", "x", 0}, {"role", "m/gone", "x", 0}}).ok());
  ASSERT_TRUE(catalog().Apply({{"role", "m/gone", std::nullopt, 1}}).ok());
  const auto keys = [&](std::string_view prefix, std::string_view after, size_t limit) {
    std::vector<std::string> found;
    const auto listed = catalog().List("role", prefix, after, limit);
    for (const CatalogEntry& entry : listed.value()) {
      EXPECT_EQ(entry.key, entry.value);
      found.push_back(entry.key);
    }
    return found;
  };
  EXPECT_EQ(keys("m/", "", 10), (std::vector<std::string>{"m/a", "m/b", "m/c", "m/\xC3\xA9"}));
  EXPECT_EQ(keys("m/", "m/a", 2), (std::vector<std::string>{"m/b", "m/c"}));
  EXPECT_EQ(keys("", "", 3), (std::vector<std::string>{"m", "m%d", "m/a"}));
  EXPECT_TRUE(keys("zz", "", 10).empty());
}

TEST_P(CatalogConformance, TheTimelineIsNewestFirstAndPages) {
  for (int i = 1; i <= 6; ++i) {
    TimelineEvent event;
    event.time = 1000 * i;
    event.model = i % 2 == 0 ? "fraud" : "churn";
    event.kind = "role.changed";
    event.subject = std::to_string(i);
    event.summary = "it's \"done\"; DROP TABLE events";
    event.by = "me";
    event.detail = "{}";
    ASSERT_TRUE(catalog().Apply({}, {event}).ok());
  }
  const auto newest = catalog().Timeline("", 0, 2).value();
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0].subject, "6");
  EXPECT_EQ(newest[0].summary, "it's \"done\"; DROP TABLE events");
  EXPECT_EQ(newest[0].time, 6000);
  EXPECT_GT(newest[0].sequence, newest[1].sequence);
  const auto older = catalog().Timeline("fraud", newest[0].sequence, 10).value();
  ASSERT_EQ(older.size(), 2u);
  EXPECT_EQ(older[0].subject, "4");
  EXPECT_EQ(older[1].subject, "2");
}

TEST_P(CatalogConformance, OfManyWritersOfOneEpochOneWins) {
  ASSERT_TRUE(Put("k", "0", 0).ok());
  std::atomic<int> won{0}, lost{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const Status status = Put("k", "x", 1);
      if (status.ok()) ++won;
      if (absl::IsAborted(status)) ++lost;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 3);
  EXPECT_EQ(catalog().Get("role", "k").value().epoch, 2);
}

TEST_P(CatalogConformance, BinaryAndLargeValuesSurvive) {
  const std::string large(1 << 20, 'x'), odd("a\0b\n\"'", 6);
  ASSERT_TRUE(catalog().Apply({{"blob", "large", large, 0}, {"blob", odd, odd, 0}, {"blob", "empty", "", 0}}).ok());
  EXPECT_EQ(catalog().Get("blob", "large").value().value, large);
  EXPECT_EQ(catalog().Get("blob", odd).value().value, odd);
  EXPECT_EQ(catalog().Get("blob", "empty").value().value, "");
}

}  // namespace vigil::testing
