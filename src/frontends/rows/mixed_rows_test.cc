// Rows of floats, doubles and texts: the parsers fill every store, and the fixed-schema parser agrees with the general one.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "frontends/errors.h"
#include "frontends/rows/csv.h"
#include "frontends/rows/fast_rows.h"
#include "frontends/rows/json_rows.h"
#include "frontends/words.h"

namespace vigil {
namespace {

TableShape AmountChannelRate() {
  Signature signature;
  signature.inputs = {{"amount", DType::kFloat32, {-1}}, {"channel", DType::kString, {-1}}, {"rate", DType::kFloat64, {-1}}};
  signature.outputs = {{"prediction", DType::kFloat32, {-1}}};
  return TableShapeOf(signature);
}

std::string Dump(const RowBatch& batch) {
  std::string out;
  for (const float v : batch.values) out += std::isnan(v) ? "nan " : std::to_string(v) + " ";
  for (const double v : batch.exact) out += std::isnan(v) ? "nan " : std::to_string(v) + " ";
  for (const std::string_view text : batch.texts) Append(&out, "'", text, "' ");
  for (const RowError& error : batch.errors) Append(&out, error.row, ":", error.column, ":", error.value, ":", error.rule, " ");
  return out;
}

class MixedRows : public ::testing::Test {
 protected:
  const RowBatch& Json(std::string_view body) {
    const Status status = json_.Parse(body, columns_, {}, &batch_, &absent_);
    EXPECT_TRUE(status.ok()) << status;
    return batch_;
  }
  const RowBatch& Csv(std::string_view body) {
    CsvReader reader(body, &arena_);
    const Status status = ParseCsvRows(reader, columns_, UnknownColumns::kWarn, &batch_, &absent_);
    EXPECT_TRUE(status.ok()) << status;
    return batch_;
  }

  const ColumnIndex columns_{AmountChannelRate()};
  JsonRows json_;
  std::deque<std::string> arena_;
  RowBatch batch_;
  std::vector<uint32_t> absent_;
};

TEST_F(MixedRows, EachStoreIsFilled) {
  const RowBatch& batch = Json(R"({"rows":[{"rate":0.1,"channel":"w\u0065b","amount":2},{"amount":null,"channel":"","rate":null}]})");
  EXPECT_EQ(batch.texts[0], "web");
  EXPECT_EQ(batch.exact[0], 0.1);
  EXPECT_EQ(batch.values[2], 0.1f);
  EXPECT_EQ(batch.values[1], 0) << "a text is there";
  EXPECT_EQ(batch.values[4], 0) << "the empty one too";
  EXPECT_TRUE(std::isnan(batch.exact[1]));
  EXPECT_TRUE(std::isnan(Json(R"({"rows":[{"amount":1,"channel":null,"rate":1}]})").values[1]));
}

TEST_F(MixedRows, CellsOfACsvAreTextsAsTheyAreWritten) {
  const RowBatch& batch = Csv("channel,rate,amount\n007,0.1,1\n\"a,b\",,2\n,1e3,\n");
  EXPECT_EQ(Dump(batch), "1.000000 0.000000 0.100000 2.000000 0.000000 nan nan nan 1000.000000 0.100000 nan 1000.000000 '007' 'a,b' '' ");
}

TEST_F(MixedRows, TypeErrorsNameTheTypeThatIsWanted) {
  EXPECT_EQ(Dump(Json(R"({"rows":[{"amount":"x","channel":1.50,"rate":[1]},{"amount":1,"channel":true,"rate":"y"}]})")).substr(0, 9),
            "nan nan 1");
  ASSERT_EQ(batch_.errors.size(), 4u);
  EXPECT_EQ(batch_.errors[1].value, "1.50");
  EXPECT_EQ(batch_.errors[1].rule, "type BYTES");
  EXPECT_EQ(batch_.errors[2].value, "true");
  EXPECT_EQ(batch_.errors[3].rule, "type FP64");
}

TEST_F(MixedRows, NdjsonTextsOutliveTheirLine) {
  ASSERT_TRUE(json_
                  .ParseLines("{\"amount\":1,\"channel\":\"one\",\"rate\":1}\n{\"rate\":2,\"channel\":\"t\\u0077o\",\"amount\":1}\n"
                              "{\"rate\":3,\"channel\":\"three\",\"amount\":1}\n",
                              columns_, {}, &batch_, &absent_)
                  .ok());
  EXPECT_EQ(batch_.texts[0], "one");
  EXPECT_EQ(batch_.texts[1], "two");
  EXPECT_EQ(batch_.texts[2], "three");
}

TEST_F(MixedRows, TheFixedSchemaParserReadsAsTheGeneralOne) {
  Random random(3);
  const char* numbers[] = {"0.1", "-3", "1e300", "null", "12345678901234567890", "0.30000000000000004"};
  const char* texts[] = {"\"web\"", "\"\"", "null", "\"a b\"", "\"caf\xC3\xA9\"", "\"q\\\"q\"", "7"};
  int fast_ones = 0;
  for (int round = 0; round < 300; ++round) {
    std::string body = R"({"rows":[)";
    for (uint64_t r = 0; r <= random.Below(3); ++r) {
      Append(&body, r == 0 ? "" : ",", R"({"amount":)", numbers[random.Below(6)], R"(,"channel":)", texts[random.Below(7)], R"(,"rate":)",
             numbers[random.Below(6)], "}");
    }
    body += "]}";
    RowBatch fast;
    if (!ParseFastRows(body, columns_, &fast)) continue;
    ++fast_ones;
    EXPECT_EQ(Dump(fast), Dump(Json(body))) << body;
  }
  EXPECT_GT(fast_ones, 50);
}

TEST_F(MixedRows, AFastLineThatIsNoneLeavesTheBatch) {
  batch_.Reset(columns_.shape());
  std::vector<uint8_t> seen(3, 0);
  ASSERT_TRUE(ParseFastLine(R"({"amount":1,"channel":"x","rate":2})", columns_, &batch_, absl::MakeSpan(seen)));
  EXPECT_FALSE(ParseFastLine(R"({"amount":1,"channel":"y","rate":)", columns_, &batch_, absl::MakeSpan(seen)));
  EXPECT_EQ(Dump(batch_), "1.000000 0.000000 2.000000 2.000000 'x' ");
}

}  // namespace
}  // namespace vigil
