// The Open Inference Protocol's bodies, the tabular bridge, and answers as tensors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "frontends/errors.h"
#include "frontends/tensors/answer_tensors.h"
#include "frontends/tensors/oip_request.h"
#include "frontends/tensors/tensor_rows.h"
#include "frontends/tensors/whole_tensors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kMissing = -12345;  // stands for NaN, which equals nothing

struct Parsed {
  Status status;
  std::vector<float> values;
  std::vector<std::string> ids, entities;
  std::vector<TimeUs> times;
  std::vector<uint32_t> absent;
};

class Tensors : public ::testing::Test {
 protected:
  // One request, as the handler reads it.
  Parsed Oip(std::string_view body, OipRequest* request = nullptr, std::optional<size_t> json_bytes = std::nullopt) {
    Parsed out;
    out.status = reader_.Read(body, json_bytes, &memory_, &request_);
    if (out.status.ok()) out.status = FillRowsFromTensors(request_.tensors, columns_, &batch_, &out.absent);
    if (out.status.ok()) out.status = request_.lists.Apply(&batch_);
    out.values = batch_.values;
    for (float& value : out.values) value = std::isnan(value) ? kMissing : value;
    out.ids.assign(batch_.ids.begin(), batch_.ids.end());
    out.entities.assign(batch_.entities.begin(), batch_.entities.end());
    out.times = batch_.times;
    if (request != nullptr) *request = request_;
    return out;
  }
  static std::string Bytes(const auto&... values) {
    std::string out;
    (out.append(reinterpret_cast<const char*>(&values), sizeof(values)), ...);
    return out;
  }

  ColumnIndex columns_{{"amount", "hour", "na\"me"}};
  OipReader reader_;
  OipRequest request_;
  RequestMemory memory_;
  RowBatch batch_;
};

TEST_F(Tensors, OneMatrixOrOneTensorAColumn) {
  OipRequest request;
  for (
      const char* body :
      {R"({"id":"7","inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[1,2,3,4,5,6]}]})",
       R"({"inputs":[{"data":[[1,2,3],[4,5,6]],"datatype":"FP64","shape":[2,3],"name":"x"}],"id":"7"})",
       R"({"id":7,"inputs":[{"name":"hour","shape":[2],"datatype":"INT64","data":[2,5]},{"name":"amount","shape":[2,1],"datatype":"FP32","data":[[1],[4]]},{"name":"na\"me","shape":[2,1],"datatype":"FP32","data":[3,6]}],"outputs":[{"name":"prediction"}]})"}) {
    const Parsed parsed = Oip(body, &request);
    ASSERT_TRUE(parsed.status.ok()) << body << parsed.status;
    EXPECT_THAT(parsed.values, ElementsAre(1, 2, 3, 4, 5, 6)) << body;
    EXPECT_EQ(request.id, "7");
  }
  ASSERT_EQ(request.outputs.size(), 1u);
  EXPECT_EQ(request.outputs[0].name, "prediction");
}

TEST_F(Tensors, ListsBesideTheRows) {
  const Parsed parsed = Oip(
      R"({"parameters":{"ids":["a","b"],"entities":"c, d","times":"2018-01-01T00:00:00Z,2018-01-02T00:00:00Z"},"inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[1,2,3,4,5,6]}]})");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status;
  EXPECT_THAT(parsed.ids, ElementsAre("a", "b"));
  EXPECT_THAT(parsed.entities, ElementsAre("c", "d"));
  EXPECT_EQ(parsed.times[1] - parsed.times[0], kDayUs);
}

TEST_F(Tensors, ShapesClaimNoMemoryOfTheirOwn) {
  const Parsed parsed = Oip(R"({"inputs":[{"name":"x","shape":[1000000,3],"datatype":"FP32","data":[1,2,3,4]}]})");
  EXPECT_THAT(std::string(MessageOf(parsed.status)), HasSubstr("fewer elements than its shape, 3000000"));
}

