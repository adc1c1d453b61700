#include "cli/moment.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace vigil::cli {
namespace {

std::string At(const std::string& text) {
  const auto time = ParseMoment(text, *ParseTime("2026-02-01T10:30:00Z"));
  return time.ok() ? FormatTime(*time) : std::string(time.status().message());
}

TEST(Moment, IsATimeOrWhenItWasThatLast) {
  EXPECT_EQ(At("2026-01-31T14:03:00Z"), FormatTime(*ParseTime("2026-01-31T14:03:00Z")));
  EXPECT_EQ(At("2026-01-31T14:03:00+02:00"), FormatTime(*ParseTime("2026-01-31T12:03:00Z")));
  EXPECT_EQ(At("2026-01-31"), FormatTime(*ParseTime("2026-01-31T00:00:00Z"))) << "a day is its midnight";
  EXPECT_EQ(At("9:05"), FormatTime(*ParseTime("2026-02-01T09:05:00Z")));
  EXPECT_EQ(At("10:30:00"), FormatTime(*ParseTime("2026-02-01T10:30:00Z"))) << "now";
  EXPECT_EQ(At("14:03"), FormatTime(*ParseTime("2026-01-31T14:03:00Z"))) << "not yet today";
  EXPECT_EQ(At("14:03:20"), FormatTime(*ParseTime("2026-01-31T14:03:20Z")));
}

TEST(Moment, AnythingElseIsRefused) {
  for (const char* text : {"", "yesterday", "14:03h", "14"}) EXPECT_NE(At(text).find("is no time:"), std::string::npos) << text;
  for (const char* text : {"24:00", "12:60", "-1:00", "10:00:61"})
    EXPECT_NE(At(text).find("is no time of a day"), std::string::npos) << text;
}

}  // namespace
}  // namespace vigil::cli
