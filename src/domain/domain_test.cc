#include <gtest/gtest.h>

#include "domain/batch.h"
#include "domain/model_version.h"

namespace vigil {
namespace {

TEST(Batch, AFloatMatrixIsHandedOnUncopied) {
  const float data[6] = {1, 2, 3, 4, 5, 6};
  const Batch batch = Batch::FloatMatrix(data, 2, 3);
  EXPECT_EQ(batch.float_matrix(), data);
  EXPECT_EQ(batch.width(), 3u);
}

TEST(Batch, HoldsTensorsOfAnyTypeAndShape) {
  const std::string_view words[2] = {"a", "b"};
  const int64_t ids[4] = {1, 2, 3, 4};
  Batch batch(2);
  batch.Add({"word", DType::kString, {2}, words});
  batch.Add({"ids", DType::kInt64, {2, 2}, ids});
  EXPECT_EQ(batch.float_matrix(), nullptr);
  ASSERT_NE(batch.Find("ids"), nullptr);
  EXPECT_EQ(batch.Find("ids")->elements(), 4);
  EXPECT_EQ(batch.Find("none"), nullptr);
  EXPECT_EQ(DTypeName(DType::kString), "BYTES");
  EXPECT_EQ(DTypeBytes(DType::kFloat64), 8u);
}

TEST(ModelVersion, NamesRoundTrip) {
  EXPECT_EQ(ParseRole(RoleName(Role::kShadow)), Role::kShadow);
  EXPECT_EQ(ParseVersionState(VersionStateName(VersionState::kRetired)), VersionState::kRetired);
  EXPECT_EQ(ParseRole("king"), std::nullopt);
}

}  // namespace
}  // namespace vigil
