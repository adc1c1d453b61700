#include "runtime/trees/document.h"

#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace vigil::trees {
namespace {

std::string Length(uint64_t n) {
  std::string bytes = "L";
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(n >> shift & 0xFF);
  return bytes;
}
std::string Key(const std::string& key) { return absl::StrCat(Length(key.size()), key); }

StatusOr<Document> ReadUbj(const std::string& bytes) { return ReadUbjDocument(std::make_shared<const std::string>(bytes)); }

void ExpectSample(const Document& document) {
  const DocumentCursor root(document);
  ASSERT_TRUE(root.is_object());
  EXPECT_EQ(root.Find("text")->text(), "hi");
  EXPECT_EQ(root.Find("number")->number(), -2);
  EXPECT_EQ(root.Find("yes")->number(), 1);
  EXPECT_EQ(root.Find("nothing")->kind(), Document::Kind::kNull);
  const auto numbers = root.Find("numbers")->numbers();
  EXPECT_EQ(std::vector<double>(numbers.begin(), numbers.end()), (std::vector<double>{1.5, 2, -3}));
  const auto things = root.Find("things")->Children();
  ASSERT_EQ(things.size(), 2u);
  EXPECT_EQ(things[0].Find("a")->number(), 1);
  EXPECT_EQ(things[1].text(), "x");
  EXPECT_TRUE(root.Find("empty")->is_array());
  EXPECT_TRUE(root.Find("empty")->numbers().empty());
  EXPECT_FALSE(root.Find("absent").has_value());
  EXPECT_FALSE(things[1].Find("a").has_value()) << "a string has no members";
}

TEST(DocumentTest, JsonAndUbjsonReadAlike) {
  const auto json = ReadJsonDocument(
      R"({"text":"hi","number":-2,"yes":true,"nothing":null,"numbers":[1.5,2,-3],"things":[{"a":1},"x"],"empty":[],"after":1})");
  ASSERT_TRUE(json.ok()) << json.status();
  ExpectSample(*json);
  const std::string floats = std::string("\x3F\xC0\x00\x00\x40\x00\x00\x00\xC0\x40\x00\x00", 12);
  const auto ubj = ReadUbj(absl::StrCat("{", Key("text"), "S", Length(2), "hi", Key("number"), "i\xFE", Key("yes"), "T", Key("nothing"),
                                        "Z", Key("numbers"), "[$d#", Length(3), floats, Key("things"), "[{U\x01", "aU\x01}SU\x01x]",
                                        Key("empty"), "[#", Length(0), Key("after"), "I", std::string("\x00\x01", 2), "}"));
  ASSERT_TRUE(ubj.ok()) << ubj.status();
  ExpectSample(*ubj);
}

TEST(DocumentTest, NumbersKeepEveryBitOfFloatsAndInts) {
  const auto whole = ReadUbj(std::string("[D\x3F\xD5\x55\x55\x55\x55\x55\x55l\x80\0\0\0U\xFFI\xFF\xFF]", 21));
  ASSERT_TRUE(whole.ok()) << whole.status();
  const auto numbers = DocumentCursor(*whole).numbers();
  EXPECT_EQ(std::vector<double>(numbers.begin(), numbers.end()), (std::vector<double>{1.0 / 3, -2147483648.0, 255, -1}));
}

TEST(DocumentTest, DeclaredLengthsAreNotBelieved) {
  const std::pair<std::string, std::string> cases[] = {
      {absl::StrCat("{", Length(uint64_t{1} << 62)), "a string of 4611686018427387904 bytes where 0 are left"},
      {absl::StrCat("{", Length(~uint64_t{0})), "a length of -1"},
      {absl::StrCat("[$d#", Length(uint64_t{1} << 40)), "an array of 1099511627776 numbers of 4 bytes where 0 bytes are left"},
      {absl::StrCat("[$L#", Length(uint64_t{1} << 61), "abcdefgh"), "numbers of 8 bytes where 8 bytes are left"},
      {absl::StrCat("[#", Length(uint64_t{1} << 40)), "the file ends"},
      {absl::StrCat("[$?#", Length(1)), "a container of type '?'"},
      {"[$dU\x01", "a typed array without a count"},
      {"[d\x3F", "inside a number"},
      {"{U", "inside a length"},
      {"{d", "a length must be an integer"},
      {"[", "inside an array"},
      {"{", "inside an object"},
      {"?", "unknown type '?'"},
      {"ZZ", "1 bytes follow the document"},
      {std::string(100000, '['), "nested deeper than 32"},
      {"", "the file ends"},
  };
  for (const auto& [bytes, said] : cases) {
    const auto document = ReadUbj(bytes);
    ASSERT_FALSE(document.ok()) << said;
    EXPECT_EQ(document.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(std::string(document.status().message()).find(said), std::string::npos) << document.status();
    EXPECT_NE(std::string(document.status().message()).find("at byte"), std::string::npos) << document.status();
  }
}

TEST(DocumentTest, ManyTinyValuesCannotFillTheMemory) {
  const auto nulls = ReadUbj(absl::StrCat("[", std::string(100000, 'Z'), "]"));
  ASSERT_FALSE(nulls.ok());
  EXPECT_NE(std::string(nulls.status().message()).find("more values"), std::string::npos) << nulls.status();
}

// [1, 2, ["a", 3], 4] in both formats: a list of nodes, in order.
TEST(DocumentTest, ArraysThatMixNumbersWithOtherValues) {
  const auto json = ReadJsonDocument("[1,2,[\"a\",3],4]");
  const auto ubj = ReadUbj(
      "[i\x01i\x02[SU\x01"
      "ai\x03]i\x04]");
  for (const auto* document : {&json, &ubj}) {
    ASSERT_TRUE(document->ok()) << document->status();
    const DocumentCursor root(**document);
    EXPECT_TRUE(root.numbers().empty());
    const std::vector<DocumentCursor> children = root.Children();
    ASSERT_EQ(children.size(), 4u);
    EXPECT_EQ(children[0].number(), 1);
    EXPECT_EQ(children[1].number(), 2);
    EXPECT_EQ(children[3].number(), 4);
    const std::vector<DocumentCursor> inner = children[2].Children();
    ASSERT_EQ(inner.size(), 2u);
    EXPECT_EQ(inner[0].text(), "a");
    EXPECT_EQ(inner[1].number(), 3);
  }
}

TEST(DocumentTest, BrokenJson) {
  for (const std::string& text : {std::string("{"), std::string("[1,2"), std::string("{\"a\":NaM}"), std::string("[1e999]"),
                                  std::string("{} x"), std::string(100000, '['), std::string("{\"\xFF\":1}")}) {
    const auto document = ReadJsonDocument(text);
    ASSERT_FALSE(document.ok()) << text.substr(0, 20);
    EXPECT_EQ(document.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(DocumentTest, JsonWithWordsForWhatIsNoNumber) {
  const auto document = ReadJsonDocument(R"({"NaN \" Infinity":[1,NaN,Infinity,-Infinity,-2],"t":"NaN"})");
  ASSERT_TRUE(document.ok()) << document.status();
  const DocumentCursor root(*document);
  const absl::Span<const double> numbers = root.Children()[0].numbers();
  ASSERT_EQ(numbers.size(), 5u);
  EXPECT_TRUE(std::isnan(numbers[1]));
  EXPECT_EQ(numbers[2], std::numeric_limits<double>::infinity());
  EXPECT_EQ(numbers[3], -std::numeric_limits<double>::infinity());
  EXPECT_EQ(root.Children()[0].key(), "NaN \" Infinity");
  EXPECT_EQ(root.Find("t")->text(), "NaN");
  for (const char* bad : {"[1,NaNN]", "[Inf]", "[--Infinity]", "[1NaN]", "NaN]"}) EXPECT_FALSE(ReadJsonDocument(bad).ok()) << bad;
}

}  // namespace
}  // namespace vigil::trees
