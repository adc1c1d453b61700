#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/random.h"
#include "domain/profile_json.h"
#include "monitoring/column_bins.h"
#include "monitoring/monitor.h"
#include "monitoring/testing/card_stream.h"

namespace vigil {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

float RandomFloat(Random& random) {
  switch (random.Below(6)) {
    case 0: return static_cast<float>(random.Normal());
    case 1: return static_cast<float>(random.Below(40));
    case 2: return static_cast<float>(std::exp(40 * random.Normal()));
    case 3: return std::ldexp(static_cast<float>(random.Normal()), -140);  // denormal
    case 4: return random.Below(2) == 0 ? kInf : -kInf;
    default: return -0.0f;
  }
}

TEST(ColumnBins, CountsEdgesNotAboveAsRealNumbersWould) {
  Random random(7);
  for (size_t edges = 0; edges <= kProfileEdgesMax; edges = edges < 40 ? edges + 1 : edges + 53) {
    std::set<double> distinct;
    while (distinct.size() < edges) {
      const double edge = random.Below(2) == 0 ? RandomFloat(random) : random.Normal();  // half of them are no floats
      if (std::isfinite(edge)) distinct.insert(edge);
    }
    ColumnProfile column;
    column.edges.assign(distinct.begin(), distinct.end());
    column.counts.resize(edges + 1);
    const ColumnBins bins(column);
    std::vector<float> values;
    for (int i = 0; i < 300; ++i) values.push_back(RandomFloat(random));
    for (const double edge : column.edges) {
      const auto near = static_cast<float>(edge);
      values.insert(values.end(), {near, std::nextafter(near, kInf), std::nextafter(near, -kInf)});
    }
    for (const float x : values) {
      const auto expected = static_cast<size_t>(std::count_if(column.edges.begin(), column.edges.end(), [x](double e) { return e <= x; }));
      ASSERT_EQ(bins.Bin(x), expected) << edges << " edges, " << x;
    }
    EXPECT_EQ(bins.BinOrMissing(kNaN), edges + 1);
  }
}

TEST(ColumnBins, CategoriesMatchExactlyOrAreOther) {
  ColumnProfile column;
  column.kind = ColumnKind::kCategorical;
  column.categories = {-1, 0, 0.1, 3, 1e300};  // 0.1 and 1e300 are no floats: nothing matches them
  column.counts.resize(6);
  const ColumnBins bins(column);
  EXPECT_EQ(bins.Bin(-1), 0u);
  EXPECT_EQ(bins.Bin(-0.0f), 1u);
  EXPECT_EQ(bins.Bin(0.1f), 5u);
  EXPECT_EQ(bins.Bin(3), 3u);
  EXPECT_EQ(bins.Bin(2.9999f), 5u);
  EXPECT_EQ(bins.Bin(kInf), 5u);
  EXPECT_EQ(bins.BinOrMissing(kNaN), 6u);
}

TEST(ProfileBuilder, EveryBinHoldsReferenceRowsAndMassPointsStandAlone) {
  Random random(3);
  ProfileBuilder builder({"mass", "smooth", "whole", "constant", "missing"}, {.bins = 16});
  int64_t zeros = 0;
  for (int i = 0; i < 20'000; ++i) {
    const float mass = random.Uniform() < 0.6 ? 0.0f : static_cast<float>(random.Normal());
    zeros += mass == 0;
    const float row[] = {mass, static_cast<float>(random.Normal()), static_cast<float>(random.Below(5)), 2.5f,
                         i % 4 == 0 ? kNaN : 1.5f * i};
    builder.Add(row, NAN, NAN);
  }
  const ReferenceProfile profile = builder.Finish("test");
  EXPECT_EQ(profile.rows, 20'000);
  EXPECT_FALSE(profile.score.has_value());
  EXPECT_FALSE(profile.positive_rate.has_value());
  for (const ColumnProfile& column : profile.columns) {
    EXPECT_EQ(column.present() + column.missing, 20'000) << column.name;
    EXPECT_TRUE(std::is_sorted(column.edges.begin(), column.edges.end()));
    if (column.kind != ColumnKind::kNumeric) continue;
    EXPECT_THAT(column.counts, ::testing::Each(::testing::Gt(0))) << column.name;
  }
  const ColumnProfile& mass = profile.columns[0];
  const size_t at = ColumnBins(mass).Bin(0.0f);
  EXPECT_EQ(mass.counts[at], zeros);
  EXPECT_GT(ColumnBins(mass).Bin(std::numeric_limits<float>::denorm_min()), at);
  // Without ties bins are equal up to rounding.
  EXPECT_EQ(profile.columns[1].bins(), 16u);
  for (const int64_t count : profile.columns[1].counts) EXPECT_NEAR(count, 1250, 1);
  EXPECT_EQ(profile.columns[2].kind, ColumnKind::kCategorical);
  EXPECT_EQ(profile.columns[2].categories, (std::vector<double>{0, 1, 2, 3, 4}));
  EXPECT_EQ(profile.columns[2].counts.back(), 0);
  EXPECT_EQ(profile.columns[3].bins(), 1u);
  EXPECT_EQ(profile.columns[4].missing, 5000);
  EXPECT_NEAR(profile.columns[1].mean, 0, 0.03);
  EXPECT_NEAR(profile.columns[1].standard_deviation, 1, 0.03);
}

TEST(ProfileBuilder, SampleStandsForManyRows) {
  Random random(5);
  ProfileBuilder builder({"x"}, {.bins = 10, .sample_rows_max = 2000});
  for (int i = 0; i < 50'000; ++i) {
    const float x = i % 10 == 0 ? kNaN : static_cast<float>(i) + 0.5f;
    builder.Add({&x, 1}, 0.25, i % 5 == 0);
  }
  const ReferenceProfile profile = builder.Finish("");
  const ColumnProfile& column = profile.columns[0];
  EXPECT_EQ(profile.rows, 2000);
  EXPECT_NEAR(column.missing, 200, 1);
  EXPECT_EQ(column.maximum, 49'999.5);
  EXPECT_DOUBLE_EQ(*profile.positive_rate, 0.2);
  // Deciles of a uniform sample of 0..50000: standard error about 335.
  ASSERT_EQ(column.edges.size(), 9u);
  for (size_t i = 0; i < 9; ++i) EXPECT_NEAR(column.edges[i], 5000.0 * static_cast<double>(i + 1), 1700);
}

TEST(ProfileBuilder, VariationTellsSeasonsAndTrendsFromNoise) {
  const auto profile = testing::CardReference(11, 0, 42, 4000);
  ASSERT_EQ(profile->columns.size(), 6u);
  EXPECT_EQ(profile->columns[0].variation, 0) << "amount does not depend on the day";
  EXPECT_GT(profile->columns[1].variation, 1) << "during_weekend does";
  EXPECT_EQ(profile->columns[2].variation, 0) << "every day has the same night";
  EXPECT_GT(profile->columns[3].variation, 0.05) << "weekends have more payments";
  EXPECT_LT(profile->score->variation, 0.002);
  EXPECT_GT(*profile->outlier_threshold, 2);
}

TEST(ProfileJson, RoundTripIsExact) {
  ReferenceProfile profile = *testing::CardReference(1, 0, 10, 500);
  profile.source = "rows.parquet \"x\"";
  const std::string text = ProfileToJson(profile);
  const auto parsed = ProfileFromJson(text, "reference.json");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(ProfileToJson(*parsed), text);
  EXPECT_EQ(parsed->rows, profile.rows);
  EXPECT_EQ(parsed->source, profile.source);
  EXPECT_EQ(parsed->columns[0].edges, profile.columns[0].edges);
  EXPECT_EQ(parsed->score->counts, profile.score->counts);
  EXPECT_EQ(parsed->outlier_threshold, profile.outlier_threshold);
}

TEST(ProfileJson, RefusesWhatIsNoProfileAndSaysWhere) {
  const std::string good = ProfileToJson(*testing::CardReference(1, 0, 5, 300));
  const auto refuse = [&](const std::string& from, const std::string& to, const std::string& message) {
    std::string text = good;
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    const auto parsed = ProfileFromJson(text, "reference.json");
    ASSERT_FALSE(parsed.ok()) << to;
    EXPECT_NE(std::string(parsed.status().message()).find(message), std::string::npos) << parsed.status();
  };
  refuse("\"format_version\": 1", "\"format_version\": 2", "format version 2");
  refuse("vigil-reference-profile", "other", "\"format\" is \"other\"");
  refuse("\"rows\": 1500", "\"rows\": -1", "rows");
  refuse("\"rows\": 1500", "\"rows\": 1500.5", "rows");
  refuse("\"kind\": \"numeric\"", "\"kind\": \"number\"", "kind");
  refuse("\"counts\": [", "\"counts\": [1,", "counts");
  refuse("\"counts\": [", "\"counts\": [99999999999999999999,", "counts");
  refuse("\"edges\": [", "\"edges\": [1e308,", "rising");
  refuse("\"mean\": ", "\"meen\": ", "mean");
  refuse("\"variation\": ", "\"variation\": null, \"varation\": ", "did you mean \"variation\"");
  EXPECT_FALSE(ProfileFromJson("", "x").ok());
  EXPECT_FALSE(ProfileFromJson("[]", "x").ok());
  EXPECT_FALSE(ProfileFromJson("{\"format\":\"vigil-reference-profile\",\"format_version\":1,\"rows\":1,\"columns\":{}}", "x").ok());
  std::string deep(200'000, '[');
  EXPECT_FALSE(ProfileFromJson(deep, "x").ok());
}

TEST(SchemaFromProfile, FlagsAndNeverRejects) {
  const auto profile = testing::CardReference(1, 0, 14, 300);
  const Schema schema = SchemaFromProfile(*profile, 0.5);
  ASSERT_EQ(schema.columns.size(), 6u);
  const ColumnRule& amount = schema.columns[0];
  const double width = profile->columns[0].maximum - profile->columns[0].minimum;
  EXPECT_EQ(amount.name, "amount");
  EXPECT_DOUBLE_EQ(*amount.maximum, profile->columns[0].maximum + 0.5 * width);
  EXPECT_DOUBLE_EQ(*amount.minimum, profile->columns[0].minimum - 0.5 * width);
  EXPECT_TRUE(amount.categories.empty());
  EXPECT_EQ(schema.columns[1].categories, (std::vector<double>{0, 1}));
  for (const ColumnRule& rule : schema.columns) {
    for (const CleanPolicy policy : {rule.on_missing, rule.on_range, rule.on_category, rule.on_infinity})
      EXPECT_EQ(policy, CleanPolicy::kFlag);
  }
}

}  // namespace
}  // namespace vigil