TEST_F(Tensors, Refusals) {
  const struct {
    const char* body;
    const char* message;
  } kCases[] = {
      {"", "empty"},
      {"[]", "object"},
      {"{}", "inputs"},
      {R"({"inputs":[]})", "inputs"},
      {R"({"inputs":{}})", "list of tensors"},
      {R"({"inputs":[5]})", "must be an object"},
      {R"({"inputs":[{"shape":[1,3],"datatype":"FP32","data":[1,2,3]}]})", "name"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","data":[1,2,3]}]})", "shape"},
      {R"({"inputs":[{"name":"x","shape":[1,-3],"datatype":"FP32","data":[1,2,3]}]})", "shape"},
      {R"({"inputs":[{"name":"x","shape":[1,3],"data":[1,2,3]}]})", "datatype"},
      {R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"BYTES","data":["a","b","c"]}]})", "BYTES"},
      {R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32"}]})", "data"},
      {R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2]}]})", "2 elements"},
      {R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3,4]}]})", "more than the 3"},
      {R"({"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]})", "[-1, 3]"},
      {R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[[[[[[[[[1]]]]]]]]]}]})", "deeply"},
      {R"({"inputs":[{"name":"x","shape":[99999999999,3],"datatype":"FP32","data":[]}]})", "shape"},
      {R"({"inputs":[{"name":"x","shape":[2000000,3],"datatype":"FP32","data":[]}]})", "fewer"},
      {R"({"inputs":[{"name":"amuont","shape":[1],"datatype":"FP32","data":[1]},{"name":"hour","shape":[1],"datatype":"FP32","data":[1]}]})",
       "did you mean"},
      {R"({"inputs":[{"name":"amount","shape":[1],"datatype":"FP32","data":[1]},{"name":"hour","shape":[2],"datatype":"FP32","data":[1,2]}]})",
       "rows"},
      {R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}],"parameters":{"ids":"a,b"}})", "items for 1 rows"},
      {R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}],"outputs":[{}]})", "name"},
      {R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}})", "follows"},
  };
  for (const auto& test : kCases) {
    const Parsed parsed = Oip(test.body);
    ASSERT_FALSE(parsed.status.ok()) << test.body;
    EXPECT_THAT(Concat(MessageOf(parsed.status), PathOf(parsed.status)), HasSubstr(test.message)) << test.body;
  }
}

TEST_F(Tensors, AMissingColumnTensorIsAbsent) {
  EXPECT_THAT(
      Oip(R"({"inputs":[{"name":"amount","shape":[1],"datatype":"FP32","data":[1]},{"name":"hour","shape":[1],"datatype":"FP32","data":[null]}]})")
          .absent,
      ElementsAre(2u));
}

TEST_F(Tensors, NullAndItsWordsAreMissingInTensorsOfFloats) {
  const Parsed parsed = Oip(R"({"inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[null,NaN,1.5,[true,-Infinity,Infinity]]}]})");
  ASSERT_TRUE(parsed.status.ok()) << parsed.status;
  EXPECT_THAT(parsed.values, ElementsAre(kMissing, kMissing, 1.5F, 1, -INFINITY, INFINITY));
}

TEST_F(Tensors, ElementsMustBeOfTheTensorsType) {
  const struct {
    const char* datatype;
    const char* element;
    const char* message;  // null: accepted
  } kCases[] = {
      {"INT32", "1.5", "element 0: 1.5 is no whole number"},
      {"INT32", "2147483648", "whole number of 32 bits"},
      {"INT32", "3.0", nullptr},
      {"INT32", "1e3", nullptr},
      {"INT32", "null", "whole number"},
      {"UINT8", "-1", "8 bits"},
      {"UINT8", "255", nullptr},
      {"UINT64", "18446744073709551615", nullptr},
      {"INT64", "-9223372036854775808", nullptr},
      {"INT64", "9223372036854775808", "whole"},
      {"BOOL", "true", nullptr},
      {"BOOL", "2", "truth value"},
      {"BYTES", "1", "no text"},
      {"FP16", "\"a\"", "\"a\" is no number"},
      {"FP32", "{}", "no number"},
      {"FP32", "tru", "no number"},
  };
  for (const auto& test : kCases) {
    const std::string body =
        Concat(R"({"inputs":[{"name":"x","shape":[1],"datatype":")", test.datatype, R"(","data":[)", test.element, "]}]}");
    const Status status = reader_.Read(body, std::nullopt, &memory_, &request_);
    EXPECT_EQ(status.ok(), test.message == nullptr) << body << status;
    EXPECT_THAT(std::string(MessageOf(status)), HasSubstr(test.message == nullptr ? "" : test.message)) << body;
  }
}

TEST_F(Tensors, WholeNumbersAreReadExactly) {
  const char* body = R"({"inputs":[{"name":"x","shape":[2],"datatype":"INT64","data":[9007199254740993,-9223372036854775808]}]})";
  ASSERT_TRUE(reader_.Read(body, std::nullopt, &memory_, &request_).ok());
  const auto* whole = static_cast<const int64_t*>(request_.tensors[0].data);
  EXPECT_EQ(whole[0], 9007199254740993);
  EXPECT_EQ(whole[1], INT64_MIN);
}

