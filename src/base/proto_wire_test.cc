#include "base/proto_wire.h"

#include <gtest/gtest.h>

namespace vigil {
namespace {

TEST(ProtoWire, WhatIsWrittenIsRead) {
  std::string bytes;
  ProtoWriter writer(&bytes);
  writer.Varint(1, 300);
  writer.Int(2, -1);
  writer.Bool(3, true);
  writer.Double(4, 1.5);
  writer.Bytes(536870911, "abc");
  writer.Message(6, [](ProtoWriter& w) { w.Bytes(1, std::string(200, 'x')); });
  EXPECT_EQ(bytes.substr(0, 3), "\x08\xac\x02");  // the encoding page's own example
  ProtoFields fields(bytes);
  ASSERT_TRUE(fields.Next() && fields.is(1, ProtoType::kVarint));
  EXPECT_EQ(fields.raw(), 300u);
  ASSERT_TRUE(fields.Next());
  EXPECT_EQ(fields.integer(), -1);
  ASSERT_TRUE(fields.Next());
  EXPECT_TRUE(fields.boolean());
  ASSERT_TRUE(fields.Next() && fields.is(4, ProtoType::kFixed64));
  EXPECT_EQ(fields.float64(), 1.5);
  ASSERT_TRUE(fields.Next() && fields.is(536870911, ProtoType::kBytes));
  EXPECT_EQ(fields.bytes(), "abc");
  ASSERT_TRUE(fields.Next());
  ProtoFields nested(fields.bytes());
  ASSERT_TRUE(nested.Next());
  EXPECT_EQ(nested.bytes(), std::string(200, 'x'));
  EXPECT_FALSE(nested.Next());
  EXPECT_FALSE(fields.Next());
  EXPECT_TRUE(fields.ok() && nested.ok());
}

TEST(ProtoWire, BrokenBytesEndTheWalk) {
  const std::string_view broken[] = {
      "\x08",  // a tag alone
      "\x0a\x05"
      "abc",                                               // a length beyond the end
      "\x0d\x01\x02",                                      // half a fixed32
      "\x0b",                                              // a group
      {"\x00\x01", 2},                                     // field 0
      "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  // an endless varint
      "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",      // a length of nearly 2^64
  };
  for (const std::string_view bytes : broken) {
    ProtoFields fields(bytes);
    EXPECT_FALSE(fields.Next());
    EXPECT_FALSE(fields.ok());
  }
}

}  // namespace
}  // namespace vigil
