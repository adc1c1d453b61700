// Rows of streamed text: whatever pieces it comes in, the rows are the same, and no value is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "frontends/rows/csv_stream.h"
#include "frontends/rows/json_stream.h"
#include "frontends/words.h"

namespace vigil {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// `text` in pieces of `piece` bytes.
TextSource InPieces(std::string_view text, size_t piece) {
  return [text, piece](char* to, size_t bytes) mutable -> StatusOr<size_t> {
    const size_t n = std::min({bytes, piece, text.size()});
    std::memcpy(to, text.data(), n);
    text.remove_prefix(n);
    return n;
  };
}

TableShape Mixed() {
  Signature signature;
  signature.inputs = {{"amount", DType::kFloat32, {-1}}, {"channel", DType::kString, {-1}}, {"rate", DType::kFloat64, {-1}}};
  return TableShapeOf(signature);
}

class Streams : public ::testing::Test {
 protected:
  // "amount channel rate;" a row, or the error.
  std::string Rows(RowStream& stream) {
    std::string out;
    RowBatch batch;
    for (;;) {
      if (const Status read = stream.Next(&batch); !read.ok()) return std::string(read.message());
      if (batch.rows == 0) return out;
      EXPECT_EQ(batch.error_count, 0);
      for (size_t r = 0; r < batch.rows; ++r) {
        char numbers[2][32];
        std::snprintf(numbers[0], sizeof(numbers[0]), "%g", static_cast<double>(batch.values[3 * r]));
        std::snprintf(numbers[1], sizeof(numbers[1]), "%.17g", batch.exact[r]);
        const bool missing = std::isnan(batch.values[3 * r + 1]);
        Append(&out, numbers[0], " ", missing ? std::string_view("-") : batch.texts[r], " ", numbers[1], ";");
      }
    }
  }
  std::string Csv(std::string_view text, size_t piece) {
    CsvStream stream(InPieces(text, piece));
    const auto header = stream.Header();
    if (!header.ok()) return std::string(header.status().message());
    std::vector<size_t> at;
    for (const std::string& name : columns_.names()) {
      at.push_back(static_cast<size_t>(std::find(header->begin(), header->end(), name) - header->begin()));
    }
    stream.Choose(columns_, at);
    return Rows(stream);
  }
  std::string Json(std::string_view text, size_t piece) {
    JsonStream stream(InPieces(text, piece), columns_);
    std::string out = Rows(stream);
    seen_ = stream.seen();
    unknown_ = stream.unknown();
    return out;
  }