TEST_F(Tensors, BinaryTensorsStandBehindTheJson) {
  const std::string json =
      R"({"inputs":[{"name":"hour","shape":[2],"datatype":"INT32","parameters":{"binary_data_size":8}},)"
      R"({"name":"amount","shape":[2,1],"datatype":"FP64","data":[0.5,null]},)"
      R"({"name":"na\"me","shape":[2],"datatype":"FP16","parameters":{"binary_data_size":4}}],)"
      R"("outputs":[{"name":"p","parameters":{"binary_data":true,"classification":3}}],"parameters":{"binary_data_output":true,"timeout":7}})";
  const std::string body = json + Bytes(int32_t{3}, int32_t{-4}, HalfFromFloat(1.5F), HalfFromFloat(-2));
  const Parsed parsed = Oip(body, nullptr, json.size());
  ASSERT_TRUE(parsed.status.ok()) << parsed.status;
  EXPECT_THAT(parsed.values, ElementsAre(0.5F, 3, 1.5F, kMissing, -4, -2));
  EXPECT_TRUE(request_.binary_outputs);
  EXPECT_EQ(request_.timeout_us, 7);
  ASSERT_EQ(request_.outputs.size(), 1u);
  EXPECT_EQ(request_.outputs[0].binary, true);
  EXPECT_EQ(request_.outputs[0].classes, 3);
  EXPECT_THAT(std::string(MessageOf(Oip(body + "x", nullptr, json.size()).status)), HasSubstr("1 bytes are left over"));
  EXPECT_THAT(std::string(MessageOf(Oip(body.substr(0, body.size() - 1), nullptr, json.size()).status)), HasSubstr("3 are left"));
  EXPECT_FALSE(Oip(body, nullptr, body.size() + 1).status.ok());
}

TEST_F(Tensors, BinaryTexts) {
  const std::string data = Bytes(uint32_t{3}) + std::string("a\0b", 3) + Bytes(uint32_t{0}) + Bytes(uint32_t{1}) + "\xff";
  TensorView tensor{"x", DType::kString, {3}, nullptr};
  ASSERT_TRUE(ReadBinaryTensor(data, 3, &memory_, &tensor).ok());
  const auto* texts = static_cast<const std::string_view*>(tensor.data);
  EXPECT_EQ(texts[0], std::string_view("a\0b", 3));
  EXPECT_NE(texts[1].data(), nullptr) << "empty, not missing";
  EXPECT_EQ(texts[2], "\xff");
  for (size_t cut = 0; cut < data.size(); ++cut) EXPECT_FALSE(ReadBinaryTensor(data.substr(0, cut), 3, &memory_, &tensor).ok()) << cut;
  EXPECT_FALSE(ReadBinaryTensor(data, 2, &memory_, &tensor).ok());
  EXPECT_FALSE(ReadBinaryTensor(data, size_t{1} << 60, &memory_, &tensor).ok());
}

TEST_F(Tensors, SharedMemoryIsRefused) {
  const Parsed parsed = Oip(
      R"({"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","parameters":{"shared_memory_region":"r","shared_memory_byte_size":12}}]})");
  EXPECT_EQ(CodeOf(parsed.status), ErrorCode::kNotImplemented);
}

TEST(TensorRows, TypesBecomeRicherNeverPoorer) {
  Signature signature;
  signature.inputs = {
      {"rate", DType::kFloat64, {-1}}, {"n", DType::kInt32, {-1}}, {"flag", DType::kBool, {-1}}, {"word", DType::kString, {-1}}};
  const ColumnIndex columns(TableShapeOf(signature));
  const double rates[] = {0.1, NAN};
  const int8_t counts[] = {-7, 7};
  const uint8_t flags[] = {1, 0};
  const std::string_view words[] = {"a", {}};
  std::vector<TensorView> tensors = {{"n", DType::kInt8, {2}, counts},
                                     {"rate", DType::kFloat64, {2, 1}, rates},
                                     {"flag", DType::kBool, {2}, flags},
                                     {"word", DType::kString, {2}, words}};
  RowBatch batch;
  std::vector<uint32_t> absent;
  ASSERT_TRUE(FillRowsFromTensors(tensors, columns, &batch, &absent).ok());
  EXPECT_EQ(batch.exact[0], 0.1);
  EXPECT_EQ(batch.exact[1], -7);
  EXPECT_EQ(batch.exact[2], 1);
  EXPECT_TRUE(std::isnan(batch.exact[3]));
  EXPECT_EQ(batch.texts[0], "a");
  EXPECT_EQ(batch.values[3], 0) << "a text that is there";
  EXPECT_TRUE(std::isnan(batch.values[7])) << "a missing text";
  const auto refused = [&](TensorView tensor, std::string_view message) {
    std::vector<TensorView> wrong = tensors;
    for (TensorView& other : wrong) {
      if (other.name == tensor.name) other = tensor;
    }
    const Status status = FillRowsFromTensors(wrong, columns, &batch, &absent);
    EXPECT_EQ(CodeOf(status), ErrorCode::kInvalid);
    EXPECT_THAT(std::string(MessageOf(status)), HasSubstr(std::string(message)));
  };
  refused({"n", DType::kFloat64, {2}, rates}, "column \"n\" is INT32, not FP64");
  refused({"flag", DType::kInt8, {2}, counts}, "is BOOL, not INT8");
  refused({"word", DType::kInt8, {2}, counts}, "is BYTES, not INT8");
  refused({"rate", DType::kString, {2}, words}, "is FP64, not BYTES");
  tensors.push_back(tensors[0]);
  EXPECT_THAT(std::string(MessageOf(FillRowsFromTensors(tensors, columns, &batch, &absent))), HasSubstr("a second time"));
}

