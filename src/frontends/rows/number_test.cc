#include "frontends/rows/number.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "base/random.h"
#include "base/text.h"

namespace vigil {
namespace {

// The C library's reading, which is correctly rounded.
double Reference(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

void ExpectSameBits(const std::string& text) {
  double value = 0;
  ASSERT_TRUE(ParseJsonNumber(text, &value)) << text;
  EXPECT_EQ(std::bit_cast<uint64_t>(value), std::bit_cast<uint64_t>(Reference(text))) << text;
}

TEST(JsonNumber, AgreesWithTheCLibraryOnHardCases) {
  for (const char* text : {"0",
                           "-0",
                           "0.0",
                           "1",
                           "-1",
                           "12.5",
                           "0.1",
                           "1e22",
                           "1e23",
                           "9007199254740992",
                           "9007199254740993",
                           "9007199254740991e1",
                           "123456789012345678901234567890",
                           "0.000001",
                           "1e-7",
                           "4.9406564584124654e-324",
                           "2.4703282292062327e-324",
                           "2.2250738585072011e-308",
                           "1.7976931348623157e308",
                           "8.5899345920e9",
                           "0.30000000000000004",
                           "5e-324",
                           "6.9294956446009195e15",
                           "1.00000000000000011102230246251565",
                           "7450580596923828125e-27",
                           "3.4028235677973366e38",
                           "0.1e1",
                           "1E5",
                           "1e+5",
                           "100000000000000016777215",
                           "179769313486231570000000000000000000000e270"}) {
    ExpectSameBits(text);
  }
}

TEST(JsonNumber, AgreesWithTheCLibraryOnRandomNumbers) {
  Random random(7);
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    if (random.Below(4) == 0) {  // any finite double in its shortest form
      const double value = std::bit_cast<double>(random());
      if (!std::isfinite(value)) continue;
      text = NumberText(value);
    } else {
      if (random.Below(2) == 0) text += '-';
      const uint64_t whole = 1 + random.Below(random.Below(3) == 0 ? 22 : 6);
      for (uint64_t d = 0; d < whole; ++d) text += static_cast<char>('0' + (d == 0 && whole > 1 ? 1 + random.Below(9) : random.Below(10)));
      if (random.Below(2) == 0) {
        text += '.';
        for (uint64_t d = 0, n = 1 + random.Below(20); d < n; ++d) text += static_cast<char>('0' + random.Below(10));
      }
      if (random.Below(3) == 0) text += 'e' + std::to_string(static_cast<int>(random.Below(80)) - 40);
    }
    ExpectSameBits(text);
  }
}

// Digits are taken many at a time where there is room behind them: whatever follows must not be taken for one.
TEST(JsonNumber, ReadsTheSameWhateverFollows) {
  Random random(8);
  for (int i = 0; i < 100'000; ++i) {
    std::string text = random.Below(2) == 0 ? "-" : "";
    text += std::to_string(random.Below(1000)) + '.';
    for (uint64_t d = 0, n = 1 + random.Below(36); d < n; ++d) text += static_cast<char>('0' + random.Below(10));
    double alone = 0, within = 0;
    ASSERT_TRUE(ParseJsonNumber(text, &alone));
    std::string longer = text + static_cast<char>(random.Below(2) == 0 ? ',' : 1 + random.Below('+'));
    for (uint64_t c = 0, n = random.Below(40); c < n; ++c) longer += static_cast<char>(random.Below(256));
    ASSERT_EQ(ReadJsonNumber(longer.data(), longer.data() + longer.size(), &within), longer.data() + text.size()) << longer;
    ASSERT_EQ(alone, within) << longer;
  }
}

TEST(JsonNumber, BeyondDoublesIsInfinityOrZero) {
  double value = 0;
  for (const auto& [text, want] : {std::pair{"1e400", std::numeric_limits<double>::infinity()},
                                   {"-1e400", -std::numeric_limits<double>::infinity()},
                                   {"1e-400", 0.0},
                                   {"0e999999999999999999", 0.0},
                                   {"1e999999999999999999", std::numeric_limits<double>::infinity()},
                                   {"1e-999999999999999999", 0.0}}) {
    ASSERT_TRUE(ParseJsonNumber(text, &value)) << text;
    EXPECT_EQ(value, want) << text;
  }
  const std::string small = "0." + std::string(400, '0') + "1";
  ASSERT_TRUE(ParseJsonNumber(small, &value));
  EXPECT_EQ(value, 0.0);
  ASSERT_TRUE(ParseJsonNumber(small + "e402", &value));
  EXPECT_EQ(value, 10.0);
  ASSERT_TRUE(ParseJsonNumber(std::string(400, '9'), &value));
  EXPECT_EQ(value, std::numeric_limits<double>::infinity());
  ASSERT_TRUE(ParseJsonNumber("1" + std::string(400, '0') + "e-400", &value));
  EXPECT_EQ(value, 1.0);
}

TEST(JsonNumber, RefusesWhatTheGrammarRefuses) {
  double value = 0;
  for (const char* text : {"",    "-",   "+1",  "01",       "-01", "1.", ".5", "1e",  "1e+",   "1.e5", "0x10",
                           "NaN", "nan", "inf", "Infinity", "1 ",  " 1", "1,", "--1", "1.2.3", "1e5.5"}) {
    EXPECT_FALSE(ParseJsonNumber(text, &value)) << text;
  }
}

TEST(Cell, ReadsWhatTablesHold) {
  double value = 0;
  for (const auto& [text, want] : {std::pair{"1", 1.0},
                                   {" 2.5 ", 2.5},
                                   {"+3", 3.0},
                                   {".5", .5},
                                   {"-.5", -.5},
                                   {"1.", 1.0},
                                   {"007", 7.0},
                                   {"TRUE", 1.0},
                                   {"false", 0.0},
                                   {"-inf", -INFINITY},
                                   {"Infinity", INFINITY},
                                   {"1e400", INFINITY},
                                   {".1e-400", 0.0},
                                   {".5e400", INFINITY},
                                   {"+0.5e400", INFINITY},
                                   {"-007e400", -INFINITY},
                                   {"+100e-400", 0.0},
                                   {"+000", 0.0},
                                   {"1.e2", 100.0},
                                   {"-00.5", -0.5}}) {
    ASSERT_TRUE(ParseCell(text, &value)) << text;
    EXPECT_EQ(value, want) << text;
  }
  for (const char* text : {"", "  ", "nan", "NaN", "NA", "null"}) {
    value = 1;
    ASSERT_TRUE(ParseCell(text, &value)) << text;
    EXPECT_TRUE(std::isnan(value)) << text;
  }
  for (const char* text : {"abc", "1,5", "1 2", "--1", "+-1", "0x1", "1e", "-", "+", ".", ".e5", "+.", "00x", "1..2", "0.1.2"})
    EXPECT_FALSE(ParseCell(text, &value)) << text;
}

}  // namespace
}  // namespace vigil
