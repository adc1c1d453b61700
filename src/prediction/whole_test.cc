// Models that no table fits: a request's tensors reach them as they came, and the answer comes back whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "prediction/testing/served_fixture.h"
#include "runtime/testing/fake_model.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Answers what it is given: rows of any length.
testing::FakeModelOptions Echo() {
  testing::FakeModelOptions options;
  options.signature.inputs = {{"in", DType::kInt64, {-1, -1}}};
  options.signature.outputs = {{"out", DType::kInt64, {-1, -1}}};
  options.score = [](const Batch& batch, Outputs* outputs) {
    const TensorView& in = batch.tensors()[0];
    outputs->tensors.resize(1);
    outputs->tensors[0].Reset("out", DType::kInt64, in.shape);
    const absl::Span<int64_t> out = outputs->tensors[0].As<int64_t>();
    std::copy_n(static_cast<const int64_t*>(in.data), out.size(), out.begin());
    return absl::OkStatus();
  };
  return options;
}

class WholeTest : public testing::ServedTest {
 protected:
  WholeTest() {
    loaders_.push_back(std::make_unique<testing::FakeLoader>(Echo(), clock_));
    VersionFacts facts;
    facts.model = "m";
    facts.uri = dir_.file("echo");
    std::ofstream(facts.uri, std::ios::binary) << "fake";
    const auto registered = registry_->Register(facts, LoadOptions{}, nullptr, nullptr, true);
    EXPECT_TRUE(registered.ok()) << registered.status();
  }
};

TEST_F(WholeTest, TensorsGoInAndOutAsTheyAre) {
  const int64_t values[] = {9007199254740993, -1, 3, INT64_MIN, 5, 6};
  Batch whole(2);
  whole.Add({"in", DType::kInt64, {2, 3}, values});
  batch_.Reset(size_t{0});
  batch_.rows = 2;
  batch_.whole = &whole;
  ASSERT_TRUE(Predict(batch_).ok());
  ASSERT_THAT(result_.tensors, SizeIs(1));
  EXPECT_THAT(result_.tensors[0].shape, ElementsAre(2, 3));
  EXPECT_THAT(result_.tensors[0].As<int64_t>(), ElementsAre(9007199254740993, -1, 3, INT64_MIN, 5, 6)) << "no double in between";
  ASSERT_THAT(log_.records, SizeIs(2)) << "each row is logged";
  EXPECT_THAT(log_.records[1].features, IsEmpty());
  EXPECT_THAT(log_.records[1].outputs, ElementsAre(static_cast<float>(INT64_MIN)));
  EXPECT_EQ(monitor_.seen.size(), 2u);
}

TEST_F(WholeTest, RowsOfATableAreRefused) {
  batch_.Reset(size_t{0});
  batch_.rows = 1;
  const Status status = Predict(batch_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("send tensors"));
}

}  // namespace
}  // namespace vigil
