// ModelInferRequest as bytes: what is read where, and what is refused.
#include "frontends/tensors/oip_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "base/proto_wire.h"
#include "frontends/errors.h"
#include "frontends/testing/count_allocations.h"
#include "frontends/testing/oip_messages.h"
#include "frontends/words.h"

namespace vigil {
namespace {

using ::testing::HasSubstr;
using testing::InferMessage;
using testing::Packed;
using testing::Raw;

struct OipMessage : ::testing::Test {
  Status Read(const std::string& bytes) {
    kept = bytes;
    return reader.Read(kept, &memory, &request);
  }
  void Refuses(const std::string& bytes, ErrorCode code, std::string_view text) {
    const Status status = Read(bytes);
    ASSERT_FALSE(status.ok()) << text;
    EXPECT_EQ(CodeOf(status), code) << status;
    EXPECT_THAT(Concat(PathOf(status), ": ", MessageOf(status)), HasSubstr(std::string(text)));
  }
  template <typename T>
  std::vector<T> Values(size_t tensor = 0) {
    const TensorView& view = request.tensors[tensor];
    std::vector<T> values(static_cast<size_t>(view.elements()));
    std::memcpy(values.data(), view.data, values.size() * sizeof(T));
    return values;
  }
  std::vector<std::string> Texts(size_t tensor = 0) {
    const TensorView& view = request.tensors[tensor];
    const auto* const texts = static_cast<const std::string_view*>(view.data);
    return {texts, texts + view.elements()};
  }

