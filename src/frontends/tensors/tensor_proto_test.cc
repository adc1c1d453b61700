#include "frontends/tensors/tensor_proto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "frontends/errors.h"
#include "frontends/tensors/tensor_rows.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;

std::string Head(uint32_t dtype, std::initializer_list<int64_t> shape) {
  std::string bytes;
  ProtoWriter writer(&bytes);
  writer.Varint(1, dtype);
  writer.Message(2, [&](ProtoWriter& dims) { WriteTensorShape(shape, &dims); });
  return bytes;
}
template <typename T>
std::string Raw(uint32_t field, std::vector<T> values) {
  std::string bytes;
  ProtoWriter(&bytes).PackedRaw(field, values.data(), values.size() * sizeof(T));
  return bytes;
}
std::string Varints(uint32_t field, std::initializer_list<uint64_t> values) {
  std::string bytes;
  ProtoWriter(&bytes).Message(field, [&](ProtoWriter& list) {
    for (const uint64_t value : values) list.Element(value);
  });
  return bytes;
}

struct TensorProto : ::testing::Test {
  Status Read(const std::string& bytes) {
    kept = bytes;
    return ReadTensorProto(kept, &repeated, &memory, &tensor);
  }
  std::vector<double> Numbers() const {
    std::vector<double> numbers;
    for (int64_t i = 0; i < tensor.elements(); ++i) numbers.push_back(TensorNumber(tensor, static_cast<size_t>(i)));
    return numbers;
  }
  void ExpectError(const std::string& bytes, std::string_view text, ErrorCode code = ErrorCode::kInvalid) {
    repeated = 0;
    const Status status = Read(bytes);
    EXPECT_EQ(CodeOf(status), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(text)));
  }
  std::string kept;
  size_t repeated = 0;
  RequestMemory memory;
  TensorView tensor;
};

TEST_F(TensorProto, EveryTypeIsReadAsItIsWritten) {
  const std::pair<DType, double> cases[] = {
      {DType::kBool, 1},           {DType::kUint8, 255},    {DType::kUint16, 65535}, {DType::kUint32, 4294967295.0},
      {DType::kInt8, -128},        {DType::kInt16, -32768}, {DType::kInt32, -2e9},   {DType::kInt64, -4e15},
      {DType::kUint64, 4e15},      {DType::kFloat16, -1.5}, {DType::kBfloat16, 2.5}, {DType::kFloat32, 0.3125},
      {DType::kFloat64, 1.0 / 3.0}};
  for (const auto& [dtype, number] : cases) {
    OwnedTensor owned;
    owned.Reset("x", dtype, {2, 1});
    for (size_t i = 0; i < 2; ++i) {
      const double value = i == 0 ? number : 1;
      std::byte element[8] = {};
      const auto put = [&](const auto& typed) { std::memcpy(element, &typed, sizeof(typed)); };
      switch (dtype) {
        case DType::kFloat16: put(HalfFromFloat(static_cast<float>(value))); break;
        case DType::kBfloat16: put(BfloatFromFloat(static_cast<float>(value))); break;
        case DType::kFloat64: put(value); break;
        case DType::kUint64: put(static_cast<uint64_t>(value)); break;
        default: put(static_cast<int64_t>(value)); break;
      }
      if (dtype == DType::kFloat32) {
        owned.floats[i] = static_cast<float>(value);
      } else {
        std::memcpy(owned.bytes.data() + i * DTypeBytes(dtype), element, DTypeBytes(dtype));
      }
    }
    std::string bytes;
    ProtoWriter writer(&bytes);
    WriteTensorProto(AnswerTensor{nullptr, dtype, {2, 1}, nullptr, &owned}, &writer);
    ASSERT_TRUE(Read(bytes).ok()) << DTypeName(dtype);
    EXPECT_EQ(tensor.dtype, dtype);
    EXPECT_EQ(tensor.shape, (absl::InlinedVector<int64_t, 4>{2, 1}));
    EXPECT_EQ(Numbers(), (std::vector<double>{number, 1})) << DTypeName(dtype);
    // The same elements as they lie in memory.
    const void* const data = dtype == DType::kFloat32 ? static_cast<const void*>(owned.floats.data()) : owned.bytes.data();
    std::string content = Head(TensorProtoType(dtype), {2, 1});
    ProtoWriter(&content).PackedRaw(4, data, 2 * DTypeBytes(dtype));
    ASSERT_TRUE(Read(content).ok()) << DTypeName(dtype);
    EXPECT_EQ(Numbers(), (std::vector<double>{number, 1})) << DTypeName(dtype);
  }
}

