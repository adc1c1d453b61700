#include "stats/splits.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/random.h"

namespace vigil::stats {
namespace {

// Test sets part the rows, and train is the rest.
void ExpectPartition(const Splits& splits, size_t rows) {
  std::vector<int> tested(rows, 0);
  for (const Split& s : splits) {
    EXPECT_EQ(s.train.size() + s.test.size(), rows);
    for (const uint32_t i : s.test) {
      ++tested[i];
      EXPECT_FALSE(std::binary_search(s.train.begin(), s.train.end(), i));
    }
  }
  EXPECT_TRUE(std::all_of(tested.begin(), tested.end(), [](int n) { return n == 1; }));
}

TEST(Splits, PropertiesOnRandomRows) {
  Random random(1);
  for (int t = 0; t < 30; ++t) {
    const size_t n = 20 + random.Below(200);
    std::vector<double> labels(n);
    std::vector<uint64_t> groups(n);
    for (double& y : labels) y = random.Below(5) == 0 ? 1 : 0;
    for (uint64_t& g : groups) g = random() % 17 * 1'000'003;
    const int folds = 2 + static_cast<int>(random.Below(4));
    ExpectPartition(*KFold(n, folds), n);
    const auto stratified = StratifiedKFold(labels, folds);
    ExpectPartition(*stratified, n);
    const double positives = static_cast<double>(std::count(labels.begin(), labels.end(), 1.0));
    for (const Split& s : *stratified) {
      double in_test = 0;
      for (const uint32_t i : s.test) in_test += labels[i];
      EXPECT_NEAR(in_test, positives / folds, 1.0);
    }
    for (const auto& splits : {GroupKFold(groups, folds), StratifiedGroupKFold(labels, groups, folds), LeaveOneGroupOut(groups)}) {
      ASSERT_TRUE(splits.ok()) << splits.status();
      ExpectPartition(*splits, n);
      for (const Split& s : *splits) {
        std::set<uint64_t> train_groups;
        for (const uint32_t i : s.train) train_groups.insert(groups[i]);
        for (const uint32_t i : s.test) EXPECT_FALSE(train_groups.contains(groups[i]));
      }
    }
  }
}

TEST(Splits, RefuseWhatCannotBeCut) {
  EXPECT_FALSE(KFold(3, 1).ok());
  EXPECT_FALSE(KFold(0, 2).ok());
  EXPECT_FALSE(StratifiedKFold({0, 0.5, 1}, 2).ok());
  EXPECT_FALSE(StratifiedKFold({0, 1, 2}, 2).ok());  // no class has two rows
  EXPECT_FALSE(GroupKFold({1, 1, 1}, 2).ok());
  EXPECT_FALSE(StratifiedGroupKFold({0, 1}, {1}, 2).ok());
  EXPECT_FALSE(LeaveOneGroupOut({4, 4}).ok());
  EXPECT_FALSE(TimeSeriesSplit(10, {.folds = 3, .gap = 20}).ok());
  EXPECT_FALSE(TimeSeriesSplit(10, {.folds = 3, .test_size = 0}).ok());
}

TEST(PurgedTimeSplit, NoTrainLabelIsKnownLaterThanTheTestBegins) {
  Random random(2);
  constexpr int64_t kDay = 86'400'000'000;
  std::vector<int64_t> times, label_times;
  for (int i = 0; i < 600; ++i) {
    times.push_back(static_cast<int64_t>(random.Below(60)) * kDay / 2);  // many equal times, any order
    label_times.push_back(times.back() + static_cast<int64_t>(random.Below(7)) * kDay);
  }
  const auto splits = PurgedTimeSplit(times, label_times, {.folds = 4, .embargo_us = 2 * kDay});
  ASSERT_TRUE(splits.ok()) << splits.status();
  ASSERT_EQ(splits->size(), 4u);
  std::set<uint32_t> tested;
  for (const PurgedSplit& s : *splits) {
    EXPECT_GT(s.split.test.size(), 80u);
    EXPECT_GT(s.purged, 0);
    int64_t test_last = 0;
    for (const uint32_t i : s.split.test) {
      EXPECT_GE(times[i], s.test_start_us);
      EXPECT_TRUE(tested.insert(i).second);
      test_last = std::max(test_last, times[i]);
    }
    for (const uint32_t i : s.split.train) EXPECT_LT(label_times[i] + 2 * kDay, s.test_start_us);
    // Nothing is dropped without reason: earlier rows are either trained on or purged.
    const auto earlier = std::count_if(times.begin(), times.end(), [&](int64_t t) { return t < s.test_start_us; });
    EXPECT_EQ(static_cast<int64_t>(s.split.train.size()) + s.purged, earlier);
  }
}

TEST(PurgedTimeSplit, Refuses) {
  EXPECT_FALSE(PurgedTimeSplit({1, 2}, {1}, {}).ok());
  EXPECT_FALSE(PurgedTimeSplit({5, 6, 7}, {4, 6, 7}, {.folds = 2}).ok());        // label before prediction
  EXPECT_FALSE(PurgedTimeSplit({5, 5, 5, 5}, {5, 5, 5, 5}, {.folds = 2}).ok());  // one time only
  EXPECT_FALSE(PurgedTimeSplit({1, 2, 3}, {1, 2, 3}, {.folds = 2, .embargo_us = -1}).ok());
  EXPECT_TRUE(PurgedTimeSplit({1, 2, 3}, {1, 2, 3}, {.folds = 2}).ok());
}

}  // namespace
}  // namespace vigil::stats
