#include "net/content_coding.h"

#include <gtest/gtest.h>

namespace vigil::net {
namespace {

std::string Text(size_t size) {
  std::string text;
  for (size_t i = 0; text.size() < size; ++i) text += std::to_string(i * i) + ",";
  text.resize(size);
  return text;
}

TEST(ContentCoding, ThereAndBack) {
  for (const Coding coding : {Coding::kGzip, Coding::kDeflate}) {
    for (const size_t size : {0u, 1u, 1000u, 16384u, 16385u, 1'000'000u}) {
      std::string packed, body;
      Encode(coding, Text(size), &packed);
      const Status status = Decode(coding, packed, size, &body);
      ASSERT_TRUE(status.ok()) << CodingName(coding) << " " << size << status;
      EXPECT_EQ(body, Text(size));
      if (size == 0) continue;
      EXPECT_EQ(Decode(coding, packed, size - 1, &body).code(), absl::StatusCode::kResourceExhausted);
      EXPECT_EQ(Decode(coding, packed.substr(0, packed.size() - 1), size, &body).code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(Decode(coding, packed + "x", size, &body).code(), absl::StatusCode::kInvalidArgument);
    }
  }
}

TEST(ContentCoding, DeflateWithoutItsHeader) {
  std::string packed, body;
  Encode(Coding::kDeflate, Text(5000), &packed);
  const std::string raw = packed.substr(2, packed.size() - 6);  // without the header and the checksum
  ASSERT_TRUE(Decode(Coding::kDeflate, raw, 5000, &body).ok());
  EXPECT_EQ(body, Text(5000));
}

TEST(ContentCoding, ABombIsBounded) {
  std::string packed, body;
  Encode(Coding::kGzip, std::string(100 << 20, '\0'), &packed);
  EXPECT_LT(packed.size(), 1u << 20);
  EXPECT_EQ(Decode(Coding::kGzip, packed, 1 << 20, &body).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LE(body.capacity(), 4u << 20);
  EXPECT_FALSE(Decode(Coding::kGzip, "not gzip at all", 100, &body).ok());
  EXPECT_FALSE(Decode(Coding::kGzip, "", 100, &body).ok());
}

TEST(ContentCoding, Names) {
  EXPECT_EQ(*CodingOf(""), Coding::kIdentity);
  EXPECT_EQ(*CodingOf(" GZip "), Coding::kGzip);
  EXPECT_EQ(*CodingOf("x-gzip"), Coding::kGzip);
  EXPECT_EQ(*CodingOf("deflate"), Coding::kDeflate);
  EXPECT_FALSE(CodingOf("br").ok());
  EXPECT_FALSE(CodingOf("gzip, gzip").ok());
  EXPECT_EQ(AcceptedCoding(""), Coding::kIdentity);
  EXPECT_EQ(AcceptedCoding("gzip, deflate, br"), Coding::kGzip);
  EXPECT_EQ(AcceptedCoding("deflate"), Coding::kDeflate);
  EXPECT_EQ(AcceptedCoding("gzip;q=0.5, deflate;q=0.8"), Coding::kDeflate);
  EXPECT_EQ(AcceptedCoding("gzip;q=0"), Coding::kIdentity);
  EXPECT_EQ(AcceptedCoding("gzip;q=0, *"), Coding::kIdentity);
  EXPECT_EQ(AcceptedCoding("*"), Coding::kGzip);
  EXPECT_EQ(AcceptedCoding("br"), Coding::kIdentity);
}

}  // namespace
}  // namespace vigil::net
