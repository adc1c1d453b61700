#include "runtime/tensorflow/protocol.h"

#include <gtest/gtest.h>

#include <cstring>

namespace vigil::tensorflow {
namespace {

std::string OneTensor(uint32_t type, std::initializer_list<int64_t> shape, std::string_view data) {
  FrameWriter writer(FrameKind::kResult, 7);
  writer.TensorHead("t:0", type, shape.begin(), shape.size());
  writer.BeginData();
  writer.Bytes(data.data(), data.size());
  writer.EndData();
  return writer.Finish();
}

bool Reads(const std::string& frame) {
  FrameReader reader(std::string_view(frame).substr(kFrameHeadBytes));
  reader.Tensor();
  return reader.AtEnd();
}

TEST(Frames, HeadSaysKindCallAndLength) {
  const std::string frame = OneTensor(1, {2}, std::string_view("\0\0\0\0\0\0\0\0", 8));
  FrameHead head;
  ASSERT_TRUE(ReadFrameHead(frame.data(), &head));
  EXPECT_EQ(head.kind, FrameKind::kResult);
  EXPECT_EQ(head.call, 7u);
  EXPECT_EQ(head.body_bytes, frame.size() - kFrameHeadBytes);
}

TEST(Frames, ABrokenHeadIsRefused) {
  std::string frame = OneTensor(1, {0}, "");
  FrameHead head;
  for (const size_t at : {0u, 4u, 23u}) {  // magic, kind, length
    std::string broken = frame;
    broken[at] = '\x7f';
    EXPECT_FALSE(ReadFrameHead(broken.data(), &head)) << at;
  }
}

TEST(Frames, DataMustBeWhatTypeAndShapeSay) {
  EXPECT_TRUE(Reads(OneTensor(1, {1, 2}, std::string(8, 'x'))));
  EXPECT_FALSE(Reads(OneTensor(1, {1, 2}, std::string(7, 'x'))));
  EXPECT_FALSE(Reads(OneTensor(1, {-1}, "")));
  EXPECT_FALSE(Reads(OneTensor(21, {1}, "x"))) << "a data type of no dialect";
  EXPECT_FALSE(Reads(OneTensor(1, {1 << 20, 1 << 20, 1 << 20, 1 << 20}, ""))) << "a product beyond 64 bits";
  EXPECT_TRUE(Reads(OneTensor(7, {2}, std::string_view("\1\0\0\0a\0\0\0\0", 9))));
  EXPECT_FALSE(Reads(OneTensor(7, {2}, std::string_view("\1\0\0\0a\1\0\0\0", 9))));
  EXPECT_FALSE(Reads(OneTensor(7, {1}, std::string_view("\1\0\0\0a\0\0\0\0", 9)))) << "more than the shape says";
}

TEST(Frames, EveryCutIsRefused) {
  const std::string frame = OneTensor(7, {2}, std::string_view("\1\0\0\0a\2\0\0\0bc", 11));
  ASSERT_TRUE(Reads(frame));
  for (size_t length = kFrameHeadBytes; length < frame.size(); ++length) EXPECT_FALSE(Reads(frame.substr(0, length))) << length;
}

}  // namespace
}  // namespace vigil::tensorflow
