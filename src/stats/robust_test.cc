#include "stats/robust.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace vigil::stats {
namespace {

TEST(RobustSeasonalZ, ComparesTheSamePhaseOnly) {
  // Two weeks of hours with a strong day: 3 in the morning is quiet every day.
  std::vector<double> history;
  Random random(8);
  for (int day = 0; day < 14; ++day) {
    for (int hour = 0; hour < 24; ++hour) history.push_back((hour == 3 ? 10 : 100) + random.Normal());
  }
  SeasonalOptions options{.period = 24, .past_min = 5};
  // The next window is hour 0 of day 14.
  EXPECT_LT(std::abs(RobustSeasonalZ(history, 100, options).z), 4);
  EXPECT_LT(RobustSeasonalZ(history, 10, options).z, -20);
  history.insert(history.end(), 3, 100.0);  // now hour 3 comes
  EXPECT_LT(std::abs(RobustSeasonalZ(history, 10, options).z), 4);
  EXPECT_GT(RobustSeasonalZ(history, 100, options).z, 20);
}

TEST(RobustSeasonalZ, SurvivesOutliersGapsAndConstants) {
  SeasonalOptions options{.period = 1, .past_min = 5};
  std::vector<double> history = {5, 5.1, 4.9, 1000, 5, NAN, 5.05, 4.95};
  EXPECT_LT(std::abs(RobustSeasonalZ(history, 5, options).z), 1);
  EXPECT_GT(RobustSeasonalZ(history, 8, options).z, 10);
  EXPECT_TRUE(std::isnan(RobustSeasonalZ({1, 2, 3}, 5, options).z));
  EXPECT_TRUE(std::isnan(RobustSeasonalZ(history, NAN, options).z));
  const std::vector<double> constant(10, 0.0);
  EXPECT_EQ(RobustSeasonalZ(constant, 0, options).z, 0);
  EXPECT_TRUE(std::isinf(RobustSeasonalZ(constant, 1, options).z));
  options.deviation_floor = 0.5;
  EXPECT_EQ(RobustSeasonalZ(constant, 1, options).z, 2);
}

}  // namespace
}  // namespace vigil::stats
