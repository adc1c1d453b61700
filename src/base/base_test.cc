#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/json_fields.h"
#include "base/published.h"
#include "base/random.h"
#include "base/text.h"
#include "base/yaml.h"

namespace vigil {
namespace {

TEST(EventClock, KeepsTheNewestTime) {
  EventClock clock;
  clock.Observe(50);
  clock.Observe(20);
  EXPECT_EQ(clock.NowUs(), 50);
}

TEST(Hash, IsTheSameInEveryRelease) {
  EXPECT_EQ(StableHash(""), 0x2D06800538D394C2u);  // XXH3's own published value for the empty input
  EXPECT_NE(StableHash("cust-7", 1), StableHash("cust-7", 2));
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(PredictionId, RoundTripsAndRefusesOthers) {
  const PredictionId id = PredictionId::Make(1023, 0x3FFFFF, 0xFFFFFFFF);
  EXPECT_EQ(PredictionId::Parse(id.Text()), id);
  EXPECT_EQ(PredictionId::Make(5, 6, 7).segment(), 6u);
  EXPECT_EQ(PredictionId::Make(5, 6, 7).shard(), 5u);
  EXPECT_EQ(PredictionId::Make(5, 6, 7).ordinal(), 7u);
  EXPECT_FALSE(PredictionId::Parse("tx-1"));
  EXPECT_FALSE(PredictionId::Parse("zzzzzzzzzzzzz"));  // over 64 bits
}

TEST(Published, AReaderSeesTheNewestAndPinsTheOld) {
  Published<int> published(std::make_shared<const int>(1));
  Published<int>::Reader reader(published);
  const std::shared_ptr<const int> pinned = reader.Get();
  published.Publish(std::make_shared<const int>(2));
  EXPECT_EQ(*pinned, 1);
  EXPECT_EQ(*reader.Get(), 2);
}

TEST(BoundedQueue, RefusesWhenFullAndDrainsWhenClosed) {
  BoundedQueue<int> queue(1);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_FALSE(queue.TryPush(2));
  queue.Close();
  EXPECT_EQ(queue.Pop(std::chrono::milliseconds(0)), 1);
  EXPECT_EQ(queue.Pop(std::chrono::milliseconds(0)), std::nullopt);
}

TEST(Text, NumbersReadBackExactly) {
  EXPECT_EQ(NumberText(0.1), "0.1");
  EXPECT_EQ(NumberText(std::numeric_limits<double>::quiet_NaN()), "nan");
  std::string out;
  AppendNumber(&out, 0.1f);
  EXPECT_EQ(out, "0.1");
  out.clear();
  AppendJsonNumber(&out, std::numeric_limits<float>::infinity());
  EXPECT_EQ(out, "null");
}

TEST(Text, JsonStringsAreAlwaysValidUtf8) {
  std::string out;
  AppendJsonString(&out, "a\"\\\n\xC3\xA9\xFF\xED\xA0\x80");
  EXPECT_EQ(out, "\"a\\\"\\\\\\u000a\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_TRUE(ParseJson(out, "text").ok());
}

TEST(Text, TimesRoundTrip) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00Z");
  for (const char* text : {"2018-07-15T12:00:00Z", "2018-07-15T12:00:00.250000Z"}) EXPECT_EQ(FormatTime(*ParseTime(text)), text);
  EXPECT_EQ(*ParseTime("2018-07-15 14:00:00+02:00"), *ParseTime("2018-07-15T12:00:00Z"));
  EXPECT_EQ(*ParseTime("2018-07-15"), *ParseTime("2018-07-15T00:00:00Z"));
  EXPECT_FALSE(ParseTime("yesterday").ok());
}

TEST(Text, TimesOutsideOfRfc3339AreRefused) {
  for (const char* text : {"infinite-future", "infinite-past", "+292277026596-12-04T15:30:07Z", "-001-01-01T00:00:00Z",
                           " 2018-07-15T00:00:00Z", "2018-07-15T00:00:00Z ", "0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"}) {
    EXPECT_EQ(ParseTime(text).status().message(), "\"" + std::string(text) + "\" is not an RFC 3339 time such as 2018-07-15T12:00:00Z");
  }
  for (const char* text : {"0000-01-01T00:00:00Z", "0987-06-05T04:03:02.000001Z", "9999-12-31T23:59:59.999999Z"}) {
    EXPECT_EQ(FormatTime(*ParseTime(text)), text);
  }
}

TEST(Text, SuggestsTheNearestName) {
  EXPECT_EQ(NearestName("amuont", {"amount", "during_night"}), "amount");
  EXPECT_EQ(NearestName("fruad", {"fraud"}), "fraud");       // two letters swapped are one slip
  EXPECT_EQ(NearestName("fruda", {"fraud"}), std::nullopt);  // two slips in five letters are too many
  EXPECT_EQ(NearestName("ab", {"ba", "ax"}), "ba");
  EXPECT_EQ(NearestName("zzz", {"amount"}), std::nullopt);
  EXPECT_EQ(DidYouMean("amont", {"amount"}), " (did you mean \"amount\"?)");
}

TEST(Text, DurationsRoundTrip) {
  EXPECT_EQ(*ParseDuration("10ms"), 10'000);
  EXPECT_EQ(*ParseDuration("1h30m"), 90 * kMinuteUs);
  EXPECT_EQ(*ParseDuration("7d"), 7 * kDayUs);
  EXPECT_EQ(FormatDuration(*ParseDuration("1d2h3m4s5ms6us")), "1d2h3m4s5ms6us");
  for (const char* text : {"", "7", "d", "-1s", "1x", "1e99d", "999999999d", "nan s"}) EXPECT_FALSE(ParseDuration(text).ok()) << text;
}

TEST(Json, ErrorsNameTheDocument) {
  const auto parsed = ParseJson("{", "result.json");
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.status().message().find("result.json"), std::string_view::npos);
}

// A value nested deeper could not be copied or written without running out of stack.
TEST(Json, DeepNestingIsRefusedBeforeItIsAValue) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(ParseJson(nested(128), "d").ok());
  EXPECT_EQ(ParseJson(nested(129), "d").status().message(), "d: byte 128: nested deeper than 128 lists and objects");
  EXPECT_FALSE(ParseJson("{\"error\":" + nested(1'000'000) + "}", "d").ok());
  EXPECT_TRUE(ParseJson("[\"" + std::string(500, '[') + "\\\"" + std::string(500, '{') + "\"]", "d").ok());
}

TEST(JsonFields, WholeNumbersBeyond64BitsAreRefused) {
  int64_t number = 0;
  const Json largest = *ParseJson(R"({"n": 9223372036854775807})", "d"), larger = *ParseJson(R"({"n": 9223372036854775808})", "d");
  EXPECT_TRUE(JsonFields(largest, "d").Read("n", &number));
  EXPECT_EQ(number, INT64_MAX);
  JsonFields fields(larger, "d");
  EXPECT_FALSE(fields.Read("n", &number));
  EXPECT_EQ(fields.error().message(), "d.n: expected a whole number");
}

TEST(Yaml, OnlyNumbersOfTheCoreSchemaAreNumbers) {
  const auto document = ParseYaml("a: nan\nb: inf\nc: -infinity\nd: 1e3\n", "y");
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(document->value["a"], "nan");
  EXPECT_EQ(document->value["b"], "inf");
  EXPECT_EQ(document->value["c"], "-infinity");
  EXPECT_EQ(document->value["d"], 1000);
}

TEST(Yaml, ALongKeyAboveManyValuesIsRefused) {
  std::string text = std::string(1000, 'k') + ": [0";
  for (int i = 0; i < 50'000; ++i) text += ",0";
  EXPECT_THAT(std::string(ParseYaml(text + "]\n", "y").status().message()), ::testing::HasSubstr("keys too long"));
}

TEST(Random, IsSplitMix64) {
  Random random(1234567);
  EXPECT_EQ(random(), 6457827717110365317u);  // the generator's reference output for this seed
}

}  // namespace
}  // namespace vigil