TEST_F(TensorProto, ListsAreReadAsTensorFlowReadsThem) {
  ASSERT_TRUE(Read(Head(1, {4}) + Raw<float>(5, {1, 2})).ok());
  EXPECT_EQ(Numbers(), (std::vector<double>{1, 2, 2, 2}));
  EXPECT_EQ(repeated, 2u);
  ASSERT_TRUE(Read(Head(1, {2})).ok());
  EXPECT_EQ(Numbers(), (std::vector<double>{0, 0}));
  ASSERT_TRUE(Read(Head(1, {1}) + Raw<float>(5, {1, 2})).ok());
  EXPECT_EQ(Numbers(), (std::vector<double>{1}));
  ASSERT_TRUE(Read(Head(9, {3}) + Varints(10, {1}) + std::string("\x50\x05", 2) + Varints(10, {uint64_t(-1)})).ok());  // packed and not
  EXPECT_EQ(Numbers(), (std::vector<double>{1, 5, -1}));
  ASSERT_TRUE(Read(std::string("\x08\x01", 2) + Raw<float>(5, {7})).ok());  // no shape: a scalar
  EXPECT_TRUE(tensor.shape.empty());
  EXPECT_EQ(Numbers(), (std::vector<double>{7}));
  ASSERT_TRUE(Read(Head(1, {0, 5}) + Raw<float>(5, {7})).ok());
  EXPECT_EQ(tensor.elements(), 0);
}

TEST_F(TensorProto, Texts) {
  std::string bytes = Head(7, {3});
  ProtoWriter writer(&bytes);
  writer.Bytes(8, std::string_view("a\0b", 3));
  writer.Bytes(8, "");
  ASSERT_TRUE(Read(bytes).ok());
  const auto* texts = static_cast<const std::string_view*>(tensor.data);
  EXPECT_EQ(texts[0], std::string_view("a\0b", 3));
  EXPECT_TRUE(texts[1].empty() && texts[1].data() != nullptr) << "empty, not missing";
  EXPECT_EQ(texts[2], texts[1]);
  ASSERT_TRUE(Read(Head(7, {2}) + Raw<char>(4, {3, 1, 'a', 'b', 'c', 'd'})).ok());
  texts = static_cast<const std::string_view*>(tensor.data);
  EXPECT_EQ(texts[0], "abc");
  EXPECT_EQ(texts[1], "d");
  ExpectError(Head(7, {2}) + Raw<char>(4, {3, 2, 'a', 'b', 'c', 'd'}), "lengths");
  ExpectError(Head(7, {9}) + Raw<char>(4, {1, 'a'}), "fewer texts");
}

TEST_F(TensorProto, FloatsStayWhereTheyLie) {
  const std::string bytes = Head(3, {2}) + Raw<int32_t>(4, {1, 2});
  ASSERT_TRUE(Read(bytes).ok());
  const auto* const at = static_cast<const char*>(tensor.data);
  const bool inside = at >= kept.data() && at < kept.data() + kept.size();
  EXPECT_TRUE(inside || reinterpret_cast<uintptr_t>(kept.data() + kept.size() - 8) % 4 != 0);
}

TEST_F(TensorProto, WhatIsWrongIsNamed) {
  ExpectError("\x0A", "no TensorProto");
  ExpectError("", "has no dtype");
  ExpectError(Head(8, {1}), "dtype 8 is not served");
  ExpectError(Head(1, {3}) + Raw<float>(4, {1, 2}), "tensor_content holds 8 bytes, the shape 12");
  ExpectError(Head(1, {-1}), "a dimension of -1");
  ExpectError(Head(1, {1, 1, 1, 1, 1, 1, 1, 1, 1}), "dimensions");
  ExpectError(Head(1, {int64_t{1} << 40, int64_t{1} << 40}), "elements", ErrorCode::kTooLarge);
  ExpectError(Head(1, {8 << 20}) + Raw<float>(5, {1}), "float_val is shorter", ErrorCode::kTooLarge);
  ExpectError(Head(9, {1}) + Raw<char>(10, {char(0x80)}), "no TensorProto");
  std::string unknown = Head(1, {});
  ProtoWriter(&unknown).Message(2, [](ProtoWriter& shape) { shape.Bool(3, true); });
  ExpectError(unknown, "rank");
}

}  // namespace
}  // namespace vigil