  const ColumnIndex columns_{Mixed()};
  std::vector<uint8_t> seen_;
  std::vector<std::string> unknown_;
};

TEST_F(Streams, CsvIsTheSameInAnyPieces) {
  const std::string text =
      "\xEF\xBB\xBFrate, amount ,extra,channel\r\n0.1,1,x,007\r\n\r\n,,\"a\nb\",\"q\"\"q,\"\n1e300,word,,\"\"\n-inf, 2 ,,a b\n"
      "NaN,true,,1970-01-02\n12345678901234567890,1970-01-01 00:00:01,,x";
  const std::string want =
      "1 007 0.10000000000000001;nan q\"q, nan;nan - 1.0000000000000001e+300;2 a b -inf;1 1970-01-02 nan;1e+06 x 1.2345678901234567e+19;";
  for (size_t piece = 1; piece < text.size() + 2; ++piece) ASSERT_EQ(Csv(text, piece), want) << piece;
}

TEST_F(Streams, CsvThatIsNoneNamesTheLine) {
  for (const size_t piece : {1u, 7u, 1000u}) {
    EXPECT_EQ(Csv("", piece), "is empty: a header line with column names is expected");
    EXPECT_EQ(Csv("amount,channel,rate\n1,a,2\n\n1,\"a\nb\",2,3\n", piece), "line 4: has 4 cells, the header has 3");
    EXPECT_EQ(Csv("amount,channel,rate\n1,a\n", piece), "line 2: has 2 cells, the header has 3");
    EXPECT_EQ(Csv("amount,channel,rate\n1,\"a,2\n", piece), "line 2: a quote is never closed");
    EXPECT_EQ(Csv("amount,channel,rate\n1,\"a\"b,2\n", piece), "line 2: text follows a closing quote");
  }
  EXPECT_TRUE(Csv("amount,channel,rate\n1," + std::string(kStreamRowBytesMax + (2 << 20), 'x') + ",2\n", 1 << 20) ==
              "line 2: is longer than 16 MB");
}

TEST_F(Streams, OneColumnsEmptyLineIsARow) {
  const ColumnIndex one({"x"});
  CsvStream stream(InPieces("x\n1\n\n2", 3));
  ASSERT_TRUE(stream.Header().ok());
  stream.Choose(one, {0});
  std::vector<float> values;
  RowBatch batch;
  do {
    ASSERT_TRUE(stream.Next(&batch).ok());
    for (const float value : batch.values) values.push_back(std::isnan(value) ? -1 : value);
  } while (batch.rows != 0);
  EXPECT_THAT(values, ElementsAre(1, -1, 2));
}

TEST_F(Streams, NdjsonIsTheSameInAnyPieces) {
  const std::string text =
      "{\"amount\":1,\"channel\":\"a\",\"rate\":0.1}\n{\"amount\":2,\"rate\":3}\n\n{\"rate\":\"nan\",\"channel\":1.50,\"amount\":\"inf\"}\n"
      "{\"amount\":\"word\",\"channel\":7,\"rate\":{\"x\":1},\"_time\":\"never\",\"more\":{}}\r\n{\"channel\":true,\"amount\":true}\n"
      "{\"channel\":{\"a\":1}}";
  const std::string want = "1 a 0.10000000000000001;2 - 3;inf 1.5 nan;nan 7 nan;1 true nan;nan {\"a\":1} nan;";
  for (size_t piece = 1; piece < text.size() + 2; ++piece) ASSERT_EQ(Json(text, piece), want) << piece;
  EXPECT_THAT(seen_, ElementsAre(1, 1, 1));
  EXPECT_THAT(unknown_, ElementsAre("_time", "more"));
}

TEST_F(Streams, NdjsonTellsWhichColumnsThereWereAndNamesTheBadLine) {
  EXPECT_EQ(Json("{\"amount\":1}\n{\"rate\":null}\n", 5), "1 - nan;nan - nan;");
  EXPECT_THAT(seen_, ElementsAre(1, 0, 1));
  EXPECT_EQ(Json("", 1), "");
  EXPECT_THAT(seen_, ElementsAre(0, 0, 0));
  EXPECT_THAT(Json("\n{\"amount\":1}\n{\"amount\" \"rate\":1}\n", 4), HasSubstr("line 3: not valid JSON"));
  EXPECT_THAT(Json("7\n", 4), HasSubstr("line 1: not valid JSON"));
  EXPECT_TRUE(Json("{}\n{\"channel\":\"" + std::string(kStreamRowBytesMax + (2 << 20), 'x') + "\"}\n", 1 << 20) ==
              "line 2: the object is longer than 16 MB");
}

TEST_F(Streams, ManyRowsComeInBoundedBatches) {
  std::string csv = "amount,channel,rate\n", json, want;
  for (int i = 0; i < 20'000; ++i) {
    Append(&csv, i, ",t", i, ",0.5\n");
    Append(&json, "{\"amount\":", i, ",\"channel\":\"t", i, "\",\"rate\":0.5}\n");
    char amount[32];
    std::snprintf(amount, sizeof(amount), "%g", static_cast<double>(i));
    Append(&want, amount, " t", i, " 0.5;");
  }
  EXPECT_EQ(Csv(csv, 1 << 16), want);
  EXPECT_EQ(Json(json, 1 << 16), want);
}

}  // namespace
}  // namespace vigil