TEST(WholeTensors, AreTheSignaturesOrRefused) {
  Signature signature;
  signature.inputs = {{"a", DType::kFloat32, {-1, -1}}, {"b", DType::kString, {-1, 2}}};
  const float a[] = {1, 2, 3};
  const std::string_view b[] = {"x", "y"};
  const TensorView tensor_a{"a", DType::kFloat32, {1, 3}, a}, tensor_b{"b", DType::kString, {1, 2}, b};
  RowBatch batch;
  Batch whole;
  ASSERT_TRUE(TakeTensors({tensor_b, tensor_a}, signature, &batch, &whole).ok());
  EXPECT_EQ(batch.rows, 1u);
  EXPECT_EQ(batch.whole, &whole);
  EXPECT_EQ(whole.tensors()[0].data, a) << "in the signature's order, where they lie";
  const auto refused = [&](std::vector<TensorView> tensors, const char* message) {
    const Status status = TakeTensors(tensors, signature, &batch, &whole);
    EXPECT_EQ(CodeOf(status), ErrorCode::kInvalid);
    EXPECT_THAT(std::string(MessageOf(status)), HasSubstr(message));
  };
  refused({}, "no \"inputs\"");
  refused({tensor_a}, "input \"b\" is missing");
  refused({tensor_a, tensor_b, tensor_a}, "a second time");
  refused({tensor_a, {"c", DType::kString, {1, 2}, b}}, "unexpected input \"c\"");
  refused({tensor_a, {"b", DType::kString, {1, 1}, b}}, "unexpected shape [1, 1] of input \"b\": the model takes [-1, 2]");
  refused({tensor_a, {"b", DType::kInt8, {1, 2}, a}}, "unexpected datatype of input \"b\": the model takes BYTES, not INT8");
  refused({tensor_b, {"a", DType::kFloat32, {3, 1}, a}}, "has 3 rows, the first has 1");
}

TEST(AnswerTensors, InTheirBinaryForm) {
  Signature signature;
  signature.outputs = {{"label", DType::kString, {-1}}, {"p", DType::kFloat32, {-1, 2}}};
  PredictResult result;
  std::vector<OwnedTensor> tensors(2);
  tensors[0].Reset("label", DType::kString, {2});
  tensors[0].strings = {"no", ""};
  const absl::Span<float> p = tensors[1].ResetFloats("p", {2, 2});
  const float values[] = {0.25F, 0.75F, 1, 0};
  std::copy(std::begin(values), std::end(values), p.begin());
  result.tensors = tensors;
  std::vector<AnswerTensor> answers;
  AnswerTensors(signature, result, 2, &answers);
  ASSERT_EQ(answers.size(), 2u);
  std::string raw;
  AppendRaw(answers[0], &raw);
  EXPECT_EQ(raw, std::string("\2\0\0\0no\0\0\0\0", 10));
  EXPECT_EQ(raw.size(), RawBytes(answers[0]));
  raw.clear();
  AppendRaw(answers[1], &raw);
  ASSERT_EQ(raw.size(), sizeof(values));
  EXPECT_EQ(std::memcmp(raw.data(), values, sizeof(values)), 0);
  size_t width = 0;
  EXPECT_THAT(Classify(answers[1], 5, &width), ElementsAre("0.75:1", "0.25:0", "1:0", "0:1"));
  EXPECT_EQ(width, 2u);
}

}  // namespace
}  // namespace vigil
