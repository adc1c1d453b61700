#include "prediction/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "prediction/clean.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

class ValidateTest : public ::testing::Test {
 protected:
  ValidateTest() {
    schema_.columns.resize(2);
    schema_.columns[0].name = "a";
    schema_.columns[1].name = "b";
  }
  ColumnRule& a() { return schema_.columns[0]; }
  const Validation& Run(std::vector<float> values, bool with_schema = true) {
    batch_.columns = 2;
    batch_.rows = values.size() / 2;
    batch_.values = std::move(values);
    rules_ = std::make_unique<RowRules>(with_schema ? &schema_ : nullptr, shape_);
    Validate(*rules_, batch_, &validation_);
    cleaned_.Apply(batch_, shape_, validation_);
    return validation_;
  }
  std::vector<float> Cleaned() { return {cleaned_.values(), cleaned_.values() + batch_.values.size()}; }
  // "row column value rule" of each error.
  std::vector<std::string> Errors() {
    std::vector<std::string> texts;
    for (const RowError& e : validation_.errors) texts.push_back(absl::StrCat(e.row, " ", e.column, " ", e.value, " ", e.rule));
    return texts;
  }

  const TableShape shape_ = FloatTable({"a", "b"});
  Schema schema_;
  RowBatch batch_;
  std::unique_ptr<RowRules> rules_;
  Validation validation_;
  CleanRows cleaned_;
};

TEST_F(ValidateTest, WithoutASchemaEverythingButAnInfinityIsAccepted) {
  Run({kNan, std::numeric_limits<float>::max(), -std::numeric_limits<float>::max(), 1e38f}, false);
  EXPECT_EQ(validation_.refused_rows, 0);
  EXPECT_TRUE(validation_.refused.empty());
  EXPECT_EQ(cleaned_.values(), batch_.values.data());
  Run({kNan, kInf, 1, 2, -kInf, kNan}, false);
  EXPECT_THAT(validation_.refused, ElementsAre(1, 0, 1));
  EXPECT_THAT(Errors(), ElementsAre("0 b inf infinity", "2 a -inf infinity"));
}

TEST_F(ValidateTest, EachRuleIsNamedWithItsBound) {
  a().nullable = false;
  a().minimum = 0.1;
  a().maximum = 100;
  schema_.columns[1].categories = {3, 1, 2};
  Run({1, 1, kNan, 2, 0.05f, 3, 101, 1, 1, 4, kInf, kNan});
  EXPECT_THAT(Errors(),
              ElementsAre("1 a null missing", "2 a 0.05 minimum 0.1", "3 a 101 maximum 100", "4 b 4 category 3, 1, 2", "5 a inf infinity"));
  EXPECT_EQ(validation_.refused_rows, 5);
  EXPECT_THAT(validation_.refused, ElementsAre(0, 1, 1, 1, 1, 1));
}

TEST_F(ValidateTest, BoundsAreInclusiveAndExactAsDoubles) {
  // The float nearest to 0.1 is above it, the one nearest to 0.3 above it too: it must be refused as a maximum.
  a().minimum = 0.1;
  a().maximum = 0.3;
  Run({0.1f, 0, 0.3f, 0, std::nextafter(0.3f, 0.0f), 0, std::nextafter(0.1f, 0.0f), 0});
  EXPECT_EQ(static_cast<double>(0.3f) > 0.3, true);
  EXPECT_THAT(validation_.refused, ElementsAre(0, 1, 0, 1));
  a().minimum = -1e300;  // beyond every float
  a().maximum = 1e300;
  Run({-std::numeric_limits<float>::max(), 0, std::numeric_limits<float>::max(), 0, kInf, 0});
  EXPECT_THAT(validation_.refused, ElementsAre(0, 0, 1));
}

TEST_F(ValidateTest, InfinitiesAreAllowedOnlyWhereTheSchemaSaysSo) {
  a().infinity_allowed = true;
  a().maximum = 5;
  Run({-kInf, 0, kInf, 0, 1, -kInf});
  EXPECT_THAT(Errors(), ElementsAre("1 a inf maximum 5", "2 b -inf infinity"));
}

TEST_F(ValidateTest, PoliciesCleanInsteadOfRefusing) {
  a().nullable = false;
  a().minimum = 0;
  a().maximum = 0.3;
  a().impute = 0.25;
  a().on_missing = CleanPolicy::kImpute;
  a().on_range = CleanPolicy::kClamp;
  schema_.columns[1].categories = {1};
  schema_.columns[1].on_category = CleanPolicy::kFlag;
  Run({kNan, 1, -1, 7, 9, 1, 0.2f, 1});
  EXPECT_EQ(validation_.refused_rows, 0);
  EXPECT_THAT(Cleaned(), ElementsAre(0.25f, 1, 0, 7, std::nextafter(0.3f, 0.0f), 1, 0.2f, 1));
  EXPECT_TRUE(std::isnan(batch_.values[0])) << "what was received stays";
  EXPECT_EQ(cleaned_.cells(), 4);
  const auto stripe = [&](size_t row) {
    const auto bytes = cleaned_.RowCleaning(row);
    return std::vector<int>(bytes.begin(), bytes.end());
  };
  EXPECT_THAT(stripe(0), ElementsAre(1, 0));
  EXPECT_THAT(stripe(1), ElementsAre(2, 3));
  EXPECT_THAT(stripe(2), ElementsAre(2, 0));
  EXPECT_TRUE(cleaned_.RowCleaning(3).empty());
}

