#include "monitoring/text_codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "domain/profile_json.h"
#include "monitoring/batch.h"
#include "monitoring/monitor.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;

TableShape AmountAndChannel() {
  Signature signature;
  signature.inputs = {{"amount", DType::kFloat32, {-1}}, {"channel", DType::kString, {-1}}};
  signature.outputs = {{"prediction", DType::kFloat32, {-1}}};
  return TableShapeOf(signature);
}

// 300 web, 600 shop, 99 post and one mail, in texts coded by the order they came in.
ReferenceProfile Profile(ProfileBuilderOptions options = {}) {
  ProfileBuilder builder({"amount", "channel"}, options);
  for (int i = 0; i < 1000; ++i) {
    const float code = i < 300 ? 0.0f : i < 900 ? 1.0f : i < 999 ? 2.0f : 3.0f;
    const float row[] = {static_cast<float>(i), i % 100 == 50 ? std::nanf("") : code};
    builder.Add(row, 0.5, 0);
  }
  builder.SetTexts(1, {"web", "shop", "post", "mail"});
  return builder.Finish("test");
}

TEST(TextProfile, TextsAreCategoriesTheMostFrequentFirst) {
  const ReferenceProfile profile = Profile();
  const ColumnProfile& channel = profile.columns[1];
  EXPECT_EQ(channel.kind, ColumnKind::kCategorical);
  EXPECT_THAT(channel.texts, ElementsAre("shop", "web", "post", "mail"));
  EXPECT_THAT(channel.categories, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(channel.counts, ElementsAre(594, 297, 98, 1, 0));
  EXPECT_EQ(channel.missing, 10);
  EXPECT_EQ(profile.columns[0].texts.size(), 0u);
}

TEST(TextProfile, RareTextsBeyondTheLimitAreOneBin) {
  ProfileBuilderOptions options;
  options.text_values_max = 2;
  const ReferenceProfile profile = Profile(options);
  EXPECT_THAT(profile.columns[1].texts, ElementsAre("shop", "web"));
  EXPECT_THAT(profile.columns[1].counts, ElementsAre(594, 297, 99));
  EXPECT_TRUE(SchemaFromProfile(profile).columns[1].texts.empty()) << "texts it does not list are no surprise";
  EXPECT_THAT(SchemaFromProfile(Profile()).columns[1].texts, ElementsAre("shop", "web", "post", "mail"));
}

TEST(TextProfile, ReadsBackFromItsFile) {
  const ReferenceProfile profile = Profile();
  const StatusOr<ReferenceProfile> back = ProfileFromJson(ProfileToJson(profile), "p");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->columns[1].texts, profile.columns[1].texts);
  EXPECT_EQ(back->columns[1].categories, profile.columns[1].categories);
  EXPECT_EQ(ProfileToJson(*back), ProfileToJson(profile));
  std::string twice = ProfileToJson(profile);
  twice.replace(twice.find("\"web\""), 5, "\"post\"");
  EXPECT_FALSE(ProfileFromJson(twice, "p").ok());
}

TEST(TextCodes, ATextIsItsCategorysNumber) {
  const TableShape shape = AmountAndChannel();
  const ReferenceProfile profile = Profile();
  const TextCodes codes(shape, &profile);
  std::vector<float> coded;
  const float row[] = {9, 0};
  const std::string_view post[] = {"post"}, never[] = {"never seen"};
  codes.Code(row, post, &coded);
  EXPECT_THAT(coded, ElementsAre(9, 2));
  codes.Code(row, never, &coded);
  EXPECT_THAT(coded, ElementsAre(9, 4));
  const float missing[] = {9, std::nanf("")};
  codes.Code(missing, post, &coded);
  EXPECT_TRUE(std::isnan(coded[1]));
  EXPECT_TRUE(TextCodes(shape, nullptr).empty());
  EXPECT_TRUE(TextCodes(FloatTable({"amount", "channel"}), &profile).empty());
}

TEST(TextCodes, UnseenCategoriesAreCountedAndDriftIsFound) {
  const TableShape shape = AmountAndChannel();
  MonitoredVersion version;
  version.columns = shape.names;
  version.reference = std::make_shared<const ReferenceProfile>(Profile());
  BatchMonitor monitor(version, {});
  const TextCodes codes(shape, version.reference.get());
  std::vector<float> coded;
  for (int i = 0; i < 1000; ++i) {
    const float row[] = {static_cast<float>(i), 0};
    const std::string_view text[] = {i % 2 == 0 ? "app" : "post"};
    codes.Code(row, text, &coded);
    monitor.Add(coded, {}, std::nan(""));
  }
  double unseen = 0, psi = 0;
  for (const Finding& finding : monitor.Findings()) {
    if (finding.column != "channel") continue;
    if (finding.metric == "out_of_range_share") unseen = finding.value;
    if (finding.metric == "psi") psi = finding.value;
  }
  EXPECT_DOUBLE_EQ(unseen, 0.5);
  EXPECT_GT(psi, 1);
}

}  // namespace
}  // namespace vigil
