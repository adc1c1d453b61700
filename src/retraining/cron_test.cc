#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "retraining/retraining.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;

std::string Next(const std::string& expression, const std::string& after) {
  const auto next = NextCronTime(expression, *ParseTime(after));
  return next.ok() ? FormatTime(*next) : std::string(next.status().message());
}

TEST(Cron, NextTime) {
  const struct {
    const char* expression;
    const char* after;
    const char* next;
  } cases[] = {
      {"* * * * *", "2018-07-15T10:00:00Z", "2018-07-15T10:01:00Z"},
      {"* * * * *", "2018-07-15T10:00:59.999999Z", "2018-07-15T10:01:00Z"},
      {"*/15 * * * *", "2018-07-15T10:14:00Z", "2018-07-15T10:15:00Z"},
      {"*/15 * * * *", "2018-07-15T10:45:00Z", "2018-07-15T11:00:00Z"},
      {"0 3 * * *", "2018-07-15T03:00:00Z", "2018-07-16T03:00:00Z"},
      {"0 3 * * mon", "2018-07-15T00:00:00Z", "2018-07-16T03:00:00Z"},  // the 15th was a Sunday
      {"0 3 * * 7", "2018-07-15T00:00:00Z", "2018-07-15T03:00:00Z"},
      {"0 3 * * 0", "2018-07-15T04:00:00Z", "2018-07-22T03:00:00Z"},
      {"30 2 1 * *", "2018-12-15T00:00:00Z", "2019-01-01T02:30:00Z"},
      {"0 0 29 2 *", "2018-03-01T00:00:00Z", "2020-02-29T00:00:00Z"},
      {"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},  // 2100 is no leap year
      {"0 0 31 * *", "2018-08-31T00:00:00Z", "2018-10-31T00:00:00Z"},
      {"0 0 13 * 5", "2018-07-08T00:00:00Z", "2018-07-13T00:00:00Z"},  // either day field
      {"0 0 13 * 5", "2018-07-14T00:00:00Z", "2018-07-20T00:00:00Z"},
      {"0 0 */2 * 5", "2018-07-14T00:00:00Z", "2018-07-27T00:00:00Z"},  // a star field is not a restriction: both must hold
      {"5,35 8-10 * JAN-mar Mon,Wed", "2018-07-15T00:00:00Z", "2019-01-02T08:05:00Z"},
      {"10-30/10 0 * * *", "2018-07-15T00:20:00Z", "2018-07-15T00:30:00Z"},
      {"50/5 0 * * *", "2018-07-15T00:50:00Z", "2018-07-15T00:55:00Z"},
      {"  0   3  * * *  ", "2018-07-15T03:00:00Z", "2018-07-16T03:00:00Z"},
      {"@weekly", "2018-07-15T00:00:00Z", "2018-07-22T00:00:00Z"},
      {"@hourly", "1969-12-31T23:30:00Z", "1970-01-01T00:00:00Z"},
  };
  for (const auto& c : cases) EXPECT_EQ(Next(c.expression, c.after), c.next) << c.expression << " after " << c.after;
}

TEST(Cron, ErrorsNameTheField) {
  const struct {
    const char* expression;
    const char* message;
  } cases[] = {
      {"", "0 fields instead of 5"},
      {"* * * *", "4 fields instead of 5"},
      {"* * * * * *", "6 fields instead of 5"},
      {"60 * * * *", "minute \"60\""},
      {"* 24 * * *", "hour \"24\""},
      {"* * 0 * *", "day of month \"0\""},
      {"* * * 13 *", "month \"13\""},
      {"* * * foo *", "month \"foo\""},
      {"* * * * 8", "day of week \"8\""},
      {"*/0 * * * *", "minute"},
      {"5-1 * * * *", "minute"},
      {"1,,2 * * * *", "minute"},
      {"1- * * * *", "minute"},
      {"-1 * * * *", "minute"},
      {"*x * * * *", "minute"},
      {"0 0 31 2 *", "never meet"},
      {"@often", "1 fields instead of 5"},
  };
  for (const auto& c : cases) EXPECT_THAT(Next(c.expression, "2018-07-15T00:00:00Z"), HasSubstr(c.message)) << c.expression;
}

TEST(Cron, EveryAnswerIsLaterAndMatchesWhatItWasAskedFor) {
  TimeUs now = *ParseTime("2018-01-01");
  const TimeUs end = *ParseTime("2022-01-01");
  int count = 0;
  while (true) {
    const TimeUs next = *NextCronTime("17 5 * * 3", now);
    ASSERT_GT(next, now);
    if (next >= end) break;
    EXPECT_EQ(next % kDayUs, 5 * kHourUs + 17 * kMinuteUs);
    EXPECT_EQ((next / kDayUs + 4) % 7, 3);
    now = next;
    ++count;
  }
  EXPECT_EQ(count, 209);  // Wednesdays of four years
}

}  // namespace
}  // namespace vigil
