#include "frontends/tensors/tfs_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "domain/table_shape.h"
#include "frontends/errors.h"
#include "frontends/tensors/tensor_rows.h"
#include "frontends/words.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Signature Matrix() {
  Signature signature;
  signature.inputs = {{"input", DType::kFloat32, {-1, 3}}};
  signature.columns = {"a", "b", "rate"};
  signature.columns_are_named = true;
  return signature;
}

Signature Columns() {
  Signature signature;
  signature.inputs = {{"amount", DType::kFloat64, {-1}},
                      {"channel", DType::kString, {-1, 1}},
                      {"pair", DType::kInt16, {-1, 2}},
                      {"night", DType::kBool, {-1}},
                      {"big", DType::kUint64, {-1}}};
  return signature;
}

class TfsRequestTest : public ::testing::Test {
 protected:
  Status Predict(const Signature& signature, std::string_view body) {
    signature_ = signature;
    columns_ = std::make_unique<ColumnIndex>(TableShapeOf(signature_));
    const InputNames names(signature_, *columns_);
    return reader_.ReadPredict(body, names, &memory_, &request_);
  }
  Status Examples(const Signature& signature, std::string_view body) {
    signature_ = signature;
    columns_ = std::make_unique<ColumnIndex>(TableShapeOf(signature_));
    const InputNames names(signature_, *columns_);
    return reader_.ReadExamples(body, names, &memory_, &request_);
  }
  void ExpectRefused(const Status& status, ErrorCode code, std::string_view text, std::string_view path) {
    EXPECT_EQ(CodeOf(status), code) << status;
    EXPECT_THAT(std::string(MessageOf(status)), HasSubstr(std::string(text)));
    EXPECT_EQ(PathOf(status), path) << status;
  }
  const TensorView& Tensor(std::string_view name) {
    for (const TensorView& tensor : request_.tensors) {
      if (tensor.name == name) return tensor;
    }
    ADD_FAILURE() << name;
    return request_.tensors.at(0);
  }
  std::vector<double> Numbers(std::string_view name) {
    const TensorView& tensor = Tensor(name);
    std::vector<double> numbers;
    for (int64_t i = 0; i < tensor.elements(); ++i) numbers.push_back(TensorNumber(tensor, static_cast<size_t>(i)));
    return numbers;
  }

  TfsReader reader_;
  RequestMemory memory_;
  TfsRequest request_;
  Signature signature_;
  std::unique_ptr<ColumnIndex> columns_;
};

TEST_F(TfsRequestTest, RowsWithoutNamesAreTheOnlyInput) {
  ASSERT_TRUE(Predict(Matrix(), R"({"signature_name":"s","instances":[[1,2.5,-0.5],[4e2,5,6]],"other":{}})").ok());
  EXPECT_EQ(request_.form, TfsForm::kRows);
  EXPECT_EQ(request_.signature_name, "s");
  ASSERT_EQ(request_.tensors.size(), 1u);
  EXPECT_EQ(request_.tensors[0].dtype, DType::kFloat32);
  EXPECT_THAT(request_.tensors[0].shape, ElementsAre(2, 3));
  EXPECT_THAT(Numbers("input"), ElementsAre(1, 2.5, -0.5, 400, 5, 6));
  ASSERT_TRUE(Predict(Matrix(), R"({"inputs":[[1,2,3]]})").ok());
  EXPECT_EQ(request_.form, TfsForm::kColumns);
  EXPECT_THAT(request_.tensors[0].shape, ElementsAre(1, 3));
}

TEST_F(TfsRequestTest, ObjectsNameColumnsOrTensors) {
  ASSERT_TRUE(Predict(Matrix(), R"({"instances":[{"a":1,"rate":2},{"rate":4,"b":3,"a":null}]})").ok());
  EXPECT_THAT(Tensor("a").shape, ElementsAre(2));
  EXPECT_EQ(Numbers("a")[0], 1);
  EXPECT_TRUE(std::isnan(Numbers("a")[1])) << "null";
  EXPECT_TRUE(std::isnan(Numbers("b")[0])) << "not there";
  EXPECT_EQ(Numbers("b")[1], 3);
  EXPECT_THAT(Numbers("rate"), ElementsAre(2, 4));
  ASSERT_TRUE(Predict(Matrix(), R"({"instances":[{"input":[1,2,3]}]})").ok());
  EXPECT_THAT(Tensor("input").shape, ElementsAre(1, 3));
  ASSERT_TRUE(Predict(Matrix(), R"({"inputs":{"a":[1,2],"b":[[3],[4]]}})").ok());
  EXPECT_THAT(Tensor("b").shape, ElementsAre(2, 1));
  ExpectRefused(Predict(Matrix(), R"({"instances":[{"a":1},{"rat":1}]})"), ErrorCode::kInvalid, "did you mean \"rate\"", "instances[1]");
  ExpectRefused(Predict(Matrix(), R"({"instances":[{"a":1,"a":2}]})"), ErrorCode::kInvalid, "stands twice", "instances[0]");
  ExpectRefused(Predict(Matrix(), R"({"instances":[{"a":1},2]})"), ErrorCode::kInvalid, "an object", "instances[1]");
}

