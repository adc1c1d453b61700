#include "registry/registry_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vigil {
namespace {

using ::testing::HasSubstr;

TEST(RegistryCatalog, FactsRoundTrip) {
  StoredVersion version;
  version.facts = {.model = "fraud", .version = "3", .uri = "/m/3.ubj", .digest = "ab", .format = "xgboost-ubj", .created = 17};
  version.facts.created_by = "job/17";
  version.facts.parent = "2";
  version.facts.training_from = 5;
  version.facts.training_to = 6;
  version.facts.as_of = 7;
  version.facts.training_rows = 1'000'000'000'000;
  version.facts.dataset_digest = "cd";
  version.facts.trigger = "alert/9";
  version.facts.metrics = {{"average_precision", 0.1 + 0.2}, {"bad", std::nan("")}};
  version.facts.gate_report = R"({ "verdict": "pass" })";
  version.state = VersionState::kValidated;
  const StatusOr<StoredVersion> back = VersionFromText(VersionToText(version), "version fraud/3");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->state, VersionState::kValidated);
  EXPECT_EQ(back->facts.metrics.at("average_precision"), 0.1 + 0.2);
  EXPECT_TRUE(std::isnan(back->facts.metrics.at("bad")));
  EXPECT_EQ(back->facts.gate_report, version.facts.gate_report);
  EXPECT_EQ(back->facts.training_rows, 1'000'000'000'000);
  EXPECT_EQ(VersionToText(*back), VersionToText(version));
}

TEST(RegistryCatalog, SchemaRoundTripKeepsEveryRule) {
  Schema schema;
  schema.columns.resize(2);
  schema.columns[0].name = "amount";
  schema.columns[0].nullable = false;
  schema.columns[0].minimum = 0.1;
  schema.columns[0].maximum = 1e300;
  schema.columns[0].infinity_allowed = true;
  schema.columns[0].sensitive = true;
  schema.columns[0].on_missing = CleanPolicy::kImpute;
  schema.columns[0].on_range = CleanPolicy::kClamp;
  schema.columns[0].on_category = CleanPolicy::kFlag;
  schema.columns[0].on_infinity = CleanPolicy::kImpute;
  schema.columns[0].impute = -1;
  schema.columns[1].name = "day \"of\" week";
  schema.columns[1].categories = {0, 1, 2.5};
  schema.columns[1].texts = {"mon", ""};
  schema.columns[1].impute_text = "sun";
  const std::string text = SchemaToText(schema);
  const StatusOr<Schema> back = SchemaFromText(text, "schema");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(SchemaToText(*back), text);
  EXPECT_FALSE(back->columns[0].nullable);
  EXPECT_EQ(back->columns[0].minimum, 0.1);
  EXPECT_EQ(back->columns[0].on_range, CleanPolicy::kClamp);
  EXPECT_EQ(back->columns[0].impute, -1.0);
  EXPECT_TRUE(back->columns[0].sensitive);
  EXPECT_EQ(back->columns[1].categories, (std::vector<double>{0, 1, 2.5}));
  EXPECT_EQ(back->columns[1].texts, schema.columns[1].texts);
  EXPECT_EQ(back->columns[1].impute_text, "sun");
  EXPECT_FALSE(back->columns[1].minimum.has_value());
}

TEST(RegistryCatalog, ReferenceRoundTrip) {
  ReferenceProfile reference;
  reference.rows = 10;
  reference.columns.push_back({"a", ColumnKind::kNumeric, {0.1, 0.3}, {}, {}, {3, 4, 2}, 1, -1, 9, 0.25, 2});
  reference.columns.push_back({"b", ColumnKind::kCategorical, {}, {0, 1}, {"x", "y"}, {5, 5, 0}, 0, 1, 2, 1.5, 0.5});
  reference.score = ColumnProfile{"score", ColumnKind::kNumeric, {0.5}, {}, {}, {9, 1}, 0, 0, 1, 0.1, 0.2};
  reference.positive_rate = 0.01;
  reference.source = "rows.parquet";
  const std::string text = ReferenceToText(reference);
  const StatusOr<ReferenceProfile> back = ReferenceFromText(text, "reference");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(ReferenceToText(*back), text);
  EXPECT_EQ(back->columns[0].edges, reference.columns[0].edges);
  EXPECT_EQ(back->columns[1].kind, ColumnKind::kCategorical);
  EXPECT_EQ(back->columns[1].texts, reference.columns[1].texts);
  EXPECT_EQ(back->score->counts, reference.score->counts);
}

TEST(RegistryCatalog, BrokenTextsAreNamed) {
  EXPECT_EQ(VersionFromText("{", "version fraud/3").status().code(), absl::StatusCode::kDataLoss);
  const Status missing = VersionFromText(R"({"model":"m","version":"1","state":"king","uri":"","digest":""})", "version m/1").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("version m/1"));
  EXPECT_THAT(std::string(missing.message()), HasSubstr("king"));
  const Status number = RoleFromText(R"({"version":7,"since":0})", "role m/champion").status();
  EXPECT_THAT(std::string(number.message()), HasSubstr("role m/champion: version: "));
  const Status beyond = RoleFromText(R"({"version":"7","since":18446744073709551615})", "role m/champion").status();
  EXPECT_THAT(std::string(beyond.message()), HasSubstr("since: no whole number of 64 bits"));
  EXPECT_FALSE(SchemaFromText(R"({"columns":[{"name":"a","on_range":"hope"}]})", "schema").ok());
  EXPECT_FALSE(ReferenceFromText(R"({"rows":1})", "reference").ok());
}

TEST(RegistryCatalog, RoleRoundTripIncludesFormerChampions) {
  const StoredRole role{{"4", 9, 123, "me", "because"}, {"3", "1"}};
  const StatusOr<StoredRole> back = RoleFromText(RoleToText(role), "role");
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->assignment.version, "4");
  EXPECT_EQ(back->assignment.since, 123);
  EXPECT_EQ(back->previous, role.previous);
  EXPECT_EQ(back->assignment.epoch, 0);  // the entry's own
}

}  // namespace
}  // namespace vigil