  std::string kept;
  OipMessageReader reader;
  RequestMemory memory;
  OipRequest request;
};

TEST_F(OipMessage, RawBuffersInTheOrderOfTheInputs) {
  ASSERT_TRUE(Read(InferMessage("fraud")
                       .RawContents(Raw<float>({1.5f, -2}))  // fields may come in any order
                       .Input("a", "FP32", {1, 2})
                       .Input("b", "INT64", {1})
                       .RawContents(Raw<int64_t>({-7}))
                       .Field(3, "id-1")
                       .Field(2, "4")
                       .bytes())
                  .ok());
  EXPECT_EQ(request.id, "id-1");
  ASSERT_EQ(request.tensors.size(), 2u);
  EXPECT_EQ(request.tensors[0].name, "a");
  EXPECT_EQ(Values<float>(0), (std::vector<float>{1.5f, -2}));
  EXPECT_EQ(Values<int64_t>(1), (std::vector<int64_t>{-7}));
  std::string_view model, version;
  ASSERT_TRUE(ReadOipTarget(kept, &model, &version).ok());
  EXPECT_EQ(model, "fraud");
  EXPECT_EQ(version, "4");
}

TEST_F(OipMessage, RawTexts) {
  ASSERT_TRUE(Read(InferMessage("m").Input("a", "BYTES", {3}).RawContents(std::string("\0\0\0\0\2\0\0\0hi\1\0\0\0\xff", 15)).bytes()).ok());
  EXPECT_EQ(Texts(), (std::vector<std::string>{"", "hi", "\xff"}));
}

TEST_F(OipMessage, HalvesAreReadAsTheyAre) {
  ASSERT_TRUE(Read(InferMessage("m")
                       .Input("a", "FP16", {1})
                       .Input("b", "BF16", {1})
                       .RawContents(Raw<uint16_t>({0x3e00}))
                       .RawContents(Raw<uint16_t>({0x3fc0}))
                       .bytes())
                  .ok());
  EXPECT_EQ(FloatFromHalf(Values<uint16_t>(0)[0]), 1.5f);
  EXPECT_EQ(FloatFromBfloat(Values<uint16_t>(1)[0]), 1.5f);
  ASSERT_TRUE(
      Read(InferMessage("m").Input("a", "FP16", {1}, Packed<float>(6, {1.5f})).Input("b", "BF16", {1}, Packed<float>(6, {1.5f})).bytes())
          .ok());
  EXPECT_EQ(Values<uint16_t>(0)[0], 0x3e00);
  EXPECT_EQ(Values<uint16_t>(1)[0], 0x3fc0);
}

TEST_F(OipMessage, ContentsOfEveryType) {
  constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
  ASSERT_TRUE(Read(InferMessage("m")
                       .Input("bool", "BOOL", {2}, Packed(1, {1, 0}))
                       .Input("int8", "INT8", {2}, Packed(2, {-128, 127}))
                       .Input("int16", "INT16", {1}, Packed(2, {-32768}))
                       .Input("int32", "INT32", {1}, Packed(2, {-1}))
                       .Input("int64", "INT64", {1}, Packed(3, {kLow}))
                       .Input("uint8", "UINT8", {1}, Packed(4, {255}))
                       .Input("uint16", "UINT16", {1}, Packed(4, {65535}))
                       .Input("uint32", "UINT32", {1}, Packed(4, {4294967295}))
                       .Input("uint64", "UINT64", {1}, Packed(5, {-1}))
                       .Input("fp32", "FP32", {1, 2}, Packed<float>(6, {0.1f, 2}))
                       .Input("fp64", "FP64", {1}, Packed<double>(7, {0.1}))
                       .Input("bytes", "BYTES", {2}, InferMessage().Field(8, "").Field(8, "hi").bytes())
                       .bytes())
                  .ok());
  EXPECT_EQ(Values<uint8_t>(0), (std::vector<uint8_t>{1, 0}));
  EXPECT_EQ(Values<int8_t>(1), (std::vector<int8_t>{-128, 127}));
  EXPECT_EQ(Values<int16_t>(2)[0], -32768);
  EXPECT_EQ(Values<int32_t>(3)[0], -1);
  EXPECT_EQ(Values<int64_t>(4)[0], kLow);
  EXPECT_EQ(Values<uint8_t>(5)[0], 255);
  EXPECT_EQ(Values<uint16_t>(6)[0], 65535);
  EXPECT_EQ(Values<uint32_t>(7)[0], 4294967295u);
  EXPECT_EQ(Values<uint64_t>(8)[0], std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(Values<float>(9), (std::vector<float>{0.1f, 2}));
  EXPECT_EQ(Values<double>(10)[0], 0.1);
  EXPECT_EQ(Texts(11), (std::vector<std::string>{"", "hi"}));
}

TEST_F(OipMessage, NumbersNeedNotBePacked) {
  std::string contents, shape;
  ProtoWriter writer(&contents);
  writer.Int(2, 5);
  contents += Packed(2, {6, 7});
  ASSERT_TRUE(Read(InferMessage("m").Input("a", "INT32", {3}, contents).bytes()).ok());
  EXPECT_EQ(Values<int32_t>(), (std::vector<int32_t>{5, 6, 7}));
}

TEST_F(OipMessage, ParametersAndOutputs) {
  ASSERT_TRUE(Read(InferMessage("m")
                       .Input("a", "INT32", {2}, Packed(2, {1, 2}))
                       .Text("ids", "x,y")
                       .Text("entities", "e1,e2")
                       .Text("times", "2024-01-01T00:00:00Z,2024-01-02T00:00:00Z")
                       .Whole("timeout", 250)
                       .Whole("priority", 2)
                       .Text("content_type", "np")
                       .Output("p", 3)
                       .Output("q")
                       .bytes())
                  .ok());
  EXPECT_EQ(request.timeout_us, 250);
  EXPECT_EQ(request.lists.ids.text, "x,y");
  EXPECT_TRUE(request.lists.entities.given && request.lists.times.given);
  ASSERT_EQ(request.outputs.size(), 2u);
  EXPECT_EQ(request.outputs[0].classes, 3);
  EXPECT_EQ(request.outputs[1].name, "q");
}

TEST_F(OipMessage, WhatDoesNotFitIsRefusedByName) {
  const auto one = [](std::string type, std::string contents) { return InferMessage("m").Input("a", type, {2}, contents); };
  Refuses("\x0a\x7f", ErrorCode::kMalformed, "ModelInferRequest");
  Refuses(InferMessage("m").bytes(), ErrorCode::kInvalid, "no \"inputs\"");
  Refuses(one("FP33", "").bytes(), ErrorCode::kInvalid, "inputs[0]: input \"a\" has the datatype \"FP33\"");
  Refuses(one("FP32", Packed(2, {1, 2})).bytes(), ErrorCode::kInvalid, "belongs in fp32_contents, not in int_contents");
  Refuses(one("INT8", Packed(2, {1, 128})).bytes(), ErrorCode::kInvalid, "element 1 is no whole number of 8 bits");
  Refuses(one("UINT16", Packed(4, {1, 65536})).bytes(), ErrorCode::kInvalid, "element 1 is no whole number of 16 bits");
  Refuses(one("INT32", Packed(2, {1, 2, 3})).bytes(), ErrorCode::kInvalid, "more than the 2 elements");
  Refuses(one("FP32", Packed<float>(6, {1})).bytes(), ErrorCode::kInvalid, "holds 1 elements, its shape 2");
  Refuses(one("FP32", "").bytes(), ErrorCode::kInvalid, "fewer elements than its shape");
  Refuses(one("FP32", Packed<float>(6, {1, 2})).RawContents(Raw<float>({1, 2})).bytes(), ErrorCode::kInvalid, "beside raw_input_contents");
  Refuses(one("FP32", "").RawContents(Raw<float>({1})).bytes(), ErrorCode::kInvalid, "input \"a\" holds 4 bytes, its shape 8");
  Refuses(one("FP32", "").Input("b", "FP32", {1}).RawContents(Raw<float>({1, 2})).bytes(), ErrorCode::kInvalid, "1 buffers for 2 inputs");
  Refuses(InferMessage("m").Input("a", "FP32", {-1}).RawContents("").bytes(), ErrorCode::kInvalid, "a dimension of its shape is -1");
  Refuses(InferMessage("m").Input("a", "FP32", {1, 1, 1, 1, 1, 1, 1, 1, 1}).bytes(), ErrorCode::kInvalid, "too many dimensions");
  Refuses(InferMessage("m").Input("a", "BYTES", {1 << 20, 1 << 10}, "\x42").bytes(), ErrorCode::kInvalid, "fewer elements");
  Refuses(one("INT32", Packed(2, {1, 2})).Whole("ids", 3).bytes(), ErrorCode::kInvalid, "parameters.ids: must be a text");
  Refuses(one("INT32", Packed(2, {1, 2})).Text("timeout", "1").bytes(), ErrorCode::kInvalid, "parameters.timeout: must be a number");
  Refuses(one("INT32", Packed(2, {1, 2})).Whole("timeout", -1).bytes(), ErrorCode::kInvalid, "parameters.timeout");
  Refuses(one("INT32", Packed(2, {1, 2})).Output("", 3).bytes(), ErrorCode::kInvalid, "each output needs");
  Refuses(InferMessage("m").Field(3, "\xff").bytes(), ErrorCode::kMalformed, "id: is not UTF-8");
  Refuses(InferMessage("m").Input("a", "FP32", {1}, "", InferMessage().Parameter(4, "shared_memory_region", 3, "r")).bytes(),
          ErrorCode::kNotImplemented, "inputs[0]: shared memory is not read");
  Refuses(one("INT32", Packed(2, {1, 2})).Nested(6, InferMessage("p").Parameter(2, "shared_memory_region", 3, "r")).bytes(),
          ErrorCode::kNotImplemented, "shared memory is not written");
}

TEST_F(OipMessage, AWarmReaderAllocatesNothing) {
  kept = InferMessage("fraud").Field(3, "id-1").Input("a", "FP32", {1, 4}).RawContents(Raw<float>({1, 2, 3, 4})).Output("p").bytes();
  for (int warm = 0; warm < 2; ++warm) ASSERT_TRUE(Read(std::string(kept)).ok());
  EXPECT_EQ(testing::CountAllocations([&] { EXPECT_TRUE(reader.Read(kept, &memory, &request).ok()); }), 0);
}

}  // namespace
}  // namespace vigil