TEST_F(TfsRequestTest, EveryTypeKeepsItself) {
  ASSERT_TRUE(Predict(Columns(),
                      R"({"instances":[{"amount":0.1,"channel":"\u00e9","pair":[-3,32767],"night":true,"big":18446744073709551615},)"
                      R"({"amount":NaN,"channel":{"b64":"aGVsbG8="},"pair":[1,2],"night":false,"big":9007199254740993}]})")
                  .ok());
  EXPECT_EQ(Numbers("amount")[0], 0.1);
  EXPECT_THAT(Numbers("pair"), ElementsAre(-3, 32767, 1, 2));
  EXPECT_THAT(Numbers("night"), ElementsAre(1, 0));
  const auto* const texts = static_cast<const std::string_view*>(Tensor("channel").data);
  EXPECT_EQ(texts[0], "\xC3\xA9");
  EXPECT_EQ(texts[1], "hello");
  const auto* const big = static_cast<const uint64_t*>(Tensor("big").data);
  EXPECT_EQ(big[0], std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(big[1], 9007199254740993u) << "beyond a double";
  const auto refused = [&](std::string_view body, std::string_view text, std::string_view path) {
    ExpectRefused(Predict(Columns(), body), ErrorCode::kInvalid, text, path);
  };
  refused(R"({"instances":[{"pair":[1.0,2]}]})", "1.0 is no INT16", "instances[0].pair");
  refused(R"({"instances":[{"pair":[32768,2]}]})", "32768 is no INT16", "instances[0].pair");
  refused(R"({"instances":[{"big":-1}]})", "-1 is no UINT64", "instances[0].big");
  refused(R"({"instances":[{"big":true}]})", "true is no UINT64", "instances[0].big");
  refused(R"({"instances":[{"night":1}]})", "1 is no BOOL", "instances[0].night");
  refused(R"({"instances":[{"amount":"1"}]})", "is no FP64", "instances[0].amount");
  refused(R"({"instances":[{"amount":true}]})", "true is no FP64", "instances[0].amount");
  refused(R"({"instances":[{"channel":1}]})", "1 is no BYTES", "instances[0].channel");
  refused(R"({"instances":[{"channel":{"b64":"?"}}]})", "is no base64", "instances[0].channel");
  refused(R"({"instances":[{"channel":{"b64":"aGk=","x":1}}]})", "{\"b64\": base64}", "instances[0].channel");
  refused(R"({"instances":[{"big":1},{"amount":1}]})", "row 1 has no \"big\"", "instances[1]");
  refused(R"({"inputs":{"big":[null]}})", "null is no UINT64", "inputs.big");
  refused(R"({"instances":[[1,2]]})", "values without names fit models with one input", "instances");
}

TEST_F(TfsRequestTest, NumbersThatJsonHasNone) {
  ASSERT_TRUE(Predict(Matrix(), R"({"instances":[[NaN, Infinity ,-Infinity]]})").ok());
  EXPECT_TRUE(std::isnan(Numbers("input")[0]));
  EXPECT_EQ(Numbers("input")[1], std::numeric_limits<double>::infinity());
  EXPECT_EQ(Numbers("input")[2], -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(Predict(Matrix(), R"({"instances":[[null,1,2]]})").ok()) << "one value of a row may be missing";
  ExpectRefused(Predict(Matrix(), R"({"instances":[null]})"), ErrorCode::kInvalid, "null is no FP32", "instances");
  ExpectRefused(Predict(Matrix(), R"({"instances":[[nan,1,2]]})"), ErrorCode::kInvalid, "nan is no FP32", "instances");
  ExpectRefused(Predict(Matrix(), R"({"instances":[[01,1,2]]})"), ErrorCode::kInvalid, "01 is no FP32", "instances");
}

TEST_F(TfsRequestTest, RaggedListsAreRefused) {
  for (const char* instances :
       {"[[1],[1,2]]", "[[1,2],[1]]", "[[1],2]", "[1,[2]]", "[[[1]],[1]]", "[[],[1]]", "[[1,2,3,4,5,6,7,8],[],[],[]]"}) {
    ExpectRefused(Predict(Matrix(), Concat("{\"instances\":", instances, "}")), ErrorCode::kInvalid, "is ragged", "instances");
  }
  ExpectRefused(Predict(Matrix(), R"({"instances":[[[[[[[[[1]]]]]]]]]})"), ErrorCode::kInvalid, "nested too deeply", "instances");
  ExpectRefused(Predict(Columns(), R"({"instances":[{"pair":[1,2]},{"pair":[1]}]})"), ErrorCode::kInvalid, "is ragged",
                "instances[1].pair");
}

TEST_F(TfsRequestTest, BodiesThatAreNone) {
  ExpectRefused(Predict(Matrix(), ""), ErrorCode::kMalformed, "empty", "");
  ExpectRefused(Predict(Matrix(), "{"), ErrorCode::kMalformed, "JSON", "");
  ExpectRefused(Predict(Matrix(), "[1]"), ErrorCode::kMalformed, "must be a JSON object", "");
  ExpectRefused(Predict(Matrix(), R"({"instances":[[1,2,3]]} {})"), ErrorCode::kMalformed, "something follows", "");
  ExpectRefused(Predict(Matrix(), "{}"), ErrorCode::kInvalid, "neither", "");
  ExpectRefused(Predict(Matrix(), R"({"instances":[],"inputs":[]})"), ErrorCode::kInvalid, "empty", "instances");
  ExpectRefused(Predict(Matrix(), R"({"instances":[[1,2,3]],"inputs":[[1,2,3]]})"), ErrorCode::kInvalid, "one \"instances\"", "inputs");
  ExpectRefused(Predict(Matrix(), R"({"instances":3})"), ErrorCode::kInvalid, "must be a list", "instances");
  ExpectRefused(Predict(Matrix(), R"({"signature_name":3})"), ErrorCode::kInvalid, "must be a string", "signature_name");
}

TEST_F(TfsRequestTest, SmallBodiesClaimNoLargeMemory) {
  Signature wide;
  wide.inputs = {{"input", DType::kFloat32, {-1, 100'000}}};
  std::string body = R"({"instances":[{"input":[)";
  for (int i = 0; i < 100'000; ++i) body += i == 0 ? "1" : ",1";
  body += "]}";
  for (int i = 0; i < 1000; ++i) body += ",{}";
  ExpectRefused(Predict(wide, body + "]}"), ErrorCode::kTooLarge, "cells", "instances[0].input");
}

TEST_F(TfsRequestTest, ExamplesHaveAContext) {
  ASSERT_TRUE(Examples(Matrix(), R"({"examples":[{"a":1,"unknown":["x"]},{"b":[2],"a":3}],"context":{"b":7,"rate":[8]}})").ok());
  EXPECT_EQ(request_.form, TfsForm::kExamples);
  EXPECT_THAT(Numbers("a"), ElementsAre(1, 3));
  EXPECT_THAT(Numbers("b"), ElementsAre(7, 2)) << "an example's own value counts";
  EXPECT_THAT(Numbers("rate"), ElementsAre(8, 8));
  EXPECT_THAT(Tensor("rate").shape, ElementsAre(2, 1));
  ASSERT_TRUE(Examples(Columns(), R"({"context":{"pair":[1,2],"channel":"\u00e9"},"examples":[{},{"pair":[3,4]}]})").ok());
  EXPECT_THAT(Numbers("pair"), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(static_cast<const std::string_view*>(Tensor("channel").data)[1], "\xC3\xA9");
  ExpectRefused(Examples(Matrix(), R"({"examples":[{"a":[[1]]}]})"), ErrorCode::kInvalid, "a value or a list", "examples[0].a");
  ExpectRefused(Examples(Matrix(), R"({"examples":[]})"), ErrorCode::kInvalid, "empty", "examples");
  ExpectRefused(Examples(Matrix(), R"({"context":{"a":1}})"), ErrorCode::kInvalid, "no \"examples\"", "examples");
  ExpectRefused(Examples(Matrix(), R"({"context":3,"examples":[{}]})"), ErrorCode::kInvalid, "must be an object", "context");
  ExpectRefused(Examples(Columns(), R"({"context":{"pair":[1,2,3]},"examples":[{"pair":[1,2]},{}]})"), ErrorCode::kInvalid, "has 3 values",
                "examples[1]");
}

}  // namespace
}  // namespace vigil