TEST_F(ValidateTest, ClampingIsOnlyForRangesAndImputingDefaultsToMissing) {
  a().nullable = false;
  a().on_missing = CleanPolicy::kClamp;
  a().on_infinity = CleanPolicy::kImpute;
  Run({kNan, 0, kInf, 0});
  EXPECT_THAT(Errors(), ElementsAre("0 a null missing"));
  EXPECT_TRUE(std::isnan(Cleaned()[2]));
}

TEST_F(ValidateTest, FlagsAloneCopyNothing) {
  a().maximum = 1;
  a().on_range = CleanPolicy::kFlag;
  Run({5, 0});
  EXPECT_EQ(cleaned_.values(), batch_.values.data());
  EXPECT_FALSE(cleaned_.changed());
  EXPECT_EQ(cleaned_.RowCleaning(0)[0], static_cast<uint8_t>(Cleaning::kFlagged));
}

TEST_F(ValidateTest, ARefusedRowIsNotCleaned) {
  a().maximum = 1;
  a().on_range = CleanPolicy::kClamp;
  schema_.columns[1].nullable = false;
  Run({5, kNan, 5, 1});
  EXPECT_THAT(validation_.refused, ElementsAre(1, 0));
  EXPECT_EQ(cleaned_.cells(), 1);
  EXPECT_EQ(Cleaned()[0], 5);
  EXPECT_EQ(Cleaned()[2], 1);
}

TEST_F(ValidateTest, TheDialectsErrorsJoinOursByRow) {
  a().nullable = false;
  a().maximum = 1;
  batch_.Reset(2);
  batch_.AddError({3, "b", "x", "type"});
  batch_.AddError({1, "a", std::string(100, 'y'), "type"});
  batch_.AddError({1, "b", "z", "type"});
  EXPECT_THAT(batch_.error_rows, ElementsAre(1, 3));
  Run({1, 1, kNan, kNan, 2, 2, 9, kNan});
  EXPECT_THAT(Errors(), ElementsAre("1 a " + std::string(kRowErrorValueBytesMax, 'y') + " type", "1 b z type", "2 a 2 maximum 1",
                                    "3 b x type", "3 a 9 maximum 1"))
      << "an unread cell is not reported as missing as well";
  EXPECT_EQ(validation_.error_count, 5);
  EXPECT_THAT(validation_.refused, ElementsAre(0, 1, 1, 1));
}

TEST_F(ValidateTest, TheFirstHundredErrorsAreListedAndAllAreCounted) {
  a().maximum = 0;
  std::vector<float> values(2 * 500, 1.0f);
  Run(values);
  EXPECT_EQ(validation_.errors.size(), kRowErrorsMax);
  EXPECT_EQ(validation_.errors.back().row, 99);
  EXPECT_EQ(validation_.error_count, 500);
  EXPECT_EQ(validation_.refused_rows, 500);
}

// The table of bounds and the plain reading of the rules must never disagree.
TEST_F(ValidateTest, TheFastCheckAgreesWithTheRulesOnRandomRows) {
  Random random(7);
  const double edges[] = {-1e300, -2.5, -1, -0.1, 0, 0.1, 0.3, 1, 2.5, 1e300};
  const float cells[] = {kNan, kInf, -kInf, 0.1f, 0.3f, 1, -1, 0, 2.5f, -2.5f, 3e38f, -3e38f};
  for (int round = 0; round < 2000; ++round) {
    for (ColumnRule& rule : schema_.columns) {
      const std::string name = rule.name;
      rule = ColumnRule();
      rule.name = name;
      rule.nullable = random.Below(2) == 0;
      rule.infinity_allowed = random.Below(2) == 0;
      if (random.Below(2) == 0) rule.minimum = edges[random.Below(5)];
      if (random.Below(2) == 0) rule.maximum = edges[5 + random.Below(5)];
      if (random.Below(3) == 0) rule.categories = {1, 0, -1, 0.1};
    }
    const RowRules rules(&schema_, shape_);
    const float row[2] = {cells[random.Below(12)], cells[random.Below(12)]};
    bool broken = false;
    for (size_t i = 0; i < 2; ++i) {
      const ColumnRule& rule = schema_.columns[i];
      const double x = row[i];
      if (std::isnan(row[i])) {
        broken |= !rule.nullable;
        continue;
      }
      broken |= std::isinf(row[i]) && !rule.infinity_allowed;
      broken |= rule.minimum && x < *rule.minimum;
      broken |= rule.maximum && x > *rule.maximum;
      bool listed = rule.categories.empty();
      for (double category : rule.categories) listed |= static_cast<float>(category) == row[i];
      broken |= !listed;
      RowRules::Breach breach;
      EXPECT_EQ(rules.FindBreach(i, static_cast<double>(row[i]), "", &breach), (std::isinf(row[i]) && !rule.infinity_allowed) ||
                                                                                   (rule.minimum && x < *rule.minimum) ||
                                                                                   (rule.maximum && x > *rule.maximum) || !listed);
    }
    EXPECT_EQ(rules.IsBroken({&shape_, 1, row, nullptr, nullptr}, 0), broken) << row[0] << " " << row[1];
  }
}

}  // namespace
}  // namespace vigil
