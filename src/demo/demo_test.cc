#include <gtest/gtest.h>

#include "demo/features.h"
#include "demo/simulator.h"

namespace vigil::demo {
namespace {

SimulatorOptions Small() {
  SimulatorOptions options;
  options.start = 1'522'540'800 * kSecondUs;  // 2018-04-01, a Sunday
  options.customers = 500;
  options.terminals = 1000;
  options.radius = 15;
  return options;
}

TEST(Simulator, TheSameSeedTellsTheSameStory) {
  Simulator a(Small()), b(Small());
  const auto x = a.NextDay(), y = b.NextDay();
  ASSERT_EQ(x.size(), y.size());
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(x[i].amount, y[i].amount);
    EXPECT_EQ(x[i].terminal, y[i].terminal);
  }
}

TEST(Simulator, DaysAreInOrderAndFraudIsRare) {
  SimulatorOptions options = Small();
  options.terminals_compromised_a_day = 1;
  options.customers_compromised_a_day = 1;
  Simulator simulator(options);
  int64_t rows = 0, frauds = 0;
  TimeUs last = 0;
  for (int day = 0; day < 40; ++day) {
    for (const Transaction& tx : simulator.NextDay()) {
      EXPECT_GE(tx.time, last);
      last = tx.time;
      EXPECT_EQ(tx.time / kDayUs, options.start / kDayUs + day);
      EXPECT_EQ(tx.fraud, tx.scenario != 0);
      EXPECT_GT(tx.amount, 0);
      ++rows;
      frauds += tx.fraud;
    }
  }
  EXPECT_NEAR(static_cast<double>(rows) / 40, 500 * 2 * 0.97, 60);  // U(0,4) payments a day; 3 % fall outside the day
  EXPECT_GT(frauds, 0);
  EXPECT_LT(static_cast<double>(frauds) / static_cast<double>(rows), 0.05);
}

TEST(Simulator, AfterTheChangeFraudIsCardTesting) {
  SimulatorOptions options = Small();
  options.change_day = 20;
  Simulator simulator(options);
  int before[5] = {}, after[5] = {};
  for (int day = 0; day < 40; ++day) {
    for (const Transaction& tx : simulator.NextDay()) ++(day < 20 ? before : after)[tx.scenario];
  }
  EXPECT_GT(before[2], 0);
  EXPECT_EQ(before[4], 0);
  EXPECT_EQ(after[2], 0);
  EXPECT_GT(after[4], 0);
}

// The windows by their definition, from all transactions.
Features ByDefinition(const std::vector<Transaction>& all, size_t i) {
  const Transaction& tx = all[i];
  Features f{};
  f[0] = tx.amount;
  f[1] = (tx.time / kDayUs + 4) % 7 % 6 == 0 ? 1 : 0;
  f[2] = tx.time % kDayUs / kHourUs <= 6 ? 1 : 0;
  const int64_t days[3] = {1, 7, 30};
  for (size_t w = 0; w < 3; ++w) {
    double amount = 0, fraud = 0;
    int own = 0, there = 0;
    for (size_t k = 0; k <= i; ++k) {
      const TimeUs age = tx.time - all[k].time;
      if (all[k].customer == tx.customer && age < days[w] * kDayUs) amount += all[k].amount, ++own;
      const TimeUs known = age - 7 * kDayUs;
      if (k != i && all[k].terminal == tx.terminal && known >= 0 && known < days[w] * kDayUs) fraud += all[k].fraud, ++there;
    }
    f[3 + w] = static_cast<float>(own);
    f[6 + w] = static_cast<float>(amount / own);
    f[9 + w] = static_cast<float>(there);
    f[12 + w] = there == 0 ? 0 : static_cast<float>(fraud / there);
  }
  return f;
}

TEST(FeatureBuilder, MatchesTheDefinition) {
  SimulatorOptions options = Small();
  options.customers = 20;
  options.terminals = 10;
  options.radius = 60;
  Simulator simulator(options);
  FeatureBuilder builder(options.customers, options.terminals);
  std::vector<Transaction> all;
  for (int day = 0; day < 50; ++day) {
    for (const Transaction& tx : simulator.NextDay()) {
      all.push_back(tx);
      const Features got = builder.Add(tx);
      if (all.size() % 7 != 0) continue;
      const Features want = ByDefinition(all, all.size() - 1);
      for (size_t k = 0; k < kFeatureCount; ++k) EXPECT_NEAR(got[k], want[k], 1e-3) << FeatureNames()[k];
    }
  }
}

}  // namespace
}  // namespace vigil::demo
